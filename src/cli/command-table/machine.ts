import type { Command } from '../command.js';

export const machineCommands: readonly Command[] = [
  {
    name: 'status',
    summary: 'Show how the service is',
    description:
      'Shows whether the service runs, which ways to log in and which desktops it offers, and how many sessions and tokens there are, as far as the caller may see them. If it does not run it is started, as by any other call; the first line says how it was found.',
    arguments: [],
    options: [],
    keys: [
      ['service', 'how it was found: `running`, `activatable` or `missing`'],
      ['pid', 'its process; 0 if it does not run'],
      ['api-version', 'the version of its D-Bus API; 0 if it does not answer'],
      ['auth-methods', 'the ways to log in, an array'],
      ['sessions', 'how many sessions the caller may see'],
      ['connected', 'how many of them have a client'],
      ['tokens', 'how many tokens the caller may see'],
      ['desktops', 'the ids of the desktops, an array, the default first'],
    ],
    exits: [[5, 'The service neither runs nor can be started.']],
    examples: [{ line: 'remoteaccessctl status', meaning: 'Shows how the service is.' }],
    load: () => import('../commands/status.js'),
  },
  {
    name: 'desktops',
    summary: 'List desktops that can run headless',
    description:
      'Lists the installed desktops that can be started without a screen, the default one first. Which ones those are is read from `wayland-sessions/*.desktop` and `/etc/remote-access/desktops`.',
    arguments: [],
    options: [],
    keys: [
      ['id', 'its id, for --desktop'],
      ['name', 'its name for people'],
      ['compositor', 'the kind of compositor that draws it'],
    ],
    examples: [{ line: 'remoteaccessctl desktops', meaning: 'Lists desktops.' }],
    load: () => import('../commands/desktops.js'),
  },
  {
    name: 'config',
    summary: 'Check or show the settings',
    description: `\`check\` reads the files of remote-access.conf(5), and prints every mistake with its file, line and key. Given files, it looks at those alone: before they are put in place, or in an image.

\`show\` prints every setting and where it comes from, as the files are now. The service follows a change when it starts, or is told to: \`systemctl try-reload-or-restart remote-accessd\`.`,
    arguments: [
      { metavar: 'ACTION', kind: 'text', choices: ['check', 'show'], summary: 'What to do' },
      {
        metavar: 'FILE',
        kind: 'file',
        summary: 'A file to check instead of those that are in place',
        optional: true,
        repeated: true,
      },
    ],
    options: [],
    keys: [
      ['file', 'the file of the mistake or setting; absent for a default'],
      ['line', 'its line; for a mistake 0 if it is the file as a whole'],
      ['key', 'of a mistake `Section.Key`, as much of it as is known; of a setting its key'],
      ['message', 'what is wrong'],
      ['section', 'the section of a setting'],
      ['value', 'its value: text, a number, true or false, or an array; times in seconds, or `infinity`'],
    ],
    exits: [
      [0, 'There is no mistake.'],
      [1, 'There is a mistake.'],
    ],
    examples: [
      { line: 'remoteaccessctl config check', meaning: 'Checks what is in place.' },
      {
        line: 'remoteaccessctl config show --no-legend | grep -v default$',
        meaning: 'Shows what is not as it comes.',
      },
    ],
    load: () => import('../commands/config.js'),
  },
  {
    name: 'monitor',
    summary: 'Print what happens, until interrupted',
    description: `Prints a line for each event: sessions that start, change and end, tokens that are made and removed, and the service itself when it starts and stops. It goes on while the service is not running, and does not start it. Changes of sessions that the caller may not see are left out.`,
    arguments: [],
    options: [],
    keys: [
      ['time', 'when it was noticed, in seconds since 1970-01-01 UTC, with a fraction'],
      [
        'event',
        '`ready` (once, when it listens), `service-started`, `service-stopped`, `session-new`, `session-changed`, `session-removed`, `token-added` or `token-removed`',
      ],
      ['id', 'the id of the session or token; absent in `ready` and `service-` events'],
      ['user', "the session's user; absent if unknown"],
      ['state', 'in `session-new` and `session-changed`: as in sessions'],
      ['locked', 'in `session-new` and `session-changed`: whether its screen is locked'],
      ['client', 'in `session-new` and `session-changed`: who is connected, as in sessions'],
      ['reason', 'in `token-removed`: `revoked`, `expired` or `used-up`'],
    ],
    examples: [
      {
        line: 'remoteaccessctl monitor --json | jq --unbuffered -r \'select(.state == "connected").user\'',
        meaning: 'Prints who is being connected to.',
      },
    ],
    load: () => import('../commands/monitor.js'),
  },
  {
    name: 'doctor',
    summary: 'Find what would stop remote access from working',
    description: `Looks at everything on this machine that remote access needs, and says of each thing that is wrong what to do about it. Nothing is changed. Some things only root can see; they are left out for others.

A problem keeps sessions from working; a warning concerns only some users, or may do so soon.`,
    arguments: [],
    options: [{ long: 'quiet', short: 'q', summary: 'Leave out what is in order' }],
    keys: [
      ['check', 'what was looked at'],
      ['state', '`ok`, `warning`, `problem` or `unknown`'],
      ['message', 'what was found'],
      ['remedy', 'what to do about it; empty if there is nothing to do'],
    ],
    exits: [
      [0, 'There is no problem; there may be warnings.'],
      [1, 'There is a problem.'],
    ],
    examples: [{ line: 'sudo remoteaccessctl doctor', meaning: 'Looks at everything.' }],
    load: () => import('../commands/doctor.js'),
  },
];
