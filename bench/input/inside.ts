import { spawn } from 'node:child_process';
import { setTimeout as delay } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { mutterRemoteDesktop } from '../../src/bus/generated/mutter-remote-desktop.js';
import { mutterRemoteDesktopSession } from '../../src/bus/generated/mutter-remote-desktop-session.js';
import { RemoteObject } from '../../src/bus/remote-object.js';
import { Variant } from '../../src/bus/variant.js';
import { CompositorInput } from '../../src/portal-backend/eis/compositor-input.js';
import { Tool } from '../../src/tool/tool.js';
import { asUser } from '../../test/system/in-session.js';
import { Lines } from '../../test/system/lines.js';
import { provision } from '../../test/system/remote-tool.js';
import { endSessions } from '../container/end-sessions.js';
import { fromMonotonic } from '../container/first-frame.js';
import { foreignTool, person, userBus } from '../container/person.js';
import { alternate } from '../container/rounds.js';
import { type Figure, quantiles } from '../figure.js';

/** A key that has no effect in any client: F13 of linux/input-event-codes.h. */
const KEY_F13 = 183;
const KEYBOARD = 1;
const REST_MS = 15;
const REMOTE_DESKTOP = 'org.gnome.Mutter.RemoteDesktop';

const admin = await Tool.start();
const tool = await foreignTool();
const session = await tool.logIn('token', { token: provision() }, { desktop: 'mutter' });
const connection = await tool.connect(session);
const [program, args] = asUser('alice', ['python3', fileURLToPath(new URL('./window.py', import.meta.url))]);
const window = new Lines(spawn(program, args, { stdio: ['pipe', 'pipe', 'inherit'] }));
await window.next((line) => line.active === true, 'active');

const relayed = new CompositorInput(await connection.input.methods.connectToEIS({}), { name: 'relayed' });
const direct = new CompositorInput(await connectDirectly(), { name: 'direct' });
await Promise.all([relayed.ready, direct.ready]);

const { ours, directly } = await alternate(
  { ours: () => strike(relayed), directly: () => strike(direct) },
  { least: 200, most: 2000, seconds: 40 },
);
const [relayedTimes, directTimes] = [quantiles(ours), quantiles(directly)];
const figures: Figure[] = [
  {
    name: 'key sent into EIS → seen by a client',
    unit: 'ms',
    ours: relayedTimes,
    reference: { name: 'EIS of mutter', ...directTimes },
  },
  {
    name: '  what the hop adds',
    unit: 'ms',
    ours: {
      p50: relayedTimes.p50 - directTimes.p50,
      p95: relayedTimes.p95 - directTimes.p95,
      p99: relayedTimes.p99 - directTimes.p99,
    },
    aim: 'p50 ≤ 0.5 ms, p99 ≤ 2 ms',
  },
];
process.stdout.write(`${JSON.stringify(figures)}\n`);
await window.kill();
await endSessions(admin);
process.exit(0);

/** The keyboard of a remote desktop session of our own, as the session's user gets it. */
async function connectDirectly(): Promise<number> {
  const bus = await userBus(person('alice'));
  const root = new RemoteObject(bus, mutterRemoteDesktop, REMOTE_DESKTOP, '/org/gnome/Mutter/RemoteDesktop');
  const path = await root.methods.createSession();
  const remote = new RemoteObject(bus, mutterRemoteDesktopSession, REMOTE_DESKTOP, path);
  await remote.methods.start();
  return remote.methods.connectToEIS(new Map([['device-types', new Variant('u', KEYBOARD)]]));
}

/** How long a key takes to the window, in milliseconds. The window has come to rest before, as between two strokes. */
async function strike(input: CompositorInput): Promise<number> {
  await delay(REST_MS);
  const took = await send(input, true);
  await send(input, false);
  return took;
}

async function send(input: CompositorInput, pressed: boolean): Promise<number> {
  const sent = performance.now();
  input.key(KEY_F13, pressed);
  input.frame(process.hrtime.bigint() / 1000n);
  const { at } = await window.next((line) => line.code === KEY_F13 && line.pressed === pressed, 'the key');
  return fromMonotonic(Number(at) * 1e9) - sent;
}
