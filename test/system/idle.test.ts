import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { setTimeout as delay } from 'node:timers/promises';
import { DRIVER } from '../../src/bus/driver.js';
import type { Tool } from '../../src/tool/tool.js';
import { SeededRandom } from '../unit/seeded-random.js';
import { mainPid, Owners, property, setUp, UNIT } from './daemon.js';
import {
  endSessions,
  Heard,
  installDesktop,
  objects,
  provision,
  refuses,
  run,
  SERVICE,
  toolAs,
  uidOf,
} from './fixture.js';

/** In milliseconds. */
const IDLE = 30;

describe('a daemon that nobody needs', function () {
  this.timeout(120_000);
  let admin: Tool;
  let owners: Owners;

  before(async () => {
    installDesktop('fake');
    setUp(`[Daemon]\nIdleExit=${IDLE}ms\n`);
    admin = await toolAs('root');
    owners = await Owners.watch(admin.bus);
  });

  after(async () => {
    await endSessions(admin);
    await owners[Symbol.asyncDispose]();
  });

  const gone = () => owners.until(({ now }) => now === '');

  /** Much longer than an idle daemon stays. */
  async function stays(): Promise<void> {
    const { exits } = owners;
    await delay(IDLE * 20);
    assert.deepEqual([owners.exits, owners.now === ''], [exits, false]);
  }

  it('leaves, and is back with the next call', async () => {
    await objects(admin.bus).root.methods.listDesktops();
    await gone();
    const { id } = await provision(admin, 'alice');
    await gone();
    const { tokens } = objects(admin.bus);
    assert.ok((await tokens.methods.list({})).some((token) => token.id === id));
    await gone();
    await tokens.methods.revoke(id);
    await gone();
    run('systemctl', 'stop', UNIT);
    assert.deepEqual([property('Result'), property('ExecMainStatus')], ['success', '0']);
  });

  it('is needed by an open login', async () => {
    const tool = await toolAs('bob');
    const { root, login } = objects(tool.bus);
    const path = await root.methods.openLogin({});
    await stays();
    assert.equal(await login(path).property('State'), 'open');
    await tool[Symbol.asyncDispose]();
    await gone();
  });

  it('is needed by a session', async () => {
    const path = await objects(admin.bus).root.methods.createSession('alice', { desktop: 'fake' });
    await stays();
    await objects(admin.bus).session(path).methods.terminate();
    await gone();
  });

  it('forgets no failed login', async () => {
    const tool = await toolAs('bob');
    for (let tries = 0; tries < 10; tries++)
      await refuses('AuthenticationFailed', tool.logIn('token', { token: `ra1-${'a'.repeat(10)}-${'0'.repeat(64)}` }));
    await tool[Symbol.asyncDispose]();
    await stays();
    await refuses('TooManyAttempts', (await toolAs('bob')).logIn('token', { token: 'ra1' }));
    run('systemctl', 'stop', UNIT);
  });

  it('loses no call, however often it leaves', async () => {
    const { exits } = owners;
    const random = new SeededRandom(7);
    const clients = [await toolAs('alice'), await toolAs('alice'), await toolAs('root')];
    let calls = 0;
    const busy = async (tool: Tool): Promise<void> => {
      const { root, tokens, login } = objects(tool.bus);
      while (owners.exits < exits + 30) {
        const kind = random.below(4);
        if (kind === 0) await root.methods.listSessions();
        if (kind === 1) await root.property('AuthMethods');
        if (kind === 2) await tokens.methods.revoke((await provision(tool, 'alice')).id);
        if (kind === 3) await login(await root.methods.openLogin({})).methods.cancel();
        calls++;
        // Mostly about as long as it stays.
        await delay(random.below(IDLE * 8));
      }
    };
    await Promise.all(clients.map(busy));
    console.log(`      ${owners.exits - exits} exits, ${calls} times asked`);
    for (const client of clients) await client[Symbol.asyncDispose]();
  });
});

describe('a daemon that is stopped', () => {
  let admin: Tool;
  let owners: Owners;

  before(async () => {
    installDesktop('fake');
    run('systemctl', 'stop', UNIT);
    setUp('');
    admin = await toolAs('root');
    owners = await Owners.watch(admin.bus);
  });

  after(async () => {
    await endSessions(admin);
    await owners[Symbol.asyncDispose]();
  });

  it('answers first what it was asked', async () => {
    const { root, session } = objects(admin.bus);
    await using appeared = await Heard.listen(root, 'SessionNew');
    const created = root.methods.createSession('alice', { desktop: 'fake' });
    const [, path] = await appeared.next();
    run('systemctl', 'restart', UNIT);
    assert.equal(await created, path);
    assert.equal(await session(path).property('State'), 'disconnected');
    await endSessions(admin);
  });

  it('leaves a login that it has just opened to the next one', async () => {
    const { token } = await provision(admin, 'alice');
    const tool = await toolAs('bob');
    const { root, login } = objects(tool.bus);
    await root.methods.listDesktops();
    const pid = mainPid();
    const { exits } = owners;
    process.kill(pid, 'SIGSTOP');
    const opening = root.methods.openLogin({
      'client-name': 'Zoë',
      monitors: [{ id: 'wide', size: [1600, 600], position: [0, 0], scale: 1, primary: true }],
    });
    // Whose message is with the bus when this has been answered.
    await tool.bus.call({ ...DRIVER, member: 'GetId' });
    process.kill(pid, 'SIGTERM');
    process.kill(pid, 'SIGCONT');
    const path = await opening;
    const completed = await Heard.listen(login(path), 'Completed');
    await login(path).methods.begin('token', { token });
    const [session] = await completed.next();
    assert.equal(owners.exits, exits + 1);
    const { monitors } = await tool.connect(session);
    assert.equal((await monitors.methods.getLayout())[1][0]?.id, 'wide');
    assert.ok(!existsSync('/run/remote-access/logins'));
    const other = await root.methods.openLogin({});
    assert.notEqual(other, path);
    await tool[Symbol.asyncDispose]();
    await endSessions(admin);
  });

  it('lets no other begin before it is done', async () => {
    const { root } = objects(admin.bus);
    installDesktop('stuck', 'sleep infinity', {
      'X-RemoteAccess-Compositor': 'mutter',
      'X-RemoteAccess-StartTimeout': '5',
    });
    await using appeared = await Heard.listen(root, 'SessionNew');
    const created = root.methods.createSession('bob', { desktop: 'stuck' });
    await appeared.next();
    for (const state of ['serving', 'leaving'] as const) {
      if (state === 'leaving') {
        run('systemctl', 'stop', '--no-block', UNIT);
        await owners.until(({ now }) => now === '');
      }
      const second = spawn('/usr/bin/node', ['/usr/lib/remote-access/remote-accessd.cjs'], {
        env: { PATH: process.env.PATH },
        stdio: ['ignore', 'ignore', 'pipe'],
      });
      let said = '';
      second.stderr.setEncoding('utf8').on('data', (text) => {
        said += text;
      });
      assert.deepEqual(await once(second, 'close'), [1, null]);
      assert.equal(said, `${SERVICE} is taken: another remote-accessd is running\n`);
    }
    // The worker that it had started is the first one's still.
    assert.match(await refuses('SessionFailed', created), /did not come up/);
    assert.ok(uidOf('bob') > 0);
  });
});
