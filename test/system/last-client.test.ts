import assert from 'node:assert/strict';
import type { Tool } from '../../src/tool/tool.js';
import { command, objectsIn } from './command.js';
import { mainPid, Owners } from './daemon.js';
import {
  endSessions,
  Heard,
  installDesktop,
  objects,
  type PropertiesChanged,
  provision,
  run,
  toolAs,
} from './fixture.js';

describe("a session's last client", function () {
  this.timeout(60_000);
  let admin: Tool;
  let path: string;

  before(async () => {
    installDesktop('fake');
    admin = await toolAs('root');
  });

  beforeEach(async () => {
    path = await objects(admin.bus).root.methods.createSession('alice', { desktop: 'fake' });
  });
  afterEach(() => endSessions(admin));

  const last = () => objects(admin.bus).session(path).property('LastClient');

  async function killDaemon(meanwhile?: AsyncDisposable): Promise<void> {
    await using owners = await Owners.watch(admin.bus);
    process.kill(mainPid(), 'SIGKILL');
    await meanwhile?.[Symbol.asyncDispose]();
    await owners.until(({ exits, now }) => exits > 0 && now !== '');
  }

  it('is nobody until somebody has left', async () => {
    assert.deepEqual({ ...(await last()) }, {});
    await admin.connect(path, { 'client-name': 'laptop' });
    assert.deepEqual({ ...(await last()) }, {});
    const { stdout } = await command(['show', 'alice']);
    assert.match(stdout, / Client: laptop, since 2/);
    assert.doesNotMatch(stdout, /Last client/);
  });

  it('is known with name, address and times, also to the next daemon', async () => {
    await using changes = await Heard.standard<PropertiesChanged>(admin.bus, path, 'PropertiesChanged');
    const began = Math.floor(Date.now() / 1000);
    const options = { 'client-name': 'Zoës läptop', 'client-address': '2001:db8::7' };
    await (await admin.connect(path, options)).connection.methods.close();
    await changes.next((_iface, _told, others) => others.includes('LastClient'));
    const { name, address, since = 0, left = 0 } = await last();
    assert.deepEqual({ name, address }, { name: 'Zoës läptop', address: '2001:db8::7' });
    assert.ok(began <= since && since <= left && left <= Date.now() / 1000);
    await killDaemon();
    assert.deepEqual({ ...(await last()) }, { name, address, since, left });
    const shown = await command(['show', 'alice']);
    assert.match(
      shown.stdout,
      / Client: none\n +Last client: Zoës läptop from 2001:db8::7, 2[-0-9 :]+ to 2[-0-9 :]+\n/,
    );
    const [object] = objectsIn((await command(['sessions', '--json'])).stdout);
    assert.deepEqual(object?.['last-client'], { name, address, since, left });
  });

  it('is who left last, not who came last', async () => {
    const first = await admin.connect(path, { 'client-name': 'first' });
    const second = await admin.connect(path, { 'client-name': 'second', 'on-conflict': 'share' });
    await second.connection.methods.close();
    assert.equal((await last()).name, 'second');
    await first.connection.methods.close();
    assert.equal((await last()).name, 'first');
  });

  it('is one that went while there was no daemon, too', async () => {
    const tool = await toolAs('alice');
    await tool.connect(path, { 'client-name': 'phone' });
    await killDaemon(tool);
    await using changes = await Heard.standard<PropertiesChanged>(admin.bus, path, 'PropertiesChanged');
    while ((await last()).name !== 'phone') await changes.next();
  });

  it('is shown by us, while logind and w show for whom the session was started', async () => {
    await endSessions(admin);
    const { token } = await provision(admin, 'alice');
    const from = async (address: string) => {
      const tool = await toolAs('bob');
      path = await tool.logIn('token', { token }, { 'client-address': address });
      return tool.connect(path, { 'client-address': address });
    };
    await from('192.0.2.7');
    await from('198.51.100.9');
    const logind = await objects(admin.bus).session(path).property('LogindSession');
    assert.equal(run('loginctl', 'show-session', '--value', '--property=RemoteHost', logind), '192.0.2.7');
    assert.match(run('w', '--no-header', '--ip-addr'), /^alice +192\.0\.2\.7 /);
    assert.match((await command(['sessions', '--no-legend'])).stdout, / 198\.51\.100\.9\n$/);
    assert.equal((await last()).address, '192.0.2.7');
  });
});
