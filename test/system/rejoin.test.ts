import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import type { Monitor, OpenLoginOptions } from '../../src/bus/generated/dictionaries.js';
import type { Tool } from '../../src/tool/tool.js';
import { mainPid, Owners, reload, UNIT } from './daemon.js';
import {
  endSessions,
  Heard,
  installDesktop,
  objects,
  type PropertiesChanged,
  provision,
  refuses,
  run,
  toolAs,
  unitEnded,
} from './fixture.js';
import { Gate } from './gate.js';

/** Which session somebody is given who asks for one while theirs runs, by remote-access.conf(5): Rejoin=, OtherSession=. */

const PASSWORD = 'alice-password';
const small: Monitor[] = [{ id: 'one', size: [800, 600], position: [0, 0], scale: 1 }];
const large: Monitor[] = [{ id: 'one', size: [1920, 1080], position: [0, 0], scale: 1 }];

describe('a running session', function () {
  this.timeout(30_000);
  let admin: Tool;
  let bob: Tool;
  let token: string;

  before(async () => {
    installDesktop('fake');
    installDesktop('other', 'sleep 1000000');
    installDesktop('broken', 'sh -c "read gate </run/broken; exit 1"');
    installDesktop('stubborn', 'sh -c "trap : TERM HUP; while :; do sleep 1; done"');
    writeFileSync('/run/chpasswd', `alice:${PASSWORD}\n`);
    run('sh', '-c', 'chpasswd </run/chpasswd; rm /run/chpasswd');
    admin = await toolAs('root');
    [, token] = await objects(admin.bus).tokens.methods.provision('alice', {});
  });

  beforeEach(async () => {
    bob = await toolAs('bob');
  });

  afterEach(async () => {
    // Its logins with it, which would become too many.
    await bob[Symbol.asyncDispose]();
    await endSessions(admin);
    settings('');
  });

  function settings(text: string): void {
    reload(text === '' ? '' : `[Session]\n${text}\n`);
  }

  const logIn = (options: OpenLoginOptions = {}, tool = bob) =>
    tool.logIn('token', { token }, { desktop: 'fake', ...options });
  const create = (options = {}) => objects(admin.bus).root.methods.createSession('alice', options);
  const idOf = (path: string) => path.slice(path.lastIndexOf('/') + 1);
  const session = (path: string) => objects(admin.bus).session(path);
  const running = async () => (await objects(admin.bus).root.methods.listSessions()).map(([, , , , path]) => path);
  /** logind's sessions of alice in which a desktop is. */
  const desktops = () =>
    run('loginctl', 'list-sessions', '--no-legend')
      .split('\n')
      .map((line) => line.trim().split(/ +/))
      .filter((words) => words.includes('alice') && words.includes('user'))
      .map(([id]) => id);

  async function killDaemon(): Promise<void> {
    await using owners = await Owners.watch(admin.bus);
    process.kill(mainPid(), 'SIGKILL');
    await owners.until(({ exits, now }) => exits > 0 && now !== '');
  }

  it('is given to its user, whatever they ask for', async () => {
    const path = await logIn({ monitors: small, 'client-address': '192.0.2.1' });
    assert.equal(await logIn({ desktop: 'other', monitors: large, 'client-address': '192.0.2.2' }), path);
    assert.equal(await create({ desktop: 'broken' }), path);
  });

  it('is given by desktop, also by a daemon that did not start it', async () => {
    settings('Rejoin=desktop');
    const path = await logIn({ monitors: small });
    const why = `session ${idOf(path)} of alice has the desktop fake, not other: ask for that, or end it first`;
    const asked = { desktop: 'other' };
    for (const restart of [() => {}, () => run('systemctl', 'restart', UNIT), killDaemon]) {
      await restart();
      assert.equal(await refuses('Busy', logIn(asked)), why);
      assert.equal(await refuses('Busy', create(asked)), why);
      assert.equal(await logIn({ monitors: large }), path);
      // Who asks for no desktop, and whose token has none.
      assert.equal(await bob.logIn('token', { token }), path);
    }
    const { token: others } = await provision(admin, 'alice', asked);
    assert.equal(await refuses('Busy', bob.logIn('token', { token: others })), why);
    // A reload counts at once.
    settings('');
    assert.equal(await logIn(asked), path);
  });

  it('that is not given uses up no token', async () => {
    settings('Rejoin=desktop');
    const path = await logIn();
    const { id, token: once } = await provision(admin, 'alice', { desktop: 'other', uses: 1 });
    const login = objects(bob.bus).login(await objects(bob.bus).root.methods.openLogin({}));
    await using failed = await Heard.listen(login, 'Failed');
    const why = await refuses('Busy', login.methods.begin('token', { token: once }));
    assert.deepEqual(await failed.next(), ['org.freedesktop.RemoteAccess.Error.Busy', why, true]);
    settings('MaxSessions=0');
    assert.equal((await objects(admin.bus).tokens.methods.list({})).find((one) => one.id === id)?.uses, 1);
    await endSessions(admin);
    assert.match(await refuses('Busy', login.methods.begin('token', { token: once })), /\(MaxSessions=0\)$/);
    settings('');
    await using completed = await Heard.listen(login, 'Completed');
    await login.methods.begin('token', { token: once });
    assert.notEqual((await completed.next())[0], path);
  });

  it('is given by size, also by a daemon that did not start it', async () => {
    settings('Rejoin=size');
    const path = await logIn({ monitors: small });
    await killDaemon();
    const why = `session ${idOf(path)} of alice began with 800x600, not 1920x1080: ask for that, or end it first`;
    assert.equal(await refuses('Busy', logIn({ monitors: large })), why);
    // What it began with counts, not what it has become.
    const { monitors } = await bob.connect(path);
    const [serial] = await monitors.methods.getLayout();
    await monitors.methods.setLayout(serial, large);
    assert.equal(await refuses('Busy', logIn({ monitors: large })), why);
    assert.equal(await logIn({ desktop: 'other', monitors: [{ ...small[0], id: 'two' } as Monitor] }), path);
    assert.equal(await logIn(), path);
    await refuses('InvalidLayout', logIn({ monitors: [] }));
  });

  it('that began with no monitors asked for is of the default size', async () => {
    settings('Rejoin=size');
    const path = await create({ desktop: 'fake' });
    assert.match(await refuses('Busy', logIn({ monitors: small })), / began with 1280x720, not 800x600/);
    const usual: Monitor = { id: 'mine', size: [1280, 720], position: [0, 0], scale: 1 };
    assert.equal(await logIn({ monitors: [usual] }), path);
  });

  it("is given by its client's address, also by a daemon that did not start it", async () => {
    settings('Rejoin=address');
    const path = await logIn({ 'client-address': '2001:db8::7' });
    await killDaemon();
    assert.equal(
      await refuses('Busy', logIn({ 'client-address': '192.0.2.1' })),
      `session ${idOf(path)} of alice was started for 2001:db8::7, not 192.0.2.1: end it first`,
    );
    assert.equal(await logIn({ desktop: 'other', 'client-address': '2001:DB8:0:0::8' }), path);
    assert.equal(await logIn(), path);
  });

  it('that was started for no client is given to all addresses', async () => {
    settings('Rejoin=address');
    const path = await create({ desktop: 'fake' });
    for (const address of ['192.0.2.1', '192.0.2.2']) assert.equal(await logIn({ 'client-address': address }), path);
  });

  it('is given to no login where it is configured so, and to create', async () => {
    settings('Rejoin=never');
    const path = await logIn();
    const why = `session ${idOf(path)} of alice is given to nobody who logs in anew: end it first`;
    assert.equal(await refuses('Busy', logIn()), why);
    // Who has logged in to it may still connect.
    await bob.connect(path);
    assert.equal(await create(), path);
    assert.match(await refuses('Busy', create({ reuse: false })), /^alice has session \w+ already/);
    await endSessions(admin);
    assert.notEqual(await logIn(), path);
  });

  describe('that is not given', () => {
    const replacing = 'Rejoin=desktop\nOtherSession=end';

    it('ends for another one, whose clients hear of it', async () => {
      settings(replacing);
      const path = await logIn();
      const old = await session(path).property('LogindSession');
      const connections = [await bob.connect(path), await admin.connect(path, { 'on-conflict': 'share' })];
      const closed = connections.map((connection) => connection.closed());
      await using removed = await Heard.listen(objects(admin.bus).root, 'SessionRemoved');
      await using alice = await toolAs('alice');
      const other = await alice.logIn('peer', {}, { desktop: 'other' });
      assert.deepEqual(await Promise.all(closed), ['session-ended', 'session-ended']);
      assert.deepEqual(await removed.next(), [idOf(path), path]);
      assert.notEqual(other, path);
      assert.deepEqual(await running(), [other]);
      const id = await session(other).property('LogindSession');
      assert.deepEqual(desktops(), [id]);
      assert.notEqual(id, old);
      assert.equal(await session(other).property('Desktop'), 'other');
      // Who had logged in to the one before has not to this one.
      await refuses('NotAuthorized', bob.connect(other));
      await alice.connect(other);
      run('journalctl', '--sync');
      assert.match(
        run('journalctl', '--unit', UNIT, '--output=cat', '--lines=50'),
        new RegExp(
          `^session ${idOf(path)} of alice has the desktop fake, not other: it is ended for another one$`,
          'm',
        ),
      );
    });

    it('ends for one that starts in the transaction of the login', async () => {
      settings('Rejoin=never\nOtherSession=end');
      const path = await logIn();
      const other = await bob.logIn('password', { user: 'alice', password: PASSWORD }, { desktop: 'fake' });
      assert.deepEqual(await running(), [other]);
      assert.notEqual(other, path);
      const id = await session(other).property('LogindSession');
      assert.equal(run('loginctl', 'show-session', id, '--value', '--property=Service'), 'remote-access-login');
      await bob.connect(other);
    });

    it('ends only while nobody is connected where it is configured so', async () => {
      settings('Rejoin=desktop\nOtherSession=end-disconnected');
      const path = await logIn();
      const { connection } = await bob.connect(path);
      assert.equal(
        await refuses('Busy', logIn({ desktop: 'other' })),
        `session ${idOf(path)} of alice has the desktop fake, not other, and somebody is connected to it`,
      );
      assert.deepEqual(await running(), [path]);
      await connection.methods.close();
      const other = await logIn({ desktop: 'other' });
      assert.deepEqual(await running(), [other]);
    });

    it('stays if the other one cannot start', async () => {
      settings(replacing);
      const path = await logIn();
      const stays = async () => {
        assert.deepEqual(await running(), [path]);
        assert.equal(await session(path).property('State'), 'disconnected');
      };
      await refuses('NotSupported', logIn({ desktop: 'no-such' }));
      await stays();
      run('usermod', '--expiredate=1', 'alice');
      assert.match(await refuses('SessionFailed', logIn({ desktop: 'other' })), /has expired/);
      assert.match(await refuses('SessionFailed', create({ desktop: 'other' })), /has expired/);
      run('usermod', '--expiredate=', 'alice');
      await stays();
      const watching = await provision(admin, 'alice', { desktop: 'other', grants: ['capture', 'pointer'] });
      assert.match(
        await refuses('Busy', bob.logIn('token', { token: watching.token })),
        /not other, and a login without the keyboard cannot end it$/,
      );
      await stays();
      const unit = ['systemd-run', '--quiet', '--unit=elsewhere', '--service-type=exec', '--uid=alice'];
      const desktop = ['--property=PAMName=login', '--setenv=XDG_SESSION_TYPE=x11', '--setenv=XDG_SESSION_CLASS=user'];
      run(...unit, ...desktop, 'sleep', 'infinity');
      assert.match(await refuses('Busy', logIn({ desktop: 'other' })), /^alice has a graphical session elsewhere/);
      run('systemctl', 'stop', 'elsewhere.service');
      await stays();
      settings(`${replacing}\nMaxSessions=0`);
      assert.match(await refuses('Busy', logIn({ desktop: 'other' })), /\(MaxSessions=0\)$/);
      await stays();
      await bob.connect(path);
    });

    it('is one of as many as there may be', async () => {
      settings(`${replacing}\nMaxSessions=1`);
      await logIn();
      const other = await logIn({ desktop: 'other' });
      assert.deepEqual(await running(), [other]);
      await refuses('Busy', objects(admin.bus).root.methods.createSession('bob', { desktop: 'fake' }));
    });

    it('ends for one that fails, and the next one starts', async () => {
      settings(replacing);
      await logIn();
      await refuses('SessionFailed', logIn({ desktop: 'broken' }));
      assert.deepEqual(await running(), []);
      await bob.connect(await logIn());
    });

    it('is waited for, however it clings', async () => {
      settings(replacing);
      const path = await logIn({ desktop: 'stubborn' });
      await using removed = await Heard.listen(objects(admin.bus).root, 'SessionRemoved');
      // Two who want the same, and one who wants nothing in particular.
      const asked = [logIn({ desktop: 'other' }), create({ desktop: 'other' }), bob.logIn('token', { token })];
      const paths = await Promise.all(asked);
      assert.deepEqual(await removed.next(), [idOf(path), path]);
      assert.equal(paths[0], paths[1]);
      assert.deepEqual(await running(), [paths[0]]);
    });

    it('ends also if the daemon is killed meanwhile', async () => {
      settings(replacing);
      const path = await logIn({ desktop: 'stubborn' });
      await using changes = await Heard.standard<PropertiesChanged>(admin.bus, path, 'PropertiesChanged');
      const lost = logIn({ desktop: 'other' }).catch(() => {});
      await changes.next((_iface, _values, names) => names.includes('State'));
      assert.equal(await session(path).property('State'), 'closing');
      await killDaemon();
      const other = await logIn({ desktop: 'other' });
      assert.deepEqual(await running(), [other]);
      unitEnded(idOf(path));
      assert.equal(desktops().length, 1);
      void lost;
    });
  });

  describe('that two want at once', () => {
    it('is the one that came first, and the other one is told so', async () => {
      settings('Rejoin=desktop');
      const asked = [logIn(), logIn({ desktop: 'other' }), create({ desktop: 'other' }), create({ desktop: 'fake' })];
      const results = await Promise.allSettled(asked);
      const paths = results.flatMap((result) => (result.status === 'fulfilled' ? [result.value] : []));
      assert.deepEqual(await running(), [...new Set(paths)]);
      assert.equal(paths.length, 2);
      for (const result of results)
        if (result.status === 'rejected') assert.match(result.reason.message, /has the desktop (fake|other), not /);
    });

    it('is not refused for one that does not come up', async () => {
      settings('Rejoin=desktop');
      using gate = new Gate('/run/broken');
      const broken = create({ desktop: 'broken' });
      await gate.reached;
      const path = create({ desktop: 'fake' });
      await running();
      gate.open();
      await refuses('SessionFailed', broken);
      const started = await path;
      assert.deepEqual(await running(), [started]);
    });

    it('is one after the other, where each ends the one before', async () => {
      settings('Rejoin=desktop\nOtherSession=end');
      const { root } = objects(admin.bus);
      let [alive, most] = [0, 0];
      await using _added = await root.subscribe('SessionNew', () => {
        most = Math.max(most, ++alive);
      });
      await using _removed = await root.subscribe('SessionRemoved', () => {
        alive--;
      });
      const asked = ['fake', 'other', 'fake', 'other', 'other', 'fake'];
      const paths = await Promise.all(asked.map((desktop) => create({ desktop })));
      assert.equal(most, 1);
      const [left = '', ...others] = await running();
      assert.deepEqual(others, []);
      assert.ok(paths.includes(left));
      // Everybody got what they asked for, and who asked for the same at once the same.
      const desktopOf = new Map(paths.map((path, index) => [path, asked[index]]));
      assert.deepEqual(
        paths.map((path) => desktopOf.get(path)),
        asked,
      );
      assert.equal(await session(left).property('Desktop'), desktopOf.get(left));
      assert.deepEqual(desktops(), [await session(left).property('LogindSession')]);
    });

    it('is another one for nobody while it ends', async () => {
      settings('Rejoin=desktop');
      const path = await logIn();
      await session(path).methods.terminate();
      const [one, two] = await Promise.all([logIn({ desktop: 'other' }), logIn({ desktop: 'other' })]);
      assert.equal(one, two);
      assert.notEqual(one, path);
    });
  });
});
