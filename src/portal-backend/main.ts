import { Bus } from '../bus/bus.js';
import { CallError } from '../bus/call-error.js';
import { agents } from '../bus/generated/agents.js';
import { dbus } from '../bus/generated/dbus.js';
import type { AgentSetup } from '../bus/generated/dictionaries.js';
import { remoteAccess } from '../bus/generated/remote-access.js';
import { type Bouncer, ObjectTree } from '../bus/object-tree.js';
import { RemoteObject } from '../bus/remote-object.js';
import { isOurs, NotAuthorized } from '../errors.js';
import { defaultLayout, placeMonitors } from '../layout/layout.js';
import { Agent } from './agent.js';
import { Anchor } from './anchor.js';
import { adapterFor } from './compositor/adapters.js';
import type { Compositor } from './compositor/compositor.js';
import { LayoutMemory } from './layout-memory.js';
import { PortalTokens } from './portal-tokens.js';
import { waitForName } from './wait-for-name.js';

const DAEMON = 'org.freedesktop.RemoteAccess';
const AGENT_PATH = '/org/freedesktop/RemoteAccess/Agent';

const session = process.argv[2];
if (session === undefined) {
  console.error('usage: remote-access-agent SESSION');
  process.exit(2);
}

const runtime = process.env.XDG_RUNTIME_DIR ?? '';
const [bus, userBus, anchor] = await Promise.all([Bus.system(), Bus.session(), Anchor.hold(runtime, session)]);

/** Only the daemon, which is whoever owns its name and is root, may ask anything of us. */
const bouncer: Bouncer = {
  admit: async ({ caller }) => {
    if (caller.uid !== 0) throw new NotAuthorized('only the daemon may use the agent');
  },
  sees: async ({ caller }) => caller.uid === 0,
};
const tree = new ObjectTree(bus, bouncer);
const driver = new RemoteObject(bus, dbus, 'org.freedesktop.DBus', '/org/freedesktop/DBus');
const root = new RemoteObject(bus, remoteAccess, DAEMON, '/org/freedesktop/RemoteAccess');
const daemon = new RemoteObject(bus, agents, DAEMON, '/org/freedesktop/RemoteAccess/Agents');

/** Says whose agent we are. A session that ended while nobody told us needs none, and then nobody lets us register. */
async function register(id: string): Promise<AgentSetup> {
  try {
    return await daemon.methods.register(id);
  } catch (error) {
    if (!(error instanceof CallError) || !isOurs(error.dbusName)) throw error;
    console.error(error.message);
    process.exit(0);
  }
}

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

// The user's systemd, whose service we are, may outlive the session.
await root.subscribe('SessionRemoved', (id) => {
  if (id === session) process.exit(0);
});
const setup = await register(session);
let daemonOwner = await driver.methods.getNameOwner(DAEMON);
/** Whom we are registered with; empty while there is nobody. */
let daemonName = daemonOwner;
let agent: Agent | undefined;
let registered: Promise<unknown> = Promise.resolve();

/** A daemon that was restarted does not know where we are. One that died again meanwhile has one after it. */
async function registerAgain(owner: string): Promise<void> {
  try {
    await register(session ?? '');
    if (daemonOwner !== owner) return;
    daemonName = owner;
    if (agent !== undefined) await daemon.methods.ready();
  } catch (error) {
    if (daemonOwner === owner) giveUp(error);
  }
}

await bus.subscriptions.watchOwner(DAEMON, (owner) => {
  if (owner === daemonOwner) return;
  daemonOwner = owner;
  daemonName = '';
  if (owner !== '') registered = registerAgain(owner);
});

const memory = new LayoutMemory(runtime, session);
let compositor: Compositor;
try {
  const adapter = adapterFor(setup.compositor);
  const owner =
    adapter.busName === undefined
      ? ''
      : await waitForName(userBus, adapter.busName, AbortSignal.timeout(setup['start-timeout'] * 1000));
  const layout = memory.recall() ?? placeMonitors(setup.monitors ?? defaultLayout());
  compositor = await adapter.connect(userBus, owner, layout, anchor);
  memory.keep(compositor.screens);
} catch (error) {
  if (anchor.inherited) beginAnew(error);
  const { name, message } = error as Error;
  console.error(error);
  await daemon.methods.fail(name, message).catch(() => {});
  process.exit(0);
}
await registered;
agent = new Agent(bus, AGENT_PATH, () => daemonName, { compositor, tokens: new PortalTokens(userBus), memory });
tree.add(agent.object);
await daemon.methods.ready().catch(giveUp);
void compositor.interrupted.then(beginAnew);
const reason = await Promise.race([compositor.lost, bus.closed.then((error) => error.message)]);
console.error(reason);
process.exit(0);
