import type { Command, Option } from '../command.js';

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

const TOKEN_OUT: Option = {
  long: 'token-out',
  value: { metavar: 'FILE', kind: 'file' },
  summary: 'Write the token to this new file, which only its owner can read, instead of to standard output',
};

const PROVISION: Command = {
  name: 'provision',
  summary: 'Make a token for a user',
  description: `Makes a token: permission to open the desktop session of USER from afar, without a password and without anybody at the machine. The token is printed alone on one line, and never again; the machine keeps its hash. Without options it allows everything until it is revoked.

With \`--offline\` it is made without the service, in the file system below \`--root\`: an image that is being built, or this machine's own (\`--root=/\`). The token's secret is not stored there. With \`--hash-from\` it is not even known there: generate makes the token elsewhere, and only the line that it prints comes along. This must run as root.`,
  arguments: [{ metavar: 'USER', kind: 'user', summary: 'Whose session the token opens' }],
  options: [
    {
      long: 'grants',
      short: 'g',
      value: { metavar: 'GRANT,...', kind: 'grants' },
      summary: 'What may be done with the token, `all` without this option',
    },
    { long: 'label', short: 'l', value: { metavar: 'TEXT', kind: 'text' }, summary: 'A note: what the token is for' },
    {
      long: 'app-id',
      value: { metavar: 'ID', kind: 'text' },
      summary: 'The tool that the token is meant for, as a reverse domain name; shown in lists',
    },
    {
      long: 'expires',
      short: 'e',
      value: { metavar: 'TIME', kind: 'text' },
      summary: 'From when on it is not accepted, `never` without this option; `+30d` is in 30 days',
    },
    {
      long: 'uses',
      short: 'n',
      value: { metavar: 'N', kind: 'text' },
      summary: 'How many logins it is good for, any number without this option',
    },
    {
      long: 'desktop',
      short: 'd',
      value: { metavar: 'ID', kind: 'desktop' },
      summary: 'The desktop that it starts, unless the login asks for another',
    },
    TOKEN_OUT,
    { long: 'offline', summary: 'Write to a file system, without the service' },
    {
      long: 'root',
      value: { metavar: 'DIR', kind: 'directory' },
      summary: 'With --offline: where that file system is mounted; the user is looked up in its /etc/passwd',
    },
    {
      long: 'uid',
      value: { metavar: 'UID', kind: 'text' },
      summary: 'With --offline: the uid that the user will have, if the user is only made later',
    },
    {
      long: 'hash-from',
      value: { metavar: 'FILE', kind: 'file' },
      summary: 'With --offline: read what generate printed from this file, `-` for standard input; prints no token',
    },
  ],
  keys: [
    ['id', "the token's public id"],
    ['token', 'the token; absent with --token-out and --hash-from'],
    ['token-file', 'where the token was written; only with --token-out'],
  ],
  examples: [
    { line: 'token=$(remoteaccessctl provision alice)', meaning: 'Lets a script have the token.' },
    {
      line: "remoteaccessctl provision alice --label='laptop' --expires=+30d --grants=capture,monitors --token-out=alice.token",
      meaning: 'Makes a token to look with, for a month, and keeps it in a file.',
    },
    {
      line: 'remoteaccessctl provision alice --offline --root=/mnt --hash-from=alice.hash',
      meaning: 'Puts a token into a mounted image that never learns its secret.',
    },
  ],
  load: () => import('../commands/provision.js'),
};

export const tokenCommands: readonly Command[] = [
  PROVISION,
  {
    name: 'generate',
    summary: 'Make a token for machines that are to come',
    description: `Makes a token without asking or telling anybody, writes it to the file of \`--token-out\`, and prints one line, its public id and the hash of its secret, which may be known to all. \`provision --offline --hash-from\` places that line in an image or on a machine, and from then on the token opens sessions there. The same line may go to many machines.

The hash is the SHA-256 of the 64 hexadecimal digits at the token's end.`,
    arguments: [],
    options: [{ ...TOKEN_OUT, summary: 'Write the token to this new file, which only its owner can read; needed' }],
    keys: [
      ['id', "the token's public id"],
      ['hash', 'the SHA-256 of its secret, in hexadecimal'],
      ['token-file', 'where the token was written'],
    ],
    examples: [
      {
        line: 'remoteaccessctl generate --token-out=alice.token > alice.hash',
        meaning: 'Makes a token and what an image needs of it.',
      },
    ],
    load: () => import('../commands/generate.js'),
  },
  {
    name: 'tokens',
    summary: 'List tokens',
    description:
      "Lists tokens, the oldest first, never their secrets: for root everybody's, for others their own, with USER those of that user.",
    arguments: [{ metavar: 'USER', kind: 'user', optional: true, summary: 'Only the tokens of this user' }],
    options: [],
    keys: TOKEN_KEYS,
    examples: [
      {
        line: 'remoteaccessctl tokens --json | jq -r \'select(."last-used" == 0).id\'',
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
    arguments: [
      { metavar: 'ID', kind: 'token', repeated: true, summary: 'The public id of a token, as tokens lists it' },
    ],
    options: [],
    keys: [['id', 'the id of a token that was revoked']],
    examples: [{ line: 'remoteaccessctl revoke jv2ty2uvtv', meaning: 'Takes one token back.' }],
    load: () => import('../commands/revoke.js'),
  },
];
