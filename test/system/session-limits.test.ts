import assert from 'node:assert/strict';
import type { Tool } from '../../src/tool/tool.js';
import { mainPid, Owners, reload, setUp, UNIT } from './daemon.js';
import { endSessions, Heard, installDesktop, objects, run, toolAs, unitEnded } from './fixture.js';

const LOGIND = 'org.freedesktop.login1';
const MANAGER = [LOGIND, '/org/freedesktop/login1', `${LOGIND}.Manager`];

/** What keeps the machine awake, of ours: what is inhibited, and how. */
function inhibitors(): string[] {
  const listed = run('busctl', '--json=short', 'call', ...MANAGER, 'ListInhibitors');
  return (JSON.parse(listed).data[0] as [string, string, string, string, number, number][])
    .filter(([, who]) => who === 'RemoteAccess')
    .map(([what, , , how, uid]) => `${what} ${how} ${uid}`);
}

describe('limits of sessions', function () {
  this.timeout(30_000);
  let admin: Tool;
  let path: string;

  before(async () => {
    installDesktop('fake');
    admin = await toolAs('root');
  });

  beforeEach(async () => {
    path = await objects(admin.bus).root.methods.createSession('alice', { desktop: 'fake' });
  });

  afterEach(async () => {
    await endSessions(admin);
    reload('');
  });

  async function killDaemon(): Promise<void> {
    await using owners = await Owners.watch(admin.bus);
    process.kill(mainPid(), 'SIGKILL');
    await owners.until(({ exits, now }) => exits > 0 && now !== '');
  }

  describe('suspend', () => {
    let inhibited: AsyncDisposable;
    let wake: () => void = () => {};

    before(async () => {
      inhibited = await admin.bus.subscriptions.subscribe(
        {
          sender: LOGIND,
          path: '/org/freedesktop/login1',
          interface: 'org.freedesktop.DBus.Properties',
          member: 'PropertiesChanged',
        },
        () => wake(),
      );
    });
    after(() => inhibited[Symbol.asyncDispose]());

    async function become(expected: readonly string[]): Promise<void> {
      for (;;) {
        const told = new Promise<void>((resolve) => {
          wake = resolve;
        });
        if (String(inhibitors()) === String(expected)) return;
        await told;
      }
    }

    it('waits while a client is connected', async () => {
      assert.deepEqual(inhibitors(), []);
      const first = await admin.connect(path, { 'on-conflict': 'share' });
      const second = await admin.connect(path, { 'on-conflict': 'share' });
      await become(['sleep block 0']);
      await first.connection.methods.close();
      await become(['sleep block 0']);
      await second.connection.methods.close();
      await become([]);
    });

    it('does not wait for a client of a dead daemon, and does for one of its successor', async () => {
      const tool = await toolAs('alice');
      await tool.connect(path);
      await become(['sleep block 0']);
      run('systemctl', 'stop', UNIT);
      await become([]);
      await objects(admin.bus).root.methods.listDesktops();
      await become(['sleep block 0']);
      await killDaemon();
      await become(['sleep block 0']);
      await tool[Symbol.asyncDispose]();
      await become([]);
    });

    it('does not wait where it is configured so, also from now on', async () => {
      reload('[Session]\nInhibitSuspend=no\n');
      const connection = await admin.connect(path);
      await objects(admin.bus).root.methods.listSessions();
      assert.deepEqual(inhibitors(), []);
      reload('[Session]\nInhibitSuspend=yes\n');
      await become(['sleep block 0']);
      reload('[Session]\nInhibitSuspend=no\n');
      await become([]);
      await connection.connection.methods.close();
    });
  });

  describe('a session without a client', () => {
    let removed: Heard<[string, string]>;

    beforeEach(async () => {
      removed = await Heard.listen(objects(admin.bus).root, 'SessionRemoved');
    });
    afterEach(() => removed[Symbol.asyncDispose]());

    const ended = () => removed.next((_, gone) => gone === path);

    it('is ended after its time, which begins when the last client goes', async () => {
      reload('[Session]\nDisconnectedTimeout=500ms\n');
      const first = await admin.connect(path);
      const displaced = first.closed();
      const second = await admin.connect(path);
      assert.equal(await displaced, 'displaced');
      await second.connection.methods.close();
      await ended();
      unitEnded(path.slice(-8));
    });

    it('is not ended before anybody connected, nor while somebody is, nor without that setting', async () => {
      const stays = await objects(admin.bus).root.methods.createSession('bob', { desktop: 'fake' });
      reload('[Session]\nDisconnectedTimeout=infinity\n');
      await (await admin.connect(path)).connection.methods.close();
      const connection = await admin.connect(path);
      reload('[Session]\nDisconnectedTimeout=1ms\n');
      assert.equal(await objects(admin.bus).session(path).property('State'), 'connected');
      await connection.connection.methods.close();
      await ended();
      assert.equal(await objects(admin.bus).session(stays).property('State'), 'disconnected');
    });

    it('is ended by a reload that gives it less time, and by a daemon that comes too late', async () => {
      await (await admin.connect(path)).connection.methods.close();
      reload('[Session]\nDisconnectedTimeout=1ms\n');
      await ended();
      reload('[Session]\nDisconnectedTimeout=0\n');
      path = await objects(admin.bus).root.methods.createSession('alice', { desktop: 'fake' });
      await (await admin.connect(path)).connection.methods.close();
      // Not told to the daemon that runs.
      setUp('[Session]\nDisconnectedTimeout=1ms\n');
      await killDaemon();
      while ((await objects(admin.bus).root.methods.listSessions()).length > 0) await ended();
    });
  });
});
