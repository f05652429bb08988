import type { Command, Option } from '../command.js';
import { TOKEN_OPTIONS } from '../secret.js';

/** Which session a command acts in: the caller's own, unless one of these says otherwise. */
const TARGET_OPTIONS: readonly Option[] = [
  { long: 'session', value: { metavar: 'ID', kind: 'session' }, summary: 'Act in the session of this id' },
  { long: 'user', value: { metavar: 'NAME', kind: 'user' }, summary: 'Act in the session of this user' },
  ...TOKEN_OPTIONS,
];

const TARGET =
  "It acts in the caller's own session, in that of `--session` or `--user`, or in the one that a token opens. It connects beside whoever works there, and leaves no connection behind.";

const POINTER: Option = { long: 'pointer', summary: 'With the mouse pointer' };
const MONITOR: Option = {
  long: 'monitor',
  short: 'm',
  value: { metavar: 'ID', kind: 'text' },
  summary: 'Only this monitor, by its id as in layout',
};

/** The commands that log in to a session and act in it, as a remote desktop tool does. */
export const desktopCommands: readonly Command[] = [
  {
    name: 'login',
    summary: 'Start or find a session, and show its id',
    description: `Logs in: with a token to the session of its user, with \`--user\` to that user's, and without either to the caller's own. The session is started unless it is running. Desktop and layout are those of a session that has to be started; one that is running keeps its own.

Of the methods that the machine offers those are tried first for which nobody has to be asked: \`kerberos\` with the caller's ticket, if it is of that user, and \`peer\`, for the own session. Then comes \`pam\`, or \`password\` where that is not offered. \`--method\` names the only one to be tried; with \`token\` the token is asked for unless an option has it, and \`kerberos\` without \`--user\` logs in whomever the ticket is of.

Questions are asked at the terminal, and again if the answer was wrong, until the service has had enough; what is secret is not shown. If standard input is no terminal, each of its lines is the answer to the next question.

Kerberos takes the ticket from the caller's credential cache (\`kinit\`), as \`krb5.conf\` and the variable \`KRB5CCNAME\` have it, for the service \`host@NAME\`, where NAME is this machine's full host name or what \`--host\` says. The ticket itself stays with the caller unless \`--delegate\` is given.`,
    arguments: [],
    options: [
      {
        long: 'user',
        value: { metavar: 'NAME', kind: 'user' },
        summary: 'Log in as this user, and answer what is asked',
      },
      {
        long: 'method',
        value: { metavar: 'METHOD', kind: 'text', choices: ['token', 'kerberos', 'password', 'pam', 'peer'] },
        summary: 'Log in this way and no other: `token`, `kerberos`, `password`, `pam` or `peer`',
      },
      {
        long: 'delegate',
        summary: 'With Kerberos, and no other way: hand the ticket on to the session, which may use it in your name',
      },
      {
        long: 'host',
        value: { metavar: 'NAME', kind: 'text' },
        summary: "With Kerberos: this machine's name in its realm, if that is not its full host name",
      },
      ...TOKEN_OPTIONS,
      { long: 'desktop', value: { metavar: 'ID', kind: 'desktop' }, summary: 'The desktop to start' },
      {
        long: 'layout',
        value: { metavar: 'LAYOUT', kind: 'text' },
        summary: 'The monitors to start with, as in layout',
      },
    ],
    keys: [
      ['id', "the session's id"],
      ['path', 'its object on the bus; and the other keys of `sessions`'],
    ],
    examples: [
      { line: 'remoteaccessctl login --layout 1920x1080', meaning: "Starts a session of one's own." },
      {
        line: 'remoteaccessctl login --user alice',
        meaning: "Asks for alice's password, and for what else her login needs.",
      },
      {
        line: 'remoteaccessctl login --token-file alice.token',
        meaning: 'Starts or finds the session that a token opens.',
      },
      {
        line: 'kinit && remoteaccessctl login --delegate',
        meaning: 'Logs in with a Kerberos ticket, and lets the session have it.',
      },
    ],
    load: () => import('../commands/login.js'),
  },
  {
    name: 'layout',
    summary: "Show or set a session's monitors",
    description: `Without LAYOUT shows the monitors, with it replaces them and shows what became of them. ${TARGET}\n\nA layout is monitors separated by commas, each \`[ID=]WIDTHxHEIGHT[@SCALE][+X+Y][:WORD]...\`. Sizes are physical pixels, positions logical ones: physical pixels divided by the scale. A monitor without a position stands right of the one before it, and one without an id takes that of a monitor which is there already, so that its windows stay. The words are \`primary\` (otherwise it is the first one), a refresh rate as \`75Hz\`, and a rotation: \`90\`, \`180\`, \`270\`, \`flipped\`, \`flipped-90\`, \`flipped-180\` or \`flipped-270\`. What is shown can be given back.\n\nA compositor may offer only certain scales for a size; the nearest one is used.`,
    arguments: [{ metavar: 'LAYOUT', kind: 'text', optional: true, summary: 'The monitors that there shall be' }],
    options: TARGET_OPTIONS,
    keys: [
      ['id', "the monitor's id"],
      ['size', 'width and height in physical pixels'],
      ['position', 'left and top in logical pixels'],
      ['scale', 'physical pixels for each logical one'],
      ['refresh', 'frames per second at most'],
      ['transform', 'rotation and flip as in wl_output, 0 to 7'],
      ['primary', 'whether it is the primary monitor'],
    ],
    examples: [
      {
        line: 'remoteaccessctl layout 1920x1080@2,1280x720',
        meaning: 'Two monitors side by side, the left one at scale 2.',
      },
      {
        line: 'remoteaccessctl layout left=1080x1920:90,right=2560x1440:primary --user alice',
        meaning: 'A monitor on its side, and the primary one right of it, for alice.',
      },
    ],
    load: () => import('../commands/layout.js'),
  },
  {
    name: 'screenshot',
    summary: "Take a picture of a session's monitors",
    description: `Writes a PNG picture of all monitors at their places; with several scales, all as large as at the largest. ${TARGET} Needs gst-launch-1.0 and PipeWire's plugin for it (the Debian packages gstreamer1.0-tools, gstreamer1.0-plugins-base and gstreamer1.0-pipewire).`,
    arguments: [{ metavar: 'FILE', kind: 'file', summary: 'The file to write; `-` is standard output' }],
    options: [MONITOR, POINTER, ...TARGET_OPTIONS],
    keys: [
      ['file', 'the file'],
      ['width', 'its width in pixels'],
      ['height', 'its height in pixels'],
    ],
    examples: [
      { line: 'remoteaccessctl screenshot alice.png --user alice', meaning: 'All monitors of alice in one picture.' },
      { line: 'remoteaccessctl screenshot - --monitor default | display', meaning: 'One monitor, to another program.' },
    ],
    load: () => import('../commands/screenshot.js'),
  },
  {
    name: 'record',
    summary: "Record a video of a session's monitors",
    description: `Writes a WebM video (VP8) until Ctrl-C, SIGTERM, or the end of --duration. The file is complete in any of these cases. ${TARGET} If the layout changes meanwhile, the recording ends there, and that is an error. Needs what screenshot needs, and the Debian package gstreamer1.0-plugins-good.`,
    arguments: [{ metavar: 'FILE', kind: 'file', summary: 'The file to write; `-` is standard output' }],
    options: [
      {
        long: 'duration',
        short: 'd',
        value: { metavar: 'SECONDS', kind: 'text' },
        summary: 'End after so many seconds',
      },
      {
        long: 'frame-rate',
        value: { metavar: 'HZ', kind: 'text' },
        summary: 'Frames for each second, 30 if not given',
      },
      MONITOR,
      ...TARGET_OPTIONS,
    ],
    keys: [
      ['file', 'the file'],
      ['width', 'its width in pixels'],
      ['height', 'its height in pixels'],
    ],
    examples: [
      { line: 'remoteaccessctl record demo.webm --duration 10', meaning: "Ten seconds of one's own session." },
    ],
    load: () => import('../commands/record.js'),
  },
  {
    name: 'type',
    summary: 'Type a text in a session',
    description: `Types a text into whatever has the keyboard's focus, and returns when the compositor has taken it in. ${TARGET}\n\nThe text may have any characters that the session's keyboard layout has keys for, dead keys among them; line breaks press Enter and tabs Tab. If there is a character that it has none for, the error names it and nothing is typed; \`clipboard set\` and \`key ctrl+v\` bring any text into a session. Of several keyboard layouts the first one counts where the compositor does not tell which is in use, as mutter 48; a note says when that matters. Secrets belong on standard input: arguments can be read by other users.`,
    arguments: [
      { metavar: 'TEXT', kind: 'text', optional: true, summary: 'The text; without it, or as `-`, standard input' },
    ],
    options: TARGET_OPTIONS,
    keys: [],
    examples: [
      { line: "remoteaccessctl type 'Hello!'", meaning: 'Types a word.' },
      { line: 'remoteaccessctl type --user alice < password', meaning: 'Types what a file holds, its line break too.' },
    ],
    load: () => import('../commands/type.js'),
  },
  {
    name: 'key',
    summary: 'Press keys in a session',
    description: `Presses key combinations one after the other. ${TARGET}\n\nA combination is keys joined by plus signs: \`ctrl\`, \`shift\`, \`alt\`, \`altgr\` and \`super\`, then a character or a name of XKB's in any case, such as \`Return\`, \`Escape\`, \`Tab\`, \`Left\`, \`PageUp\`, \`F5\`, \`Print\`, \`plus\` or \`XF86AudioMute\`. Letters mean the key: Shift is written. What the keyboard layout has on other levels is held by itself, as Shift for a question mark.`,
    arguments: [{ metavar: 'KEYS', kind: 'text', repeated: true, summary: 'A combination, for example `ctrl+alt+t`' }],
    options: TARGET_OPTIONS,
    keys: [],
    examples: [
      { line: 'remoteaccessctl key super', meaning: "Opens GNOME's overview." },
      { line: 'remoteaccessctl key ctrl+a ctrl+c', meaning: 'Selects and copies all.' },
    ],
    load: () => import('../commands/key.js'),
  },
  {
    name: 'clipboard',
    summary: "Read or fill a session's clipboard",
    description: `\`get\` writes what is on the clipboard to standard output, \`set\` puts standard input there, and \`types\` lists what it can be read as. ${TARGET}\n\nDesktops keep a copy of texts and pictures for when their owner goes; for what they keep none of, \`set\` serves it until something else is copied, or Ctrl-C.`,
    arguments: [{ metavar: 'ACTION', kind: 'text', choices: ['get', 'set', 'types'], summary: 'What to do' }],
    options: [
      {
        long: 'type',
        short: 't',
        value: { metavar: 'MIME', kind: 'text' },
        summary: 'The MIME type; text if not given',
      },
      ...TARGET_OPTIONS,
    ],
    keys: [['type', 'a type on offer, by `types`']],
    examples: [
      { line: 'remoteaccessctl clipboard get', meaning: 'Shows the text on the clipboard.' },
      { line: 'remoteaccessctl clipboard set --type image/png < picture.png', meaning: 'Copies a picture.' },
    ],
    load: () => import('../commands/clipboard.js'),
  },
];
