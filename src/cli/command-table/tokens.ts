import type { Command } from '../command.js';

/** The keys of a token in JSON; the same as in the dictionaries of the D-Bus API. */
const TOKEN_KEYS: Command['keys'] = [
  ['id', 'its public id'],
  ['user', 'whose session it opens'],
  ['uid', "that user's uid"],
  ['label', 'the note given when it was made, or empty'],
  ['app-id', 'the tool that it is meant for, or empty'],
  ['grants', 'what may be done with it, an array'],
  ['desktop', 'the desktop that it starts, or empty for the default'],
  ['created', 'when it was made, in seconds since 1970-01-01 UTC'],
  ['expires', 'from when on it is not accepted, in seconds since 1970-01-01 UTC; 0: never'],
  ['uses', 'how many logins are left; 0: any number'],
  ['last-used', 'when it last opened a session, in seconds since 1970-01-01 UTC; 0: never'],
];

export const tokenCommands: readonly Command[] = [
  {
    name: 'tokens',
    summary: 'List tokens',
    description:
      "Lists tokens, the oldest first, never their secrets: for root everybody's, for others their own, with USER those of that user.",
    arguments: [{ metavar: 'USER', kind: 'user', optional: true, summary: 'Only the tokens of this user' }],
    options: [],
    keys: TOKEN_KEYS,
    examples: [
      { line: 'remoteaccessctl tokens alice', meaning: "Shows alice's tokens." },
      {
        line: 'remoteaccessctl tokens --json | jq -r \'select(.["last-used"] == 0).id\'',
        meaning: 'Prints the ids of tokens that were never used.',
      },
    ],
    load: () => import('../commands/tokens.js'),
  },
  {
    name: 'revoke',
    summary: 'Take tokens back',
    description:
      'Removes tokens and closes the logins and connections that were opened with them. Sessions and their windows go on. If one of the tokens cannot be revoked, the others still are; the exit code is that of the first failure.',
    arguments: [{ metavar: 'ID', kind: 'token', repeated: true, summary: 'The public id of a token, as in tokens' }],
    options: [],
    keys: [['id', 'the id of a token that was revoked']],
    examples: [{ line: 'remoteaccessctl revoke jv2ty2uvtv', meaning: 'Takes one token back.' }],
    load: () => import('../commands/revoke.js'),
  },
];
