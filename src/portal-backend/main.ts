import { Bus } from '../bus/bus.js';
import { agents } from '../bus/generated/agents.js';
import { dbus } from '../bus/generated/dbus.js';
import { type Bouncer, ObjectTree } from '../bus/object-tree.js';
import { RemoteObject } from '../bus/remote-object.js';
import { NotAuthorized } from '../errors.js';
import { defaultLayout, placeMonitors } from '../layout/layout.js';
import { Agent } from './agent.js';
import { adapterFor } from './compositor/adapters.js';
import { PortalTokens } from './portal-tokens.js';
import { waitForName } from './wait-for-name.js';

const DAEMON = 'org.freedesktop.RemoteAccess';
const AGENT_PATH = '/org/freedesktop/RemoteAccess/Agent';

/** A desktop that needs longer than this has failed. The daemon has a deadline of its own. */
const COMPOSITOR_DEADLINE = 50_000;

const session = process.argv[2];
if (session === undefined) {
  console.error('usage: remote-access-agent SESSION');
  process.exit(2);
}

const bus = await Bus.system();
const userBus = await Bus.session();

/** Only the daemon, which is whoever owns its name and is root, may ask anything of us. */
const bouncer: Bouncer = {
  admit: async ({ caller }) => {
    if (caller.uid !== 0) throw new NotAuthorized('only the daemon may use the agent');
  },
  sees: async ({ caller }) => caller.uid === 0,
};
const tree = new ObjectTree(bus, bouncer);
const driver = new RemoteObject(bus, dbus, 'org.freedesktop.DBus', '/org/freedesktop/DBus');
const daemon = new RemoteObject(bus, agents, DAEMON, '/org/freedesktop/RemoteAccess/Agents');

const setup = await daemon.methods.register(session);
let daemonName = await driver.methods.getNameOwner(DAEMON);

try {
  const adapter = adapterFor(setup.compositor);
  const owner =
    adapter.busName === undefined
      ? ''
      : await waitForName(userBus, adapter.busName, AbortSignal.timeout(COMPOSITOR_DEADLINE));
  const layout = placeMonitors(setup.monitors ?? defaultLayout());
  const compositor = await adapter.connect(userBus, owner, layout);
  const agent = new Agent(bus, AGENT_PATH, () => daemonName, compositor, new PortalTokens(userBus));
  tree.add(agent.object);

  // A daemon that was restarted knows nothing of us: register again, and forget whom the old one let in.
  await bus.subscriptions.watchOwner(DAEMON, (now) => {
    if (now === '' || now === daemonName) return;
    daemonName = now;
    void agent
      .closeAll()
      .then(() => daemon.methods.register(session))
      .then(() => daemon.methods.ready())
      .catch((error) => {
        console.error(error);
        process.exit(1);
      });
  });
  await daemon.methods.ready();
  const reason = await Promise.race([compositor.lost, bus.closed.then((error) => error.message)]);
  console.error(reason);
  process.exit(0);
} catch (error) {
  const { name, message } = error as Error;
  console.error(error);
  await daemon.methods.fail(name, message).catch(() => {});
  process.exit(0);
}
