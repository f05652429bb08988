import assert from 'node:assert/strict';
import { Keyboard } from '../../src/tool/keyboard.js';
import type { Tool } from '../../src/tool/tool.js';
import { mainPid, Owners, setUp, UNIT } from './daemon.js';
import { endSessions, Heard, installDesktop, objects, provision, run, toolAs } from './fixture.js';
import { runAsUser } from './in-session.js';
import { Orders } from './lock-orders.js';

const now = () => performance.now();

describe('clients without input', function () {
  this.timeout(60_000);
  let admin: Tool;
  let path: string;

  before(async () => {
    installDesktop('fake');
    admin = await toolAs('root');
    // It has to run to be reloaded.
    await objects(admin.bus).root.methods.listDesktops();
  });

  afterEach(async () => {
    await endSessions(admin);
    settings('');
  });

  function settings(text: string): void {
    setUp(text);
    run('systemctl', 'reload', UNIT);
  }

  async function start(desktop = 'fake'): Promise<void> {
    path = await objects(admin.bus).root.methods.createSession('alice', { desktop });
  }

  /** Lets time pass in which somebody is connected all the while. */
  async function stayConnected(until: number): Promise<void> {
    while (now() < until) assert.equal(await objects(admin.bus).session(path).property('State'), 'connected');
  }

  it('are disconnected when their time is over, and the screen is locked', async () => {
    settings('[Session]\nIdleTimeout=300ms\n');
    await start();
    const orders = await Orders.listen(admin, await objects(admin.bus).session(path).property('LogindSession'));
    const { token } = await provision(admin, 'alice');
    const tool = await toolAs('bob');
    await tool.logIn('token', { token });
    const came = now();
    const closed = (await tool.connect(path)).closed();
    assert.equal(await closed, 'idle');
    assert.ok(now() - came >= 300);
    await orders.are('Unlock', 'Lock');
    run('journalctl', '--sync');
    assert.match(run('journalctl', '--lines=1', 'REMOTE_ACCESS_EVENT=closed'), / reason="idle"$/);
  });

  it('have gone as far as the end of their session is concerned', async () => {
    settings('[Session]\nIdleTimeout=200ms\nDisconnectedTimeout=200ms\n');
    await start();
    await using removed = await Heard.listen(objects(admin.bus).root, 'SessionRemoved');
    const closed = (await admin.connect(path)).closed();
    assert.equal(await closed, 'idle');
    assert.equal((await removed.next())[1], path);
  });

  it('stay for as long as anybody of them puts something in', async () => {
    const limit = 2000;
    settings(`[Session]\nIdleTimeout=${limit}ms\n`);
    await start('mutter');
    const tool = await toolAs('alice');
    const idle = (await tool.connect(path, { 'on-conflict': 'share' })).closed();
    const active = await admin.connect(path, { 'on-conflict': 'share' });
    let last = now();
    using keyboard = await Keyboard.open(await active.input.methods.connectToEIS({}));
    const enough = now() + limit * 0.75;
    while (now() < enough) {
      last = now();
      await keyboard.press('shift');
    }
    assert.equal(await idle, 'idle');
    assert.ok(now() - last >= limit, `${now() - last} ms`);
  });

  it('have their time anew when somebody connects, but not when somebody only watches', async () => {
    await start();
    const first = await admin.connect(path, { 'on-conflict': 'share' });
    const closed = first.closed();
    await stayConnected(now() + 1000);
    const tool = await toolAs('alice');
    const came = now();
    const second = (await tool.connect(path, { 'on-conflict': 'share', grants: ['pointer'] })).closed();
    settings('[Session]\nIdleTimeout=1500ms\n');
    const watcher = await tool.connect(path, { 'on-conflict': 'share', grants: ['capture', 'monitors'] });
    assert.deepEqual(await Promise.all([closed, second]), ['idle', 'idle']);
    assert.ok(now() - came >= 1500);
    // Nobody can tell whether anybody watches.
    assert.equal(await objects(admin.bus).session(path).property('State'), 'connected');
    const gone = await admin.connect(path, { 'on-conflict': 'share' });
    await watcher.monitors.methods.getLayout();
    assert.equal(await gone.closed(), 'idle');
    await watcher.monitors.methods.getLayout();
  });

  it('are disconnected by a reload, if their time is over then, and stay without the setting', async () => {
    await start();
    const closed = (await admin.connect(path)).closed();
    settings('[Session]\nIdleTimeout=infinity\n');
    await stayConnected(now() + 500);
    settings('[Session]\nIdleTimeout=500ms\n');
    assert.equal(await closed, 'idle');
  });

  it('have no more time under a new daemon', async () => {
    const limit = 4000;
    await start();
    const tool = await toolAs('alice');
    const connection = await tool.connect(path);
    const closed = await Heard.listen(connection.connection, 'Closed');
    await stayConnected(now() + limit);
    // Not told to the daemon that runs.
    setUp(`[Session]\nIdleTimeout=${limit}ms\n`);
    await using owners = await Owners.watch(admin.bus);
    const killed = now();
    process.kill(mainPid(), 'SIGKILL');
    await owners.until(({ exits, now }) => exits > 0 && now !== '');
    assert.deepEqual(await closed.next(), ['idle']);
    assert.ok(now() - killed < limit, `${now() - killed} ms`);
  });

  it('have their time anew when they come back after their agent has died', async () => {
    await start();
    const tool = await toolAs('alice');
    const lost = (await tool.connect(path)).closed();
    await objects(tool.bus).session(path).property('State');
    runAsUser('alice', 'systemctl', '--user', 'kill', '-s', 'KILL', `remote-access-agent@${path.slice(-8)}.service`);
    assert.equal(await lost, 'session-ended');
    settings('[Session]\nIdleTimeout=500ms\n');
    const came = now();
    assert.equal(await (await tool.connect(path)).closed(), 'idle');
    assert.ok(now() - came >= 500);
  });
});
