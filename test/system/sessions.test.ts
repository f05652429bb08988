import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { readdirSync, writeFileSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import type { Tool } from '../../src/tool/tool.js';
import { setUp, UNIT } from './daemon.js';
import {
  endSessions,
  Heard,
  INVALID_ARGS,
  installDesktop,
  objects,
  provision,
  ROOT,
  refuses,
  run,
  SERVICE,
  toolAs,
  uidOf,
  unitEnded,
} from './fixture.js';

/** A property of a logind session. */
const logind = (session: string, name: string) =>
  run('loginctl', 'show-session', session, '--value', `--property=${name}`);

describe('sessions', () => {
  let admin: Tool;
  let alice: Tool;
  let bob: Tool;

  before(async () => {
    installDesktop('fake');
    installDesktop('other', 'sleep 1000000', { DesktopNames: 'Other' });
    installDesktop('tell', 'sh -c "(id; echo --; env) >/run/told; exec sleep infinity"', { DesktopNames: 'Tell' });
    run('mkfifo', '--mode=666', '/run/told');
    admin = await toolAs('root');
    alice = await toolAs('alice');
    bob = await toolAs('bob');
  });

  afterEach(() => endSessions(admin));

  const create = (tool: Tool, user: string, options = {}) =>
    objects(tool.bus).root.methods.createSession(user, { desktop: 'fake', ...options });

  it('are made by root and by their user, and by nobody else', async () => {
    await create(admin, 'alice');
    await create(bob, 'bob');
    await refuses('NotAuthorized', create(bob, 'alice'));
    await refuses('NotAuthorized', create(bob, 'nobody-has-this-name'));
    await refuses('NoSuchUser', create(admin, 'nobody-has-this-name'));
  });

  it('are shown to those who may use them', async () => {
    const path = await create(alice, 'alice');
    const id = path.slice(`${ROOT}/session/`.length);
    const listed = [[id, 'user', uidOf('alice'), 'alice', path]];
    for (const tool of [alice, admin]) {
      assert.deepEqual(await objects(tool.bus).root.methods.listSessions(), listed);
      assert.equal(await objects(tool.bus).root.methods.getSession(id), path);
    }
    assert.deepEqual(await objects(bob.bus).root.methods.listSessions(), []);
    await refuses('NoSuchSession', objects(bob.bus).root.methods.getSession(id));
    await refuses('NoSuchSession', objects(admin.bus).root.methods.getSession('deadbeef'));
    const { token } = await provision(admin, 'alice');
    await bob.logIn('token', { token });
    assert.deepEqual(await objects(bob.bus).root.methods.listSessions(), listed);
    assert.equal(await objects(bob.bus).root.methods.getSession(id), path);
  });

  it('are one for each user, however many ask at once', async () => {
    const { token } = await provision(admin, 'alice');
    const appeared = await Heard.listen(objects(admin.bus).root, 'SessionNew');
    const paths = await Promise.all([
      create(alice, 'alice'),
      create(admin, 'alice'),
      bob.logIn('token', { token }),
      alice.logIn('peer'),
    ]);
    assert.equal(new Set(paths).size, 1);
    assert.equal(await create(admin, 'alice', { desktop: 'other', reuse: true }), paths[0]);
    assert.equal(await objects(admin.bus).session(paths[0]).property('Desktop'), 'fake');
    await refuses('Busy', create(admin, 'alice', { reuse: false }));
    assert.equal(appeared.all.length, 1);
  });

  it('run the desktop asked for, or else the one of the token', async () => {
    const { token } = await provision(admin, 'alice', { desktop: 'other' });
    const path = await bob.logIn('token', { token });
    assert.equal(await objects(admin.bus).session(path).property('Desktop'), 'other');
    await endSessions(admin);
    const second = await bob.logIn('token', { token }, { desktop: 'fake' });
    assert.equal(await objects(admin.bus).session(second).property('Desktop'), 'fake');
    await endSessions(admin);
    await refuses('NotSupported', create(admin, 'alice', { desktop: 'no-such' }));
    await refuses('NotSupported', bob.logIn('token', { token }, { desktop: 'no-such' }));
    await refuses(INVALID_ARGS, create(admin, 'alice', { desktop: '../../etc/passwd' }));
    const listed = await objects(bob.bus).root.methods.listDesktops();
    const ids = listed.map(({ id }) => id);
    assert.deepEqual(
      ids.filter((id) => ['fake', 'other', 'tell'].includes(id)),
      ['fake', 'other', 'tell'],
    );
  });

  it('describe themselves, and logind agrees', async () => {
    const { token } = await provision(admin, 'alice');
    const began = Math.floor(Date.now() / 1000);
    const path = await bob.logIn('token', { token }, { 'client-address': '192.0.2.7', 'client-name': 'laptop' });
    const session = objects(alice.bus).session(path);
    assert.deepEqual(await session.property('User'), [uidOf('alice'), 'alice']);
    assert.equal(await session.property('Class'), 'user');
    assert.equal(await session.property('Compositor'), 'fake');
    assert.equal(await session.property('State'), 'disconnected');
    assert.equal(path, `${ROOT}/session/${await session.property('Id')}`);
    const created = Number(await session.property('Created'));
    assert.ok(created >= began && created <= Date.now() / 1000);
    const id = await session.property('LogindSession');
    const expected = { Name: 'alice', Type: 'wayland', Class: 'user', Remote: 'yes', RemoteHost: '192.0.2.7' };
    for (const [name, value] of Object.entries({ ...expected, Service: 'remote-access', Desktop: 'fake' }))
      assert.equal(logind(id, name), value, name);
  });

  it('are remote also for a client that has no address', async () => {
    const id = await objects(admin.bus)
      .session(await create(alice, 'alice'))
      .property('LogindSession');
    assert.equal(logind(id, 'Remote'), 'yes');
  });

  it("have their user's groups and PAM's environment", async () => {
    run('groupadd', '--force', 'painters');
    run('usermod', '--append', '--groups=painters', 'alice');
    const path = await create(alice, 'alice', { desktop: 'tell' });
    const [id = '', told = ''] = (await readFile('/run/told', 'utf8')).split('\n--\n');
    assert.ok(id.includes(`uid=${uidOf('alice')}(alice)`) && id.includes('(painters)'), id);
    const environment = Object.fromEntries(
      told.split('\n').map((line) => [line.slice(0, line.indexOf('=')), line.slice(line.indexOf('=') + 1)]),
    );
    const expected = {
      USER: 'alice',
      HOME: '/home/alice',
      XDG_RUNTIME_DIR: `/run/user/${uidOf('alice')}`,
      XDG_SESSION_TYPE: 'wayland',
      XDG_SESSION_CLASS: 'user',
      XDG_SESSION_DESKTOP: 'tell',
      XDG_CURRENT_DESKTOP: 'Tell',
      XDG_SESSION_ID: await objects(admin.bus).session(path).property('LogindSession'),
      DBUS_SESSION_BUS_ADDRESS: `unix:path=/run/user/${uidOf('alice')}/bus`,
    };
    for (const [name, value] of Object.entries(expected)) assert.equal(environment[name], value, name);
  });

  it('begin with the monitors asked for', async () => {
    const monitors = [
      { id: 'one', size: [1000, 500], position: [0, 0], scale: 1, primary: true },
      { id: 'two', size: [2000, 1000], position: [1000, 0], scale: 2 },
    ] as const;
    const path = await alice.logIn('peer', {}, { desktop: 'fake', monitors: monitors as never });
    const [, layout] = await (await alice.connect(path)).monitors.methods.getLayout();
    assert.deepEqual(
      layout.map(({ id, size, scale }) => ({ id, size, scale })),
      [
        { id: 'one', size: [1000, 500], scale: 1 },
        { id: 'two', size: [2000, 1000], scale: 2 },
      ],
    );
  });

  it('end when they are told to, and leave no others with them', async () => {
    const path = await create(alice, 'alice');
    const other = await create(bob, 'bob');
    const removed = await Heard.listen(objects(bob.bus).root, 'SessionRemoved');
    const id = await objects(admin.bus).session(path).property('LogindSession');
    await refuses('NotAuthorized', objects(bob.bus).session(path).methods.terminate());
    await objects(alice.bus).session(path).methods.terminate();
    assert.deepEqual(await removed.next(), [path.split('/').at(-1), path]);
    assert.equal(await objects(bob.bus).session(other).property('State'), 'disconnected');
    assert.match(run('journalctl', '--boot', '--identifier=remote-access-worker'), /session closed for user alice/);
    assert.ok(
      !run('loginctl', 'list-sessions', '--no-legend')
        .split('\n')
        .some((line) => line.trim().startsWith(`${id} `)),
    );
    await refuses('org.freedesktop.DBus.Error.UnknownObject', objects(alice.bus).session(path).property('State'));
  });

  it('leave in the journal how long their agent took, for who debugs it', async () => {
    const unit = `remote-access-agent@${(await create(alice, 'alice')).split('/').at(-1)}.service`;
    run('journalctl', '--sync');
    const said = run('journalctl', `_SYSTEMD_USER_UNIT=${unit}`, '--priority=debug..debug', '--output=cat');
    const stages = ['loaded', 'on the buses', 'registered', 'compositor there', 'monitors made', 'ready'];
    assert.match(said, new RegExp(`^${stages.map((stage) => `${stage} after \\d+ ms`).join(', ')}$`, 'm'));
  });

  // Debian's compiles its modules at each start, and people wait for that.
  it('have an agent that loads little of Node.js', () => {
    const report = "process.on('exit', () => process.stdout.write(process.moduleLoadList.join('\\n')))";
    writeFileSync('/run/report.cjs', report);
    const program = ['--require=/run/report.cjs', '/usr/lib/remote-access/remote-access-agent.cjs'];
    const { stdout, status } = spawnSync('/usr/bin/node', program, { encoding: 'utf8' });
    assert.equal(status, 2);
    const loaded = stdout.split('\n');
    assert.ok(loaded.includes('NativeModule events'));
    for (const name of [
      'fs/promises',
      'internal/fs/streams',
      'module',
      'perf_hooks',
      'internal/modules/esm/translators',
    ])
      assert.ok(!loaded.includes(`NativeModule ${name}`), name);
  });

  it('begin when the one before has ended', async () => {
    const before = await create(alice, 'alice');
    await objects(alice.bus).session(before).methods.terminate();
    const path = await create(alice, 'alice');
    assert.notEqual(path, before);
    assert.deepEqual(
      (await objects(admin.bus).root.methods.listSessions()).map(([, , , , at]) => at),
      [path],
    );
    await alice.connect(path);
  });

  describe('of a user with a desktop', () => {
    const start = (...where: string[]) => {
      const unit = ['systemd-run', '--quiet', '--unit=elsewhere', '--service-type=exec', '--uid=alice'];
      const desktop = ['--property=PAMName=login', '--setenv=XDG_SESSION_TYPE=x11', '--setenv=XDG_SESSION_CLASS=user'];
      run(...unit, ...desktop, ...where.map((variable) => `--setenv=${variable}`), 'sleep', 'infinity');
    };
    const settings = (text: string) => {
      setUp(text);
      run('systemctl', 'reload-or-restart', UNIT);
    };
    const desktops = () =>
      run('loginctl', 'list-sessions', '--no-legend')
        .split('\n')
        .filter((line) => / user /.test(line));

    afterEach(() => {
      spawnSync('systemctl', ['stop', 'elsewhere.service'], { stdio: 'ignore' });
      settings('');
    });

    for (const [place, where, told] of [
      ['elsewhere', [], /^alice has a graphical session elsewhere, logind's session \w+$/],
      ['at the seat', ['XDG_SEAT=seat0'], /^alice has a graphical session at seat0, logind's session \w+$/],
    ] as const)
      it(`${place} do not begin`, async () => {
        start(...where);
        assert.equal(desktops().length, 1);
        const reason = await refuses('Busy', create(admin, 'alice'));
        const { token } = await provision(admin, 'alice');
        assert.equal(await refuses('Busy', bob.logIn('token', { token })), reason);
        assert.match(reason, told);
        // Nobody else is concerned.
        await create(bob, 'bob');
        run('systemctl', 'stop', 'elsewhere.service');
        await create(admin, 'alice');
      });

    it('at the seat take its place where it is configured so', async () => {
      settings('[Session]\nOtherDesktop=end\n');
      start('XDG_SEAT=seat0');
      const pid = run('systemctl', 'show', '--value', '--property=MainPID', 'elsewhere.service');
      const path = await create(admin, 'alice');
      run('tail', `--pid=${pid}`, '--follow', '/dev/null');
      const session = objects(admin.bus).session(path);
      assert.deepEqual(
        desktops().map((line) => line.trim().split(' ')[0]),
        [await session.property('LogindSession')],
      );
      await alice.connect(path);
    });
  });

  it('are shown by w with their client', async () => {
    const { token } = await provision(admin, 'alice');
    await bob.logIn('token', { token }, { 'client-address': '192.0.2.7' });
    assert.match(run('w', '--no-header', '--ip-addr'), /^alice +192\.0\.2\.7 /);
  });

  it('end when logind ends them, too', async () => {
    const path = await create(alice, 'alice');
    const removed = await Heard.listen(objects(admin.bus).root, 'SessionRemoved');
    run('loginctl', 'terminate-session', await objects(admin.bus).session(path).property('LogindSession'));
    assert.equal((await removed.next())[1], path);
    unitEnded(path.split('/').at(-1) ?? '');
    assert.deepEqual(readdirSync('/run/remote-access/sessions'), []);
  });

  it('end their agent, even if the user stays', async () => {
    run('loginctl', 'enable-linger', 'alice');
    const path = await create(alice, 'alice');
    const id = path.split('/').at(-1);
    const removed = await Heard.listen(objects(admin.bus).root, 'SessionRemoved');
    const show = ['systemctl', '--user', '--machine=alice@.host', 'show', '--value'];
    const unit = `remote-access-agent@${id}.service`;
    const pid = run(...show, '--property=MainPID', unit);
    await objects(alice.bus).session(path).methods.terminate();
    await removed.next();
    run('tail', `--pid=${pid}`, '--follow', '/dev/null');
    assert.match(run(...show, '--property=ActiveState', unit), /inactive/);
    run('loginctl', 'disable-linger', 'alice');
  });

  it('may be asked for nothing unknown', () => {
    const call = ['busctl', 'call', SERVICE, ROOT, SERVICE, 'CreateSession', 'sa{sv}', 'alice'];
    assert.throws(() => run(...call, '1', 'colour', 's', 'blue'), /'colour'/);
    assert.throws(() => run(...call, '1', 'desktop', 'u', '1'), /'desktop'/);
    assert.throws(() => run(...call, '2', 'reuse', 'b', 'true', 'reuse', 'b', 'false'), /'reuse'/);
  });
});
