import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { readdirSync, rmSync, symlinkSync } from 'node:fs';
import { remoteAccess } from '../../src/bus/generated/remote-access.js';
import type { Tool } from '../../src/tool/tool.js';
import { command, objectsIn } from './command.js';
import { mainPid, Owners, setUp, UNIT } from './daemon.js';
import {
  ERROR,
  endSessions,
  Heard,
  installDesktop,
  objects,
  type PropertiesChanged,
  provision,
  ROOT,
  refuses,
  run,
  toolAs,
} from './fixture.js';

const FOLDER = '/etc/remote-access/remote-access.conf.d';
const FILE = `${FOLDER}/50-test.conf`;
const WRONG = 'ra1-abcdefghij-notasecret';
const ALL = ['token', 'password', 'pam', 'peer'];

describe('the configuration', function () {
  this.timeout(120_000);
  let admin: Tool;
  const logins: (() => Promise<void>)[] = [];

  before(async () => {
    installDesktop('fake');
    installDesktop('other');
    admin = await toolAs('root');
    await objects(admin.bus).root.methods.listDesktops();
  });

  afterEach(async () => {
    for (const cancel of logins.splice(0)) await cancel();
    for (const name of readdirSync(FOLDER)) rmSync(`${FOLDER}/${name}`);
    reload('');
    await endSessions(admin);
  });

  /** Has the service take these settings, and returns when they count. */
  function reload(settings: string): void {
    setUp(settings);
    run('systemctl', 'reload', UNIT);
  }

  /** What reloading these settings says: systemctl's status, and what stands in the journal. */
  function reloadBadly(settings: string): { status: number | null; journal: string } {
    const cursor = run('journalctl', '--lines=0', '--show-cursor').replace(/^.*-- cursor: /s, '');
    setUp(settings);
    const { status } = spawnSync('systemctl', ['reload', UNIT]);
    run('journalctl', '--sync');
    return { status, journal: run('journalctl', '--unit', UNIT, '--output=cat', `--after-cursor=${cursor}`) };
  }

  const methods = () => objects(admin.bus).root.property('AuthMethods');

  const open = async (tool: Tool, options = {}) => {
    const { root, login } = objects(tool.bus);
    const opened = login(await root.methods.openLogin(options));
    // One that a test has cancelled, or the service has forgotten, is gone already.
    logins.push(() => opened.methods.cancel().catch(() => {}));
    return opened;
  };

  describe('that is reloaded', () => {
    it('counts when systemctl returns, and interrupts nothing', async () => {
      const { token } = await provision(admin, 'alice');
      const bob = await toolAs('bob');
      const path = await bob.logIn('token', { token });
      await bob.connect(path);
      await using changes = await Heard.standard<PropertiesChanged>(admin.bus, ROOT, 'PropertiesChanged');
      const pid = mainPid();
      reload('[Login]\nMethods=peer token\n');
      assert.deepEqual(await methods(), ['peer', 'token']);
      const [iface, [changed]] = await changes.next();
      assert.deepEqual(
        [iface, changed?.[0], changed?.[1].value],
        [remoteAccess.name, 'AuthMethods', ['peer', 'token']],
      );
      assert.equal(mainPid(), pid);
      assert.equal(await objects(bob.bus).session(path).property('State'), 'connected');
    });

    it('loses no call', async () => {
      const clients = [await toolAs('alice'), await toolAs('bob')];
      let reloads = 0;
      let calls = 0;
      const busy = clients.map(async (tool) => {
        while (reloads < 20) {
          await (await open(tool)).methods.cancel();
          calls++;
        }
      });
      setUp('[Login]\nMaxPerMinute=100000\n');
      for (; reloads < 20; reloads++)
        await admin.bus.call({
          destination: 'org.freedesktop.RemoteAccess',
          path: ROOT,
          interface: remoteAccess.name,
          member: 'ReloadConfiguration',
        });
      await Promise.all(busy);
      assert.ok(calls > 0);
    });

    it('keeps what counted before if it has mistakes, and says so', async () => {
      reload('[Login]\nMethods=token\n');
      const { status, journal } = reloadBadly('[Login]\nMaxTries=0\nMethods=peer\n');
      assert.equal(status, 1);
      assert.match(journal, new RegExp(`^${FILE}:2: Login\\.MaxTries: it has to be at least 1$`, 'm'));
      assert.match(journal, /what counted before goes on counting/);
      assert.deepEqual(await methods(), ['token']);
      const text = await refuses(
        `${ERROR}.InvalidConfiguration`,
        objects(admin.bus).root.methods.reloadConfiguration(),
      );
      assert.equal(text, `${FILE}:2: Login.MaxTries: it has to be at least 1`);
      reload('[Login]\nMaxTries=1\nMethods=peer\n');
      assert.deepEqual(await methods(), ['peer']);
    });

    it('is for root to reload', async () => {
      const alice = await toolAs('alice');
      await refuses('NotAuthorized', objects(alice.bus).root.methods.reloadConfiguration());
    });

    it('does not start a service that is not needed', () => {
      run('systemctl', 'stop', UNIT);
      assert.notEqual(spawnSync('systemctl', ['reload', UNIT]).status, 0);
      run('systemctl', 'try-reload-or-restart', UNIT);
      assert.notEqual(spawnSync('systemctl', ['is-active', UNIT]).status, 0);
      run('systemctl', 'start', UNIT);
    });
  });

  describe('that has mistakes when the service starts', () => {
    let bob: Tool;
    let path: string;

    beforeEach(async () => {
      bob = await toolAs('bob');
      path = await bob.logIn('token', { token: (await provision(admin, 'alice')).token });
      setUp('[Login]\nMethod=token\nMaxOpen=5\n');
      run('systemctl', 'restart', UNIT);
    });

    it('lets nobody in, and leaves alone who is', async () => {
      assert.deepEqual(await methods(), []);
      for (const tool of [bob, admin]) assert.match(await refuses('MethodNotOffered', open(tool)), /there is none$/);
      await bob.connect(path);
      await objects(admin.bus).root.methods.createSession('bob', { desktop: 'fake' });
      assert.notEqual(spawnSync('systemctl', ['reload', UNIT]).status, 0);
      assert.deepEqual(await methods(), []);
    });

    it('is told by the doctor, in the journal, and by check', async () => {
      const mistake = `${FILE}:2: Login.Method: there is no such key`;
      const { code, stdout } = await command(['doctor', '--json', '--quiet']);
      assert.equal(code, 1);
      const [found] = objectsIn(stdout).filter(({ check }) => check === 'configuration');
      assert.deepEqual([found?.state, String(found?.message).split(';')[0]], ['problem', mistake]);
      run('journalctl', '--sync');
      const journal = run('journalctl', '--unit', UNIT, '--output=cat', '--lines=20');
      assert.ok(journal.includes(mistake));
      assert.match(journal, /nobody can log in until the configuration is mended/);
      const checked = await command(['config', 'check']);
      assert.deepEqual([checked.code, checked.stdout], [1, `${mistake}\n2 files, 1 mistake.\n`]);
    });

    it('works when it is mended, without another start', async () => {
      const pid = mainPid();
      reload('[Login]\nMethods=token\n');
      assert.deepEqual([await methods(), mainPid()], [['token'], pid]);
    });
  });

  describe('has', () => {
    it('Methods=, which are offered in that order, and taken back from logins that are open', async () => {
      const { token } = await provision(admin, 'alice');
      const login = await open(admin);
      assert.deepEqual(await login.property('Methods'), ALL);
      reload('[Login]\nMethods=pam peer\n');
      assert.deepEqual(await (await open(admin, { methods: ['peer', 'token', 'pam'] })).property('Methods'), [
        'pam',
        'peer',
      ]);
      await refuses('MethodNotOffered', open(admin, { methods: ['token'] }));
      await refuses('MethodNotOffered', login.methods.begin('token', { token }));
    });

    it('MaxTries=', async () => {
      reload('[Login]\nMaxTries=1\n');
      const login = await open(admin);
      await refuses('AuthenticationFailed', login.methods.begin('token', { token: WRONG }));
      assert.equal(await login.property('State'), 'failed');
    });

    it('MaxFailuresPerMinute=, also of failures before', async () => {
      // Gone afterwards, with the logins that may be tried again.
      await using tool = await toolAs('bob');
      await refuses('AuthenticationFailed', tool.logIn('token', { token: WRONG }));
      await refuses('AuthenticationFailed', tool.logIn('token', { token: WRONG }));
      reload('[Login]\nMaxFailuresPerMinute=2\n');
      await refuses('TooManyAttempts', tool.logIn('peer', {}));
      reload('');
      await tool.logIn('peer', {}, { desktop: 'fake' });
    });

    it('MaxOpen=', async () => {
      const tool = await toolAs('alice');
      const login = await open(tool);
      reload('[Login]\nMaxOpen=1\n');
      await refuses('Busy', open(tool));
      await login.methods.cancel();
      await open(tool);
    });

    it('MaxPerMinute=', async () => {
      // Nobody has opened one from there before.
      const options = { 'client-address': '192.0.2.77' };
      reload('[Login]\nMaxPerMinute=1\n');
      await open(admin, options);
      await refuses('TooManyAttempts', open(admin, options));
      reload('[Login]\nMaxPerMinute=2\n');
      await open(admin, options);
    });

    it('DefaultDesktop=', async () => {
      const { root, session } = objects(admin.bus);
      reload('[Session]\nDefaultDesktop=other\n');
      assert.equal((await root.methods.listDesktops())[0]?.id, 'other');
      const path = await root.methods.createSession('alice', {});
      assert.equal(await session(path).property('Desktop'), 'other');
      reload('[Session]\nDefaultDesktop=gone\n');
      const { stdout } = await command(['doctor', '--json', '--quiet']);
      assert.match(stdout, /"configuration","state":"warning","message":"the default desktop gone is not installed/);
    });

    it('MaxSessions=', async () => {
      const { root } = objects(admin.bus);
      reload('[Session]\nMaxSessions=1\n');
      const path = await root.methods.createSession('alice', { desktop: 'fake' });
      const text = await refuses('Busy', root.methods.createSession('bob', { desktop: 'fake' }));
      assert.match(text, /^1 session runs, and no more may/);
      reload('[Session]\nMaxSessions=0\n');
      assert.equal(await root.methods.createSession('alice', { desktop: 'fake' }), path);
      reload('[Session]\nMaxSessions=2\n');
      await root.methods.createSession('bob', { desktop: 'fake' });
    });

    it('MaxUnderWay=, whoever opened them', async () => {
      const bob = await toolAs('bob');
      const { token } = await provision(admin, 'alice');
      // What it leads to does not count.
      await bob.logIn('token', { token });
      const one = await open(bob);
      await open(admin);
      reload('[Login]\nMaxUnderWay=2\n');
      for (const tool of [admin, await toolAs('alice')])
        assert.equal(
          await refuses('Busy', open(tool)),
          '2 logins are under way, and no more may be on this machine (MaxUnderWay=2)',
        );
      await one.methods.cancel();
      await open(await toolAs('alice'));
    });

    it('IdleTimeout=, in which the start of a session does not count', async () => {
      reload('[Login]\nIdleTimeout=1\n');
      const tool = await toolAs('bob');
      await using removed = await Heard.standard<[string, string[]]>(tool.bus, ROOT, 'InterfacesRemoved');
      const idle = await open(tool);
      assert.equal((await removed.next())[0], idle.path);
      // Its time passes while the desktop comes up.
      const late = 'sh -c "sleep 2; exec mutter --headless --wayland --no-x11"';
      installDesktop('late', late, { 'X-RemoteAccess-Compositor': 'mutter', DesktopNames: 'GNOME' });
      await tool.logIn('peer', {}, { desktop: 'late' });
    });

    it('MaxConnections=, and who displaces others finds room', async () => {
      const path = await objects(admin.bus).root.methods.createSession('alice', { desktop: 'fake' });
      const share = { 'on-conflict': 'share' } as const;
      const first = await admin.connect(path, share);
      await admin.connect(path, share);
      reload('[Session]\nMaxConnections=2\n');
      const alice = await toolAs('alice');
      assert.equal(
        await refuses('Busy', alice.connect(path, share)),
        `session ${path.slice(-8)} has 2 connections, and may have no more (MaxConnections=2)`,
      );
      await first.connection.methods.close();
      await alice.connect(path, share);
      await alice.connect(path);
      reload('[Session]\nMaxConnections=1\n');
      await refuses('Busy', admin.connect(path, share));
      await admin.connect(path);
    });

    it('MaxConnectionsPerUser=, over all tools and sessions of theirs, and under the next daemon', async () => {
      const { root } = objects(admin.bus);
      const own = await root.methods.createSession('bob', { desktop: 'fake' });
      const [one, two] = [await toolAs('bob'), await toolAs('bob')];
      const { token } = await provision(admin, 'alice');
      const other = await one.logIn('token', { token });
      const share = { 'on-conflict': 'share' } as const;
      reload('[Session]\nMaxConnectionsPerUser=2\n');
      await one.connect(other, share);
      await two.connect(own, share);
      run('systemctl', 'restart', UNIT);
      const text = /^2 connections of uid \d+ are open: close some first \(MaxConnectionsPerUser=2\)$/;
      for (const [tool, path] of [
        [one, other],
        [two, own],
      ] as const)
        assert.match(await refuses('Busy', tool.connect(path, share)), text);
      // Of others, and of root.
      await (await toolAs('root')).connect(own, share);
      await admin.connect(own, share);
      await admin.connect(own, share);
      // It takes the place of the one that it displaces.
      await two.connect(own);
      reload('[Session]\nMaxConnectionsPerUser=3\n');
      // Of many at once, to several sessions.
      const tries = await Promise.allSettled([one.connect(other, share), two.connect(own, share)]);
      assert.deepEqual(tries.map(({ status }) => status).sort(), ['fulfilled', 'rejected']);
    });

    it('IdleExit=, which counts also for a service that was to stay', async () => {
      await using owners = await Owners.watch(admin.bus);
      setUp('[Daemon]\nIdleExit=infinity\n');
      // Failed logins of the tests before would keep it.
      run('systemctl', 'restart', UNIT);
      const { exits } = owners;
      reload('[Daemon]\nIdleExit=30ms\n');
      await owners.until(({ now }) => now === '');
      assert.ok(owners.exits > exits);
      setUp('');
      await objects(admin.bus).root.methods.listDesktops();
    });
  });

  describe('on the command line', () => {
    it('is shown with where it comes from, to everybody', async () => {
      setUp('[Login]\nMaxTries=7\n[Daemon]\nIdleExit=90\n');
      setUp('[Login]\nMethods=token\nMaxTries=\n', '60-later');
      for (const user of ['root', 'alice']) {
        const { code, stdout, stderr } = await command(['config', 'show', '--json'], { user });
        assert.deepEqual([code, stderr], [0, '']);
        const shown = objectsIn(stdout);
        const of = (name: string) => shown.find(({ key }) => key === name);
        const file = `${FOLDER}/60-later.conf`;
        assert.deepEqual(of('Methods'), { section: 'Login', key: 'Methods', value: ['token'], file, line: 2 });
        assert.deepEqual(of('MaxTries'), { section: 'Login', key: 'MaxTries', value: 3, file, line: 3 });
        assert.deepEqual(of('IdleExit'), { section: 'Daemon', key: 'IdleExit', value: 90, file: FILE, line: 4 });
        assert.deepEqual(of('MaxOpen'), { section: 'Login', key: 'MaxOpen', value: 32 });
      }
      const { stdout } = await command(['config', 'show']);
      assert.match(stdout, /^Daemon\.IdleExit +1min 30s +\/etc\/.*\/50-test\.conf:4$/m);
      setUp('[Daemon]\nIdleExit=infinity\n');
      assert.match((await command(['config', 'show', '--json'])).stdout, /"value":"infinity"/);
    });

    it('is checked file by file before it is in place', async () => {
      assert.equal((await command(['config', 'check', '/usr/lib/remote-access/remote-access.conf'])).code, 0);
      const { code, stdout } = await command(['config', 'check', '--json', '/dev/stdin', '/nowhere', '/etc/shells']);
      assert.equal(code, 1);
      const mistakes = objectsIn(stdout);
      assert.deepEqual(mistakes[1], { file: '/nowhere', line: 0, key: '', message: 'it cannot be read: ENOENT' });
      assert.equal(mistakes[2]?.file, '/etc/shells');
      assert.equal((await command(['config', 'mend'])).code, 2);
      assert.equal((await command(['config', 'show', '/etc/shells'])).code, 2);
    });

    it('does without what an administrator masked', async () => {
      symlinkSync('/dev/null', '/etc/remote-access/remote-access.conf');
      try {
        rmSync(FILE, { force: true });
        assert.equal((await command(['config', 'check'])).stdout, '0 files, 0 mistakes.\n');
      } finally {
        rmSync('/etc/remote-access/remote-access.conf');
      }
      assert.equal((await command(['config', 'check'])).stdout, '1 file, 0 mistakes.\n');
    });
  });
});
