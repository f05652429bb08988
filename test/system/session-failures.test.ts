import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { readdirSync } from 'node:fs';
import type { Tool } from '../../src/tool/tool.js';
import {
  ERROR,
  endSessions,
  Heard,
  installDesktop,
  objects,
  type PropertiesChanged,
  provision,
  refuses,
  run,
  SERVICE,
  toolAs,
  unitEnded,
} from './fixture.js';

describe('a session that fails', () => {
  let admin: Tool;
  let tool: Tool;

  before(async () => {
    installDesktop('fake');
    installDesktop('ends', 'false', { 'X-RemoteAccess-Compositor': 'mutter' });
    installDesktop('stuck', 'sleep infinity', {
      'X-RemoteAccess-Compositor': 'mutter',
      'X-RemoteAccess-StartTimeout': '2',
    });
    installDesktop('missing', '/no/such/program', { 'X-RemoteAccess-Compositor': 'mutter' });
    admin = await toolAs('root');
    tool = await toolAs('bob');
  });

  after(() => endSessions(admin));

  for (const [desktop, reason] of [
    ['ends', /ended while it was starting/],
    ['stuck', /did not come up/],
    ['missing', /ended while it was starting|could not be started/],
  ] as const)
    it(`says why, and leaves nothing: the desktop ${desktop}`, async () => {
      const { id, token } = await provision(admin, 'alice', { desktop });
      await using appeared = await Heard.listen(objects(admin.bus).root, 'SessionNew');
      await using removed = await Heard.listen(objects(admin.bus).root, 'SessionRemoved');
      assert.match(await refuses('SessionFailed', tool.logIn('token', { token })), reason);
      await objects(admin.bus).tokens.methods.revoke(id);
      const [session] = await appeared.next();
      await removed.next();
      nothingLeft(session);
      await refuses('SessionFailed', objects(admin.bus).root.methods.createSession('alice', { desktop }));
      const [second] = await appeared.next();
      await removed.next();
      nothingLeft(second);
    });

  it('tells who waits for it and leaves no right to who left meanwhile', async () => {
    const { token } = await provision(admin, 'alice', { desktop: 'fake' });
    await using appeared = await Heard.listen(objects(admin.bus).root, 'SessionNew');
    const leaving = await toolAs('bob');
    const { root, login } = objects(leaving.bus);
    await login(await root.methods.openLogin({})).methods.begin('token', { token });
    const [id, path] = await appeared.next();
    await leaving[Symbol.asyncDispose]();
    // The session was wanted, and comes up for the next one.
    assert.equal(await objects(admin.bus).root.methods.createSession('alice', {}), path);
    assert.deepEqual(await objects(tool.bus).root.methods.listSessions(), []);
    await refuses('NotAuthorized', tool.connect(path));
    await endSessions(admin);
    nothingLeft(id);
  });

  describe('or its helpers do', () => {
    let path = '';

    before(async () => {
      path = await objects(admin.bus).root.methods.createSession('alice', { desktop: 'fake' });
    });

    /** Resolves when the session's state is that. */
    async function stateBecomes(state: string, change: () => void): Promise<void> {
      const session = objects(admin.bus).session(path);
      await using told = await Heard.standard<PropertiesChanged>(admin.bus, path, 'PropertiesChanged');
      change();
      while ((await session.property('State').catch(() => '')) !== state)
        await told.next((iface, _values, names) => iface === `${SERVICE}.Session` && names.includes('State'));
    }

    /** A call that reaches the old daemon at its end would fail. */
    async function daemonChanges(change: () => void): Promise<void> {
      let first = '';
      let done: () => void = () => {};
      const changed = new Promise<void>((resolve) => {
        done = resolve;
      });
      await using _watch = await admin.bus.subscriptions.watchOwner(SERVICE, (owner) => {
        first ||= owner;
        if (owner !== first) done();
      });
      change();
      await changed;
    }

    const user = (...command: string[]) => run('systemctl', '--user', '--machine=alice@.host', ...command);
    const agent = () => `remote-access-agent@${path.split('/').at(-1)}.service`;

    it('comes back when the agent was killed', async () => {
      const attached = await admin.connect(path);
      const closed = await Heard.listen(attached.connection, 'Closed');
      await stateBecomes('starting', () => user('kill', '--signal=KILL', agent()));
      assert.deepEqual(await closed.next(), ['session-ended']);
      await stateBecomes('disconnected', () => {});
      const [, layout] = await (await admin.connect(path)).monitors.methods.getLayout();
      assert.equal(layout.length, 1);
    });

    for (const [how, ...command] of [
      ['is restarted', 'systemctl', 'restart', 'remote-accessd.service'],
      ['was killed', 'systemctl', 'kill', '--signal=KILL', 'remote-accessd.service'],
    ] as const)
      it(`goes on when the daemon ${how}`, async () => {
        await using alice = await toolAs('alice');
        const pid = user('show', '--value', '--property=MainPID', agent());
        const session = objects(alice.bus).session(path);
        const before = [await session.property('LogindSession'), await session.property('Created')];
        const attached = await alice.connect(path);
        await attached.layOut([{ id: 'kept', size: [640, 480], position: [0, 0], scale: 1, primary: true }]);
        await daemonChanges(() => run(...command));
        // Which waits until the agent has found the new daemon.
        assert.equal(await objects(alice.bus).root.methods.createSession('alice', {}), path);
        assert.deepEqual([await session.property('LogindSession'), await session.property('Created')], before);
        const again = await alice.connect(path);
        const [, [monitor]] = await again.monitors.methods.getLayout();
        assert.equal(monitor?.id, 'kept');
        assert.equal(user('show', '--value', '--property=MainPID', agent()), pid);
      });

    it('says so to who connects meanwhile, when it takes too long or the session ends', async () => {
      installDesktop('hasty', 'sleep infinity', { 'X-RemoteAccess-StartTimeout': '5' });
      const bobs = await objects(admin.bus).root.methods.createSession('bob', { desktop: 'hasty' });
      const id = bobs.split('/').at(-1) ?? '';
      const session = objects(admin.bus).session(bobs);
      await using told = await Heard.standard<PropertiesChanged>(admin.bus, bobs, 'PropertiesChanged');
      run('systemctl', '--user', '--machine=bob@.host', 'stop', `remote-access-agent@${id}.service`);
      while ((await session.property('State')) !== 'starting')
        await told.next((iface, _values, names) => iface === `${SERVICE}.Session` && names.includes('State'));
      assert.match(await refuses('SessionFailed', admin.connect(bobs)), /has no running agent/);
      const waiting = refuses('SessionFailed', admin.connect(bobs));
      await session.methods.terminate();
      assert.match(await waiting, /has no running agent/);
      unitEnded(id);
    });

    it('ends with its desktop', async () => {
      const removed = await Heard.listen(objects(admin.bus).root, 'SessionRemoved');
      const id = await objects(admin.bus).session(path).property('LogindSession');
      run('pkill', '--session', run('loginctl', 'show-session', id, '--value', '--property=Leader'));
      await removed.next();
      nothingLeft(path.split('/').at(-1) ?? '');
      const [error] = await Promise.allSettled([objects(admin.bus).root.methods.getSession('gone')]);
      assert.ok(error.status === 'rejected' && error.reason.dbusName === `${ERROR}.NoSuchSession`);
    });
  });

  function nothingLeft(id: string): void {
    unitEnded(id);
    assert.deepEqual(readdirSync('/run/remote-access/sessions'), []);
    assert.equal(run('systemctl', 'list-units', '--all', '--no-legend', `remote-access-session-${id}*`), '');
    // logind forgets a session when the last of its processes is gone.
    run('systemctl', 'stop', 'session-*.scope');
    assert.doesNotMatch(run('loginctl', 'list-sessions', '--no-legend'), /alice.*user/);
    // An agent that was only just starting ends when it hears that there is no session.
    const { stdout } = spawnSync('pgrep', ['--uid=alice', '--full', 'sleep infinity|remote-access'], {
      encoding: 'utf8',
    });
    for (const pid of stdout.split('\n').filter(Boolean))
      run('timeout', '10', 'tail', `--pid=${pid}`, '--follow', '/dev/null');
  }
});
