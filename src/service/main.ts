import { mkdir } from 'node:fs/promises';
import { Bus } from '../bus/bus.js';
import { ExportedObject } from '../bus/exported-object.js';
import { ObjectTree } from '../bus/object-tree.js';
import { offersKerberos } from '../login/kerberos.js';
import { TokenStore } from '../token-store/token-store.js';
import { Agents } from './agents.js';
import { Authenticator } from './authenticator.js';
import { AccessBouncer } from './bouncer.js';
import { Configuration } from './configuration.js';
import { Connections } from './connections.js';
import { KeptLogins } from './kept-logins.js';
import { Logind } from './logind.js';
import { Logins } from './logins.js';
import { Names } from './names.js';
import { AGENTS_PATH, BUS_NAME, ROOT_PATH } from './paths.js';
import { Polkit } from './polkit.js';
import { RemoteAccess } from './remote-access.js';
import { Sessions } from './sessions.js';
import { SleepInhibitor } from './sleep-inhibitor.js';
import { Systemd } from './systemd.js';
import { Tokens } from './tokens.js';
import { unneeded } from './unneeded.js';

/** systemd makes these directories for us, closed to everybody else (remote-accessd.service). */
const STATE = process.env.STATE_DIRECTORY ?? '/var/lib/remote-access';
const RUNTIME = process.env.RUNTIME_DIRECTORY ?? '/run/remote-access';

/** How long sessions that ran before may take to report, in milliseconds: then others are answered without them. */
const PATIENCE = 2000;

/** Rather late than before the calls that came meanwhile are answered. */
const stopped = new Promise<void>((resolve) => process.on('SIGTERM', () => resolve()));

// Asked while the rest begins.
const kerberos = offersKerberos();
const bus = await Bus.system();
const polkit = new Polkit(bus);
const tree = new ObjectTree(bus, new AccessBouncer(polkit, () => tree.callers), ROOT_PATH);

// The name first: whoever has it may touch the state, and nobody else.
tree.hold();
const names = new Names(bus);
if (!(await names.take())) {
  console.error(`${BUS_NAME} is taken: another remote-accessd is running`);
  process.exit(1);
}

const configuration = Configuration.read();
const store = await TokenStore.open(`${STATE}/tokens`);
const root = new ExportedObject(bus, ROOT_PATH);
const logind = new Logind(bus);
const connections = new Connections(bus, tree, configuration, () => awake.update());
const awake = new SleepInhibitor(logind, () => connections.size > 0 && configuration.settings.Session.InhibitSuspend);
configuration.on('changed', () => awake.update());
const busId = await names.busId();
const systemd = new Systemd(bus);
const workers = `${RUNTIME}/sessions`;
const sessions = new Sessions({ bus, busId, tree, root, logind, systemd, configuration, workers }, connections);
const authenticator = new Authenticator({ configuration, tokens: store, systemd, workers, kerberos: await kerberos });
const logins = new Logins({ bus, tree, sessions, authenticator, configuration });
new Tokens(store, root, (token, reason) => {
  if (reason === 'used-up') {
    for (const session of sessions.all()) session.outliveToken(token);
    return;
  }
  logins.voidToken(token);
  for (const session of sessions.all()) session.rights.voidToken(token);
  connections.revoke(token, reason === 'expired' ? 'expired' : 'revoked');
});
new RemoteAccess(root, logins, sessions, polkit, configuration);
const agents = new Agents(bus, sessions, connections);

tree.add(root);
tree.add(agents.object);
await mkdir(workers, { recursive: true, mode: 0o700 });
const kept = new KeptLogins(`${RUNTIME}/logins`, busId);
for (const login of await kept.take()) await logins.resume(login);
// The agents first: callers are answered when all is as they knew it.
tree.serve(AGENTS_PATH);
await sessions.adopt((token) => store.find(token) !== undefined, PATIENCE);
tree.serve();

const idle = unneeded(tree, () => sessions.needed || logins.needed || authenticator.needed, configuration);
const lost = await Promise.race([bus.closed, stopped, idle]);
if (lost !== undefined) {
  console.error(lost.message);
  process.exit(1);
}
logins.interrupt();
await names.leave(tree, () => kept.put(logins.leave()));
process.exit(0);
