import { writeSync } from 'node:fs';
import { setTimeout as delay } from 'node:timers/promises';
import { Bus } from '../bus/bus.js';
import { remoteAccess } from '../bus/generated/remote-access.js';
import { type Bouncer, ObjectTree } from '../bus/object-tree.js';
import { RemoteObject } from '../bus/remote-object.js';
import { NotAuthorized } from '../errors.js';
import { defaultLayout, placeMonitors } from '../layout/layout.js';
import { Agent } from './agent.js';
import { Anchor } from './anchor.js';
import { adapterFor } from './compositor/adapters.js';
import type { Compositor } from './compositor/compositor.js';
import { Hooks } from './hooks.js';
import { LayoutMemory } from './layout-memory.js';
import { PortalTokens } from './portal-tokens.js';
import { Registration } from './registration.js';
import { pauseBeforeStart } from './start-times.js';
import { waitForName } from './wait-for-name.js';

const SERVICE = 'org.freedesktop.RemoteAccess';
const AGENT_PATH = '/org/freedesktop/RemoteAccess/Agent';

/** A compositor that ends drops its sessions first: in so many milliseconds it is gone, or it is not ending. */
const ENDS_WITHIN = 1000;

const session = process.argv[2];
if (session === undefined) {
  console.error('usage: remote-access-agent SESSION');
  process.exit(2);
}

/** What was reached, and when: milliseconds since this process started. */
const reached: string[] = [];
const mark = (what: string) => reached.push(`${what} after ${Math.round(process.uptime() * 1000)} ms`);

mark('loaded');
const runtime = process.env.XDG_RUNTIME_DIR ?? '';
const pause = pauseBeforeStart(runtime, session);
if (pause > 0) {
  console.warn('agents of this session die one after the other');
  await delay(pause);
}
const [bus, userBus, anchor] = await Promise.all([Bus.system(), Bus.session(), Anchor.hold(runtime, session)]);
mark('on the buses');

/** Only the daemon, which is whoever owns its name and is root, may ask anything of us. */
const bouncer: Bouncer = {
  admit: async ({ caller }) => {
    if (caller.uid !== 0) throw new NotAuthorized('only the daemon may use the agent');
  },
  sees: async ({ caller }) => caller.uid === 0,
};
const tree = new ObjectTree(bus, bouncer);
const root = new RemoteObject(bus, remoteAccess, SERVICE, '/org/freedesktop/RemoteAccess');

/** To be started anew by systemd. */
function giveUp(error: unknown): never {
  console.error(error);
  process.exit(1);
}

/** The same, without the monitors that there are. */
function beginAnew(error: unknown): never {
  anchor.abandon();
  giveUp(error);
}

const hooks = new Hooks(userBus, session);

// The user's systemd, whose service we are, may outlive the session.
await root.subscribe('SessionRemoved', (id) => {
  if (id === session) void hooks.stop().then(() => process.exit(0));
});
let agent: Agent | undefined;
const registration = await Registration.begin(bus, session, {
  isNeeded: () => agent?.isWatched === true,
  // Nobody could take back what tools may do here.
  lost: () => void agent?.closeAll(),
});
const { setup } = registration;
mark('registered');

const memory = new LayoutMemory(runtime, session);
let compositor: Compositor;
try {
  const adapter = adapterFor(setup.compositor);
  const owner =
    adapter.busName === undefined
      ? ''
      : await waitForName(userBus, adapter.busName, AbortSignal.timeout(setup['start-timeout'] * 1000));
  mark('compositor there');
  const layout = memory.recall() ?? placeMonitors(setup.monitors ?? defaultLayout());
  compositor = await adapter.connect(userBus, owner, layout, anchor);
  mark('monitors made');
  memory.keep(compositor.screens);
} catch (error) {
  if (anchor.inherited) beginAnew(error);
  const { name, message } = error as Error;
  console.error(error);
  await registration.fail(name, message).catch(() => {});
  process.exit(0);
}
agent = new Agent(bus, AGENT_PATH, () => registration.daemon, {
  compositor,
  tokens: new PortalTokens(userBus),
  memory,
  hooks,
});
tree.add(agent.object);
await registration.ready().catch(giveUp);
mark('ready');
// sd-daemon(3): for debugging. Without console, which has to load streams and sockets first.
writeSync(1, `<7>${reached.join(', ')}\n`);
// The next one starts the bus by asking for it.
void userBus.closed.then(beginAnew);
void compositor.interrupted.then(async (error) => {
  await delay(ENDS_WITHIN);
  beginAnew(error);
});
const reason = await Promise.race([compositor.lost, bus.closed.then((error) => error.message)]);
console.error(reason);
await hooks.stop();
process.exit(0);
