import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { open } from 'node:fs/promises';
import type { Tool } from '../../src/tool/tool.js';
import { mainPid, Owners, UNIT } from './daemon.js';
import { endSessions, Heard, installDesktop, objects, provision, run, toolAs } from './fixture.js';

describe('while there is no daemon', function () {
  this.timeout(60_000);
  let admin: Tool;
  let owners: Owners;

  before(async () => {
    installDesktop('fake');
    admin = await toolAs('root');
    owners = await Owners.watch(admin.bus);
  });

  after(async () => {
    await endSessions(admin);
    await owners[Symbol.asyncDispose]();
  });

  afterEach(() => endSessions(admin));

  async function attach() {
    const { token } = await provision(admin, 'alice');
    const tool = await toolAs('bob');
    return tool.connect(await tool.logIn('token', { token }));
  }

  it('a tool that is connected has its session start one, which goes on as before', async () => {
    const attached = await attach();
    const closed = await Heard.listen(attached.connection, 'Closed');
    run('systemctl', 'stop', UNIT);
    await owners.until(({ now }) => now === '');
    await owners.until(({ now }) => now !== '');
    assert.equal((await attached.monitors.methods.getLayout())[1].length, 1);
    assert.deepEqual(closed.all, []);
  });

  it('and none may be started, nobody stays connected', async () => {
    const attached = await attach();
    const closed = await Heard.listen(attached.connection, 'Closed');
    const socket = await attached.input.methods.connectToEIS({});
    run('systemctl', 'mask', '--runtime', '--now', UNIT);
    try {
      // The agent hangs up, since nobody could tell it to.
      execFileSync('timeout', ['30', 'cat'], { stdio: [socket, 'ignore', 'inherit'] });
    } finally {
      run('systemctl', 'unmask', '--runtime', UNIT);
    }
    await objects(admin.bus).root.methods.listSessions();
    assert.deepEqual(await closed.next(), ['session-ended']);
  });

  describe('and a PAM module takes its time', () => {
    const SERVICE = '/etc/pam.d/remote-access';
    const original = readFileSync(SERVICE, 'utf8');

    before(() => {
      run('mkfifo', '/run/reached', '/run/go');
      const script = '#!/bin/sh\ntest "$PAM_TYPE" = open_session || exit 0\necho >/run/reached\ncat /run/go\n';
      writeFileSync('/run/slow.sh', script, { mode: 0o755 });
      writeFileSync(SERVICE, `session optional pam_exec.so /run/slow.sh\n${original}`);
    });

    after(() => writeFileSync(SERVICE, original));

    it('others are answered, and the session that is being opened is found', async () => {
      const { root } = objects(admin.bus);
      const first = root.methods.createSession('alice', { desktop: 'fake' }).catch((error: Error) => error);
      await (await open('/run/reached')).close();
      const { exits } = owners;
      process.kill(mainPid(), 'SIGKILL');
      await owners.until(({ exits: now }) => now > exits);
      assert.ok((await first) instanceof Error);
      assert.ok((await root.methods.listDesktops()).length > 0);
      assert.deepEqual(await root.methods.listSessions(), []);
      const appeared = await Heard.listen(root, 'SessionNew');
      const second = root.methods.createSession('alice', { desktop: 'fake' });
      // It waits, for the one that hangs is alice's; nobody else does.
      assert.deepEqual(await root.methods.listSessions(), []);
      writeFileSync(SERVICE, original);
      await root.methods.createSession('bob', { desktop: 'fake' });
      await appeared.next();
      await (await open('/run/go', 'w')).close();
      const [, path] = await appeared.next();
      assert.equal(await second, path);
      assert.equal((await root.methods.listSessions()).length, 2);
      await (await admin.connect(path)).connection.methods.close();
    });

    it('to let somebody into a session that runs, others get theirs', async () => {
      const { root } = objects(admin.bus);
      await root.methods.createSession('bob', { desktop: 'fake' });
      const { token } = await provision(admin, 'bob');
      const script = '#!/bin/sh\necho >/run/reached\ncat /run/go\n';
      writeFileSync('/run/slow.sh', script, { mode: 0o755 });
      writeFileSync(SERVICE, `account optional pam_exec.so /run/slow.sh\n${original}`);
      const login = admin.logIn('token', { token }).catch((error: Error) => error);
      await (await open('/run/reached')).close();
      const { exits } = owners;
      process.kill(mainPid(), 'SIGKILL');
      await owners.until(({ exits: now }) => now > exits);
      assert.ok((await login) instanceof Error);
      writeFileSync(SERVICE, original);
      await root.methods.createSession('alice', { desktop: 'fake' });
      assert.equal((await root.methods.listSessions()).length, 2);
      await (await open('/run/go', 'w')).close();
    });
  });
});
