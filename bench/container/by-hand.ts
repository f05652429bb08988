import { execFileSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import type { Bus } from '../../src/bus/bus.js';
import { mutterScreenCast } from '../../src/bus/generated/mutter-screen-cast.js';
import { mutterScreenCastSession } from '../../src/bus/generated/mutter-screen-cast-session.js';
import { RemoteObject } from '../../src/bus/remote-object.js';
import { Variant } from '../../src/bus/variant.js';
import { DisplayConfig } from '../../src/portal-backend/compositor/mutter/display-config.js';
import { nodeOf } from '../../src/portal-backend/compositor/mutter/recording.js';
import { waitForName } from '../../src/portal-backend/wait-for-name.js';
import { type Person, userBus } from './person.js';

/** The references: what somebody does without RemoteAccess, with mutter's own interfaces. */

const PAM_SESSION = fileURLToPath(new URL('../../dist/bench/pam-session', import.meta.url));
const SCREEN_CAST = 'org.gnome.Mutter.ScreenCast';
const UNIT = 'by-hand.service';
const DEADLINE_MS = 60_000;
const EMBEDDED_CURSOR = 1;

/** A compositor that somebody started by hand in a PAM session of the user. */
export class SessionByHand implements AsyncDisposable {
  readonly bus: Bus;

  private constructor(bus: Bus) {
    this.bus = bus;
  }

  /** Resolves when mutter is on the user's bus. */
  static async start(user: Person, command: readonly string[]): Promise<SessionByHand> {
    const path = `${user.runtime}/bus`;
    execFileSync('systemd-run', ['--quiet', '--collect', `--unit=${UNIT}`, PAM_SESSION, user.name, ...command]);
    await appearance(path);
    const bus = await userBus(user);
    await waitForName(bus, SCREEN_CAST, AbortSignal.timeout(DEADLINE_MS));
    return new SessionByHand(bus);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.bus[Symbol.asyncDispose]();
    execFileSync('systemctl', ['stop', UNIT]);
  }
}

/** A stream of mutter's: its PipeWire node, good until it is stopped. */
export type Stream = { readonly node: number; stop(): Promise<void> };

/** Records a monitor (its connector), or a new virtual one. */
export async function record(bus: Bus, connector?: string): Promise<Stream> {
  const root = new RemoteObject(bus, mutterScreenCast, SCREEN_CAST, '/org/gnome/Mutter/ScreenCast');
  const session = new RemoteObject(
    bus,
    mutterScreenCastSession,
    SCREEN_CAST,
    await root.methods.createSession(new Map()),
  );
  const cursor = ['cursor-mode', new Variant('u', EMBEDDED_CURSOR)] as const;
  const path =
    connector === undefined
      ? await session.methods.recordVirtual(new Map<string, Variant>([cursor, ['is-platform', new Variant('b', true)]]))
      : await session.methods.recordMonitor(connector, new Map([cursor]));
  await using waiting = await nodeOf(bus, SCREEN_CAST, path);
  await session.methods.start();
  return { node: await waiting.node, stop: () => session.methods.stop().catch(() => {}) };
}

/** The name of the session's one monitor. */
export async function onlyConnector(bus: Bus): Promise<string> {
  const { outputs } = await new DisplayConfig(bus, 'org.gnome.Mutter.DisplayConfig').state();
  const [connector, more] = outputs.keys();
  if (connector === undefined || more !== undefined) throw new Error(`there are ${outputs.size} monitors`);
  return connector;
}

async function appearance(path: string): Promise<void> {
  const deadline = performance.now() + DEADLINE_MS;
  while (!existsSync(path)) {
    if (performance.now() > deadline) throw new Error(`${path} did not appear`);
    await new Promise((resolve) => setTimeout(resolve, 1));
  }
}
