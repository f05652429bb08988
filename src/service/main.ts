import { mkdir } from 'node:fs/promises';
import { Bus } from '../bus/bus.js';
import { ExportedObject } from '../bus/exported-object.js';
import { dbus } from '../bus/generated/dbus.js';
import { ObjectTree } from '../bus/object-tree.js';
import { RemoteObject } from '../bus/remote-object.js';
import { TokenStore } from '../token-store/token-store.js';
import { Agents } from './agents.js';
import { Authenticator } from './authenticator.js';
import { AccessBouncer } from './bouncer.js';
import { Connections } from './connections.js';
import { Logind } from './logind.js';
import { Logins } from './logins.js';
import { BUS_NAME, ROOT_PATH } from './paths.js';
import { Polkit } from './polkit.js';
import { RemoteAccess } from './remote-access.js';
import { Sessions } from './sessions.js';
import { Systemd } from './systemd.js';
import { Tokens } from './tokens.js';

/** From org.freedesktop.DBus.RequestName: whoever comes second must not take the name, nor wait for it. */
const DO_NOT_QUEUE = 4;
const PRIMARY_OWNER = 1;

/** systemd makes these directories for us, closed to everybody else (remote-accessd.service). */
const STATE = process.env.STATE_DIRECTORY ?? '/var/lib/remote-access';
const RUNTIME = process.env.RUNTIME_DIRECTORY ?? '/run/remote-access';

const bus = await Bus.system();
const polkit = new Polkit(bus);
const tree = new ObjectTree(bus, new AccessBouncer(polkit, () => tree.callers), ROOT_PATH);

// The name first: whoever has it may touch the state, and nobody else.
tree.hold();
const driver = new RemoteObject(bus, dbus, 'org.freedesktop.DBus', '/org/freedesktop/DBus');
if ((await driver.methods.requestName(BUS_NAME, DO_NOT_QUEUE)) !== PRIMARY_OWNER) {
  console.error(`${BUS_NAME} is taken: another remote-accessd is running`);
  process.exit(1);
}

const store = await TokenStore.open(`${STATE}/tokens`);
const root = new ExportedObject(bus, ROOT_PATH);
const connections = new Connections(bus, tree);
const sessions = new Sessions(
  { bus, tree, root, logind: new Logind(bus), systemd: new Systemd(bus), workers: `${RUNTIME}/sessions` },
  connections,
);
const logins = new Logins({ bus, tree, sessions, authenticator: new Authenticator(store) });
new Tokens(store, root, (token, reason) => {
  if (reason === 'used-up') {
    for (const session of sessions.all()) session.outliveToken(token);
    return;
  }
  logins.voidToken(token);
  for (const session of sessions.all()) session.voidToken(token);
  connections.revoke(token, reason === 'expired' ? 'expired' : 'revoked');
});
new RemoteAccess(root, logins, sessions, polkit);
const agents = new Agents(bus, sessions, connections);

tree.add(root);
tree.add(agents.object);
await mkdir(`${RUNTIME}/sessions`, { recursive: true, mode: 0o700 });
await sessions.adopt((token) => store.find(token) !== undefined);
tree.serve();

process.once('SIGTERM', () => process.exit(0));
console.error((await bus.closed).message);
process.exit(1);
