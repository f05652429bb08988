import type { Emission } from '../../src/bus/descriptor.js';
import type { Dictionary } from './dictionary.js';
import type { Interface } from './read.js';

/** What the reference says beyond the interfaces: the same in docs/api and in the manual page. */

export const PREFIX = 'org.freedesktop.RemoteAccess';

export const RULES: [rule: string, meaning: string][] = [
  ['anyone', 'Every process on the system bus.'],
  ['owner', 'The bus connection that opened the login or the connection.'],
  [
    'user',
    "A process of the user that the object, the argument or the token is about, as the bus knows the caller's uid.",
  ],
  ['login', 'The bus connection that completed a login to the session, as long as it stays on the bus.'],
  [
    'session',
    "A process inside the very session: of its user, and in its logind session or a service of the user's systemd.",
  ],
  [
    'polkit ACTION',
    `Whom polkit grants the action \`${PREFIX}.ACTION\`; by default administrators who authenticate, and members of the group \`remote-access\`.`,
  ],
  ['agent', 'The agent of the session, a part of RemoteAccess.'],
  ['root', 'Root alone.'],
];

export const OBJECTS: [path: string, interfaces: string[], meaning: string][] = [
  ['/org/freedesktop/RemoteAccess', ['', '.Tokens'], 'The way in; the ObjectManager of all others.'],
  ['/org/freedesktop/RemoteAccess/login/N', ['.Login'], 'One attempt to get into a session.'],
  ['/org/freedesktop/RemoteAccess/session/ID', ['.Session', '.Handover'], 'A headless desktop session.'],
  [
    '/org/freedesktop/RemoteAccess/connection/N',
    ['.Connection', '.Monitors', '.Capture', '.Input', '.Clipboard'],
    "A tool's connection to a session.",
  ],
];

export const GRANTS: [grant: string, meaning: string][] = [
  ['monitors', 'Lay out the virtual monitors.'],
  ['capture', 'See the pictures of the monitors.'],
  ['keyboard', 'Type.'],
  ['pointer', 'Move the pointer, click, scroll.'],
  ['touch', 'Use a touch screen.'],
  ['tablet', 'Use a graphics tablet. No compositor takes one yet.'],
  ['gamepad', 'Use a game controller. No compositor takes one yet.'],
  ['clipboard-read', 'Learn and read what is copied in the session.'],
  ['clipboard-write', 'Put something on the clipboard.'],
  ['audio-output', 'Hear the session. Reserved.'],
  ['microphone', 'Be a microphone of the session. Reserved.'],
  ['camera', 'Be a camera of the session. Reserved.'],
];

/** What PropertiesChanged does for a property. */
export const CHANGES: Record<Emission, string> = {
  true: 'PropertiesChanged carries new values',
  invalidates: 'PropertiesChanged tells that it changed',
  const: 'never changes',
  false: 'changes are not announced',
};

/** Who may use a member, in the words of RULES. */
export function accessText(rules: readonly string[]): string {
  const polkit = `polkit:${PREFIX}.`;
  return rules
    .map((rule) => (rule.startsWith(polkit) ? `polkit ${rule.slice(polkit.length)}` : rule))
    .join(', or ')
    .concat(rules.some((rule) => ['anyone', 'owner', 'agent', 'root'].includes(rule)) ? '' : ', or root');
}

/** Throws where the tables above and the interfaces differ. */
export function checkReference(interfaces: readonly Interface[], dictionaries: readonly Dictionary[]): void {
  const listed = new Set(OBJECTS.flatMap(([, names]) => names.map((name) => PREFIX + name)));
  const missing = interfaces.filter(({ name }) => !listed.has(name));
  if (missing.length > 0) throw new Error(`no object has ${missing.map(({ name }) => name).join(', ')}`);
  const known = (dictionaries.find(({ $id }) => $id === 'ProvisionOptions')?.properties.grants?.items as
    | { enum?: string[] }
    | undefined) ?? { enum: [] };
  if (known.enum?.join() !== GRANTS.map(([grant]) => grant).join())
    throw new Error('the grants are not the documented');
}

/** Names and doc comments of the classes in src/errors.ts. */
export function errorRows(source: string): string[][] {
  const classes = source.matchAll(/^(?:\/\*\* (.*) \*\/\n)?export class (\w+) extends (ours|named)\('([\w.]+)'\)/gm);
  return [...classes].map(([, doc, name = '', kind, dbusName]) => [
    `\`${kind === 'ours' ? `${PREFIX}.Error.` : ''}${dbusName}\``,
    doc ?? `${name.charAt(0)}${name.slice(1).replace(/[A-Z]/g, (letter) => ` ${letter.toLowerCase()}`)}.`,
  ]);
}
