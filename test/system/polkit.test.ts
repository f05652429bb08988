import assert from 'node:assert/strict';
import { rmSync, writeFileSync } from 'node:fs';
import type { Tool } from '../../src/tool/tool.js';
import { endSessions, installDesktop, objects, provision, refuses, run, SERVICE, toolAs } from './fixture.js';

const RULES = '/etc/polkit-1/rules.d/00-remote-access-test.rules';

describe('polkit', () => {
  let admin: Tool;
  let bob: Tool;

  before(async () => {
    installDesktop('fake');
    admin = await toolAs('root');
    bob = await toolAs('bob');
  });

  afterEach(() => allow());

  after(() => endSessions(admin));

  /** Bob may do these without being asked, and nothing else. */
  function allow(...actions: string[]): void {
    const list = JSON.stringify(actions.map((action) => `${SERVICE}.${action}`));
    // In the ECMAScript 5 that polkit's interpreter knows.
    const rule = `polkit.addRule(function (action, subject) {
      if (${list}.indexOf(action.id) >= 0 && subject.user === 'bob') return polkit.Result.YES;
    });`;
    if (actions.length === 0) rmSync(RULES, { force: true });
    else writeFileSync(RULES, rule, { mode: 0o644 });
    // systemd would stop at the fifth restart in ten seconds.
    run('sh', '-c', 'systemctl reset-failed polkit.service; exec systemctl restart polkit.service');
  }

  it('knows our actions', () => {
    const actions = run('pkaction').split('\n');
    for (const action of ['create-session', 'provision-token', 'manage-tokens', 'manage-sessions'])
      assert.ok(actions.includes(`${SERVICE}.${action}`), action);
  });

  it('lets nobody provision, list or create for others unless it is told to', async () => {
    const { root, tokens } = objects(bob.bus);
    await refuses('NotAuthorized', provision(bob, 'alice'));
    await refuses('NotAuthorized', tokens.methods.list({ user: 'alice' }));
    await refuses('NotAuthorized', tokens.methods.list({ user: 'no-such-user' }));
    await refuses('NotAuthorized', tokens.methods.revoke('nosuchtoken'));
    await refuses('NotAuthorized', root.methods.createSession('alice', {}));
    await refuses('NoSuchUser', objects(admin.bus).tokens.methods.list({ user: 'no-such-user' }));
    await refuses('NoSuchToken', objects(admin.bus).tokens.methods.revoke('nosuchtoken'));
  });

  it('says no to a caller that agrees to be asked, when nobody is there to ask', () => {
    const call = ['gdbus', 'call', '--system', '--interactive', '--dest', SERVICE, '--object-path'];
    const provisioning = [...call, '/org/freedesktop/RemoteAccess', '--method', `${SERVICE}.Tokens.Provision`];
    assert.throws(
      () => run('setpriv', '--reuid=bob', '--regid=bob', '--init-groups', ...provisioning, 'alice', '{}'),
      /NotAuthorized/,
    );
  });

  it('lets whom its rules name provision, and no more than that', async () => {
    allow('provision-token');
    const { id } = await provision(bob, 'alice');
    assert.ok((await objects(admin.bus).tokens.methods.list({ user: 'alice' })).some((token) => token.id === id));
    await refuses('NotAuthorized', objects(bob.bus).tokens.methods.revoke(id));
    await refuses('NoSuchUser', provision(bob, 'no-such-user'));
    allow('manage-tokens');
    await objects(bob.bus).tokens.methods.revoke(id);
    await refuses('NoSuchToken', objects(bob.bus).tokens.methods.revoke(id));
    await refuses('NotAuthorized', provision(bob, 'alice'));
    // Managing the tokens of others is by name: without one, the list is one's own.
    await provision(admin, 'alice');
    assert.deepEqual(await objects(bob.bus).tokens.methods.list({}), []);
    assert.equal((await objects(bob.bus).tokens.methods.list({ user: 'alice' })).length, 1);
  });

  it('lets whom its rules name create sessions and manage them, but not connect', async () => {
    allow('create-session');
    const path = await objects(bob.bus).root.methods.createSession('alice', { desktop: 'fake' });
    const session = objects(bob.bus).session(path);
    await refuses('NotAuthorized', session.methods.lock());
    assert.deepEqual(await objects(bob.bus).root.methods.listSessions(), []);
    allow('manage-sessions');
    assert.equal((await objects(bob.bus).root.methods.listSessions())[0]?.[4], path);
    assert.equal(await objects(bob.bus).root.methods.getSession(path.split('/').at(-1) ?? ''), path);
    await session.methods.lock();
    await session.methods.unlock();
    await refuses('NotAuthorized', bob.connect(path));
    await session.methods.terminate();
  });

  it('is not needed by root and by users for themselves', async () => {
    run('systemctl', 'mask', '--runtime', '--now', 'polkit.service');
    const own = await provision(bob, 'bob');
    await provision(admin, 'alice');
    await refuses('NotAuthorized', provision(bob, 'alice'));
    await objects(bob.bus).tokens.methods.revoke(own.id);
    run('systemctl', 'unmask', '--runtime', 'polkit.service');
  });
});
