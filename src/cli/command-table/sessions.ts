import type { Command } from '../command.js';

/** The keys of a session in JSON. */
const SESSION_KEYS: Command['keys'] = [
  ['id', 'its id'],
  ['class', '`user` or `greeter`'],
  ['uid', "its user's uid"],
  ['user', "its user's name"],
  ['state', '`starting`, `disconnected`, `connected` or `closing`'],
  ['desktop', 'the desktop that runs in it'],
  ['compositor', 'the kind of compositor that draws it'],
  ['logind-session', 'its id in loginctl, or empty'],
  ['created', 'when it was started, in seconds since 1970-01-01 UTC'],
  ['locked', 'whether its screen is locked'],
  ['client', 'who is connected, an object that may have `name`, `address` and `since`; empty if nobody is'],
  ['path', 'its object on the bus'],
];

export const sessionCommands: readonly Command[] = [
  {
    name: 'sessions',
    summary: 'List sessions',
    description: "Lists the headless desktop sessions that are running: for root everybody's, for others their own.",
    arguments: [],
    options: [],
    keys: SESSION_KEYS,
    examples: [{ line: 'remoteaccessctl sessions', meaning: 'Lists sessions.' }],
    load: () => import('../commands/sessions.js'),
  },
];
