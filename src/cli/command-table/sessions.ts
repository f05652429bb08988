import type { Argument, Command } from '../command.js';

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
  ['last-client', 'who left last, the same with `left`; empty as long as nobody has'],
  ['path', 'its object on the bus'],
];

const SESSION: Omit<Argument, 'optional' | 'repeated'> = {
  metavar: 'SESSION|USER',
  kind: 'session-or-user',
  summary: 'The id of a session, or the name of its user',
};

const OWN_OR_GIVEN: Argument = {
  ...SESSION,
  optional: true,
  repeated: true,
  summary: 'Ids of sessions, or names of their users; without any, the own session',
};

const CHANGED: Command['keys'] = [['id', 'the id of a session for which it was done']];

export const sessionCommands: readonly Command[] = [
  {
    name: 'sessions',
    summary: 'List sessions',
    description: "Lists the headless desktop sessions that are running: for root everybody's, for others their own.",
    arguments: [],
    options: [],
    keys: SESSION_KEYS,
    examples: [{ line: 'remoteaccessctl sessions --json | jq -r .user', meaning: 'Prints who has a session.' }],
    load: () => import('../commands/sessions.js'),
  },
  {
    name: 'show',
    summary: 'Show a session',
    description: 'Shows what there is to know of a session; of the own one without an argument.',
    arguments: [{ ...SESSION, optional: true }],
    options: [],
    keys: SESSION_KEYS,
    examples: [{ line: 'remoteaccessctl show alice', meaning: "Shows alice's session." }],
    load: () => import('../commands/show.js'),
  },
  {
    name: 'create',
    summary: 'Start a session before anybody asks for it',
    description:
      'Starts the headless session of USER, or finds the one that is running, and prints its id when its desktop is up. Without USER it is the own session. Desktop and layout are those of a session that has to be started; one that is running keeps its own, and may be refused or ended for it where `Rejoin=` of remote-access.conf(5) says so.',
    arguments: [{ metavar: 'USER', kind: 'user', optional: true, summary: 'Whose session to start' }],
    options: [
      {
        long: 'desktop',
        short: 'd',
        value: { metavar: 'ID', kind: 'desktop' },
        summary: 'The desktop to start, as desktops lists it; the first one without this option',
      },
      {
        long: 'layout',
        value: { metavar: 'LAYOUT', kind: 'text' },
        summary: 'The monitors to start with, as in layout',
      },
      { long: 'new', summary: 'Fail with exit code 6 if the user has a session already' },
    ],
    keys: SESSION_KEYS,
    examples: [
      { line: 'remoteaccessctl create alice --desktop=gnome', meaning: 'Has a GNOME session ready for alice.' },
    ],
    load: () => import('../commands/create.js'),
  },
  {
    name: 'lock',
    summary: 'Lock screens of sessions',
    description: 'Asks the desktop of each session to lock its screen. A desktop without a screen lock does nothing.',
    arguments: [OWN_OR_GIVEN],
    options: [],
    keys: CHANGED,
    examples: [{ line: 'remoteaccessctl lock', meaning: 'Locks the own session.' }],
    load: () => import('../commands/lock.js'),
  },
  {
    name: 'unlock',
    summary: 'Unlock screens of sessions',
    description: 'Asks the desktop of each session to unlock its screen.',
    arguments: [OWN_OR_GIVEN],
    options: [],
    keys: CHANGED,
    examples: [{ line: 'remoteaccessctl unlock alice', meaning: "Unlocks alice's session." }],
    load: () => import('../commands/unlock.js'),
  },
  {
    name: 'disconnect',
    summary: 'Send away who is connected',
    description:
      'Closes all connections to each session; who has one is told `disconnected`. The sessions go on, and their screens are locked as they are when clients leave. Who has logged in may connect again. A menu inside the desktop may call it.',
    arguments: [OWN_OR_GIVEN],
    options: [],
    keys: CHANGED,
    examples: [{ line: 'remoteaccessctl disconnect alice', meaning: "Sends away who works in alice's session." }],
    load: () => import('../commands/disconnect.js'),
  },
  {
    name: 'terminate',
    summary: 'End sessions',
    description:
      'Ends sessions and every process in them, and waits until they are gone. What was not saved is lost. Connections are closed.',
    arguments: [{ ...SESSION, repeated: true }],
    options: [{ long: 'no-wait', summary: 'Do not wait until they are gone' }],
    keys: CHANGED,
    examples: [{ line: 'remoteaccessctl terminate 79e0c00a', meaning: 'Ends one session.' }],
    load: () => import('../commands/terminate.js'),
  },
  {
    name: 'autostart',
    summary: 'Choose whose sessions start with the machine',
    description: `Has the headless session of each USER start whenever the machine does, without any login, with the default desktop. Without USER it lists who was chosen. Sessions that run are left as they are, and one that ends is not started again before the next boot.

It enables \`remote-access-autostart@USER.service\`, which runs \`remoteaccessctl create\`; its journal says what became of it.`,
    arguments: [
      { metavar: 'USER', kind: 'user', optional: true, repeated: true, summary: 'Whose session is to start at boot' },
    ],
    options: [
      { long: 'remove', summary: 'Do not start their sessions any more' },
      {
        long: 'root',
        value: { metavar: 'DIR', kind: 'directory' },
        summary: 'Do it for the system in DIR, an image that is being built',
      },
    ],
    keys: [['user', 'the name of a user']],
    examples: [
      { line: 'remoteaccessctl autostart alice', meaning: "Has alice's desktop ready after each boot." },
      { line: 'remoteaccessctl autostart --remove alice', meaning: 'Takes that back.' },
    ],
    load: () => import('../commands/autostart.js'),
  },
];
