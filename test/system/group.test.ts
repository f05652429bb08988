import assert from 'node:assert/strict';
import type { Tool } from '../../src/tool/tool.js';
import { endSessions, Heard, installDesktop, objects, ROOT, run, SERVICE, toolAs, uidOf } from './fixture.js';

describe('the group remote-access', () => {
  let admin: Tool;

  before(async () => {
    installDesktop('fake');
    admin = await toolAs('root');
    run('gpasswd', '--add', 'bob', 'remote-access');
  });

  after(() => endSessions(admin));

  /** A command in a process that has the user's groups as they are now, as after a login. */
  const as = (user: string, ...command: string[]) =>
    run('setpriv', `--reuid=${user}`, `--regid=${run('id', '--group', user)}`, '--init-groups', ...command);

  /** A call of that user's; its answer. */
  const call = (user: string, path: string, iface: string, member: string, ...args: string[]) =>
    JSON.parse(as(user, 'busctl', '--json=short', 'call', SERVICE, path, SERVICE + iface, member, ...args) || '{}')
      .data;

  const notAuthorized = /may not use/;

  it('lets members provision, list and revoke for others', () => {
    const [id] = call('bob', ROOT, '.Tokens', 'Provision', 'sa{sv}', 'alice', '0');
    const [list] = call('bob', ROOT, '.Tokens', 'List', 'a{sv}', '1', 'user', 's', 'alice');
    assert.deepEqual(
      list.map((token: { id: { data: string } }) => token.id.data),
      [id],
    );
    call('bob', ROOT, '.Tokens', 'Revoke', 's', id);
    assert.deepEqual(call('bob', ROOT, '.Tokens', 'List', 'a{sv}', '1', 'user', 's', 'alice'), [[]]);
  });

  it('lets members create the sessions of others, list and end them, and not look into them', async () => {
    const [path] = call('bob', ROOT, '', 'CreateSession', 'sa{sv}', 'alice', '1', 'desktop', 's', 'fake');
    const id = path.split('/').at(-1);
    assert.deepEqual(call('bob', ROOT, '', 'ListSessions'), [[[id, 'user', uidOf('alice'), 'alice', path]]]);
    assert.deepEqual(call('bob', ROOT, '', 'GetSession', 's', id), [path]);
    assert.deepEqual(call('nobody', ROOT, '', 'ListSessions'), [[]]);
    assert.throws(() => call('bob', path, '.Session', 'Connect', 'a{sv}', '0'), notAuthorized);
    const { connection } = await admin.connect(path);
    await using closed = await Heard.listen(connection, 'Closed');
    call('bob', path, '.Session', 'Disconnect');
    assert.deepEqual(await closed.next(), ['disconnected']);
    await using removed = await Heard.listen(objects(admin.bus).root, 'SessionRemoved');
    call('bob', path, '.Session', 'Terminate');
    assert.equal((await removed.next())[1], path);
  });

  it('is nothing to those who are not in it, or no longer', () => {
    const provision = (user: string, whose: string) => () =>
      call(user, ROOT, '.Tokens', 'Provision', 'sa{sv}', whose, '0');
    assert.throws(provision('alice', 'bob'), notAuthorized);
    assert.throws(() => call('alice', ROOT, '', 'CreateSession', 'sa{sv}', 'bob', '0'), notAuthorized);
    provision('bob', 'alice')();
    run('gpasswd', '--delete', 'bob', 'remote-access');
    assert.throws(provision('bob', 'alice'), notAuthorized);
    run('gpasswd', '--add', 'bob', 'remote-access');
  });

  it('counts for no actions but our own', () => {
    const ask = ['sh', '-c', 'exec pkcheck --process $$ --action-id "$0"'];
    as('bob', ...ask, 'org.freedesktop.RemoteAccess.manage-sessions');
    assert.throws(() => as('bob', ...ask, 'org.freedesktop.login1.power-off'), /Authorization requires/);
  });
});
