import assert from 'node:assert/strict';
import { readdirSync, readFileSync, statSync } from 'node:fs';
import { connection } from '../../src/bus/generated/connection.js';
import { RemoteObject } from '../../src/bus/remote-object.js';
import type { Tool } from '../../src/tool/tool.js';
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

const STORE = '/var/lib/remote-access/tokens';
const TOKENS = `${SERVICE}.Tokens`;

describe('provisioned tokens', () => {
  let admin: Tool;
  let tool: Tool;

  before(async () => {
    installDesktop('fake');
    admin = await toolAs('root');
    tool = await toolAs('bob');
  });

  afterEach(() => endSessions(admin));

  const busctl = (...args: string[]) => run('busctl', '--json=short', 'call', SERVICE, ROOT, TOKENS, ...args);
  const begin = async (token: string, options = {}) => {
    const { root, login } = objects(tool.bus);
    return login(await root.methods.openLogin(options)).methods.begin('token', { token });
  };

  it('are made, listed and revoked with busctl', async () => {
    const [id, token] = JSON.parse(busctl('Provision', 'sa{sv}', 'alice', '0')).data;
    assert.match(token, new RegExp(`^ra1-${id}-[A-Za-z0-9_-]{43,}$`));
    const [list] = JSON.parse(busctl('List', 'a{sv}', '1', 'user', 's', 'alice')).data;
    assert.equal(list.find((info: { id: { data: string } }) => info.id.data === id)?.user.data, 'alice');
    assert.ok(!JSON.stringify(list).includes(token.split('-').at(-1)));
    busctl('Revoke', 's', id);
    assert.deepEqual(JSON.parse(busctl('List', 'a{sv}', '1', 'user', 's', 'alice')).data, [[]]);
  });

  it('are made with gdbus', () => {
    const call = ['gdbus', 'call', '--system', '--dest', SERVICE, '--object-path', ROOT, '--method'];
    const made = run(...call, `${TOKENS}.Provision`, 'alice', "{'label': <'from gdbus'>, 'uses': <uint32 3>}");
    const id = /^\('([^']+)', 'ra1-/.exec(made)?.[1] ?? '';
    assert.match(run(...call, `${TOKENS}.List`, "{'user': <'alice'>}"), /'from gdbus'.*'uses': <uint32 3>/);
    assert.equal(run(...call, `${TOKENS}.Revoke`, id), '()');
  });

  it('lie in files that only root may read, without their secret', async () => {
    const { id, token } = await provision(admin, 'alice', { label: 'on disk' });
    assert.equal(statSync('/var/lib/remote-access').mode & 0o7777, 0o700);
    assert.equal(statSync(STORE).mode & 0o7777, 0o700);
    for (const name of readdirSync(STORE)) {
      const path = `${STORE}/${name}`;
      assert.equal(statSync(path).mode & 0o7777, 0o600, name);
      assert.ok(!readFileSync(path, 'utf8').includes(token.split('-').at(-1) ?? ''));
    }
    await objects(admin.bus).tokens.methods.revoke(id);
    assert.deepEqual(readdirSync(STORE), []);
  });

  it('survive a restart of the daemon', async () => {
    const { id, token } = await provision(admin, 'alice', { grants: ['capture'], label: 'kept' });
    run('systemctl', 'restart', 'remote-accessd.service');
    const [info] = await objects(admin.bus).tokens.methods.list({ user: 'alice' });
    assert.deepEqual([info?.id, info?.label, info?.grants], [id, 'kept', ['capture']]);
    await tool.logIn('token', { token });
    await objects(admin.bus).tokens.methods.revoke(id);
  });

  it('are refused alike whatever is wrong with them', async () => {
    const { id, token } = await provision(admin, 'alice');
    const revoked = await provision(admin, 'alice');
    await objects(admin.bus).tokens.methods.revoke(revoked.id);
    const [version, , secret = ''] = token.split('-');
    const foreign = `${version}-${id}-${secret.split('').reverse().join('')}`;
    const wrong = ['', 'x', 'ra1--', `${token}x`, token.slice(0, -1), token.toUpperCase(), `ra2-${id}-${secret}`];
    const said = new Set<string>();
    for (const [index, text] of [...wrong, foreign, revoked.token].entries())
      said.add(await refuses('AuthenticationFailed', rootTry(text, index)));
    assert.equal(said.size, 1, [...said].join('\n'));
    await objects(admin.bus).tokens.methods.revoke(id);
  });

  /** Root may fail as often as it likes. */
  async function rootTry(token: string, index: number): Promise<void> {
    const { root, login } = objects(admin.bus);
    const path = await root.methods.openLogin({ 'client-address': `198.51.100.${index}` });
    await login(path).methods.begin('token', { token });
  }

  it('are refused by their size before anybody looks at them', async () => {
    const message = await refuses(INVALID_ARGS, rootTry('x'.repeat(4 * 1024 * 1024), 0));
    assert.match(message, /'token'/);
    assert.deepEqual(await objects(admin.bus).tokens.methods.list({}), []);
  });

  it('expire', async () => {
    const removed = await Heard.listen(objects(admin.bus).tokens, 'TokenRemoved');
    const now = Math.floor(Date.now() / 1000);
    const past = await provision(admin, 'alice', { expires: now - 10 });
    await refuses('AuthenticationFailed', begin(past.token));
    assert.deepEqual(await removed.next(), [past.id, 'expired']);
    const soon = await provision(admin, 'alice', { expires: now + 3 });
    const path = await tool.logIn('token', { token: soon.token });
    const attached = await tool.connect(path);
    const closed = await Heard.listen(attached.connection, 'Closed');
    assert.deepEqual(await closed.next(), ['expired']);
    await refuses('NotAuthorized', tool.connect(path));
    assert.deepEqual(await removed.next(), [soon.id, 'expired']);
  });

  it('are good for as many logins as was said: of two that race for the last use one wins', async () => {
    const { id, token } = await provision(admin, 'alice', { uses: 1 });
    const removed = await Heard.listen(objects(admin.bus).tokens, 'TokenRemoved');
    const attempts = await Promise.allSettled([tool.logIn('token', { token }), tool.logIn('token', { token })]);
    assert.deepEqual(attempts.map(({ status }) => status).sort(), ['fulfilled', 'rejected']);
    const failure = attempts.find(({ status }) => status === 'rejected') as PromiseRejectedResult;
    await refuses('AuthenticationFailed', Promise.reject(failure.reason));
    assert.deepEqual(await removed.next(), [id, 'used-up']);
    const path = (attempts.find(({ status }) => status === 'fulfilled') as PromiseFulfilledResult<string>).value;
    // Used up is not taken back: the login it was used for stays good.
    await tool.connect(path);
  });

  it('take back with them what they opened when they are revoked', async () => {
    const { id, token } = await provision(admin, 'alice');
    await using own = await toolAs('bob');
    const path = await tool.logIn('token', { token });
    const attached = await tool.connect(path);
    const closed = await Heard.listen(attached.connection, 'Closed');
    await own.logIn('token', { token });
    await objects(admin.bus).tokens.methods.revoke(id);
    assert.deepEqual(await closed.next(), ['revoked']);
    await refuses('org.freedesktop.DBus.Error.UnknownObject', attached.monitors.methods.getLayout());
    await refuses('NotAuthorized', tool.connect(path));
    await refuses('NotAuthorized', own.connect(path));
    // The session itself goes on.
    assert.equal(await objects(admin.bus).session(path).property('State'), 'disconnected');
  });

  it('revoked while the session starts leave no right behind', async () => {
    const { id, token } = await provision(admin, 'alice');
    const { root, login } = objects(tool.bus);
    const path = await root.methods.openLogin({});
    await using failed = await Heard.listen(login(path), 'Failed');
    await using appeared = await Heard.listen(objects(admin.bus).root, 'SessionNew');
    await login(path).methods.begin('token', { token });
    const [, session] = await appeared.next();
    await objects(admin.bus).tokens.methods.revoke(id);
    const [error, , mayRetry] = await failed.next();
    assert.deepEqual([error, mayRetry], [`${SERVICE}.Error.AuthenticationFailed`, false]);
    // Whoever asks for a session that is starting gets it when it is up.
    assert.equal(await objects(admin.bus).root.methods.createSession('alice', {}), session);
    await refuses('NotAuthorized', tool.connect(session));
  });

  it('open nothing for an account that is gone or came back as another', async () => {
    run('useradd', '--create-home', '--shell=/bin/bash', 'carol');
    const { token } = await provision(admin, 'carol');
    run('userdel', '--remove', 'carol');
    await refuses('AuthenticationFailed', rootTry(token, 1));
    run('useradd', '--create-home', '--shell=/bin/bash', `--uid=${uidOf('bob') + 100}`, 'carol');
    await refuses('AuthenticationFailed', rootTry(token, 2));
    run('userdel', '--remove', 'carol');
  });

  const account = async (change: string[], undo: string[]) => {
    run(...change);
    const { id, token } = await provision(admin, 'alice');
    try {
      return await refuses('SessionFailed', tool.logIn('token', { token }));
    } finally {
      run(...undo);
      await objects(admin.bus).tokens.methods.revoke(id);
      assert.deepEqual(await objects(admin.bus).root.methods.listSessions(), []);
    }
  };

  it('say of an account without a shell what is wrong', async () => {
    const message = await account(
      ['usermod', '--shell=/usr/sbin/nologin', 'alice'],
      ['usermod', '--shell=/bin/bash', 'alice'],
    );
    assert.match(message, /shell/);
  });

  it('say of an expired account what is wrong', async () => {
    const message = await account(['usermod', '--expiredate=1', 'alice'], ['usermod', '--expiredate=', 'alice']);
    assert.match(message, /expired/);
  });

  it('do not let an expired account back into a session that runs', async () => {
    const path = await objects(admin.bus).root.methods.createSession('alice', { desktop: 'fake' });
    const { id, token } = await provision(admin, 'alice');
    run('usermod', '--expiredate=1', 'alice');
    try {
      assert.match(await refuses('SessionFailed', tool.logIn('token', { token })), /expired/);
      await refuses('NotAuthorized', tool.connect(path));
    } finally {
      run('usermod', '--expiredate=', 'alice');
    }
    assert.equal(await tool.logIn('token', { token }), path);
    unitEnded('check-*');
    assert.deepEqual(
      readdirSync('/run/remote-access/sessions').filter((name) => name.startsWith('check')),
      [],
    );
    await objects(admin.bus).tokens.methods.revoke(id);
  });

  it('still open the session of a user whose password is locked', async () => {
    run('passwd', '--lock', 'alice');
    const { id, token } = await provision(admin, 'alice');
    await tool.logIn('token', { token });
    run('passwd', '--unlock', 'alice');
    await objects(admin.bus).tokens.methods.revoke(id);
  });

  it('give a connection their grants and no more', async () => {
    const { id, token } = await provision(admin, 'alice', { grants: ['capture', 'keyboard'] });
    const path = await tool.logIn('token', { token });
    await refuses('GrantMissing', tool.connect(path, { grants: ['capture', 'pointer'] }));
    const attached = await tool.connect(path);
    const seen = new RemoteObject(tool.bus, connection, SERVICE, attached.path);
    assert.deepEqual(await seen.property('Grants'), ['capture', 'keyboard']);
    assert.deepEqual(await attached.input.property('Devices'), ['keyboard']);
    await refuses('GrantMissing', attached.clipboard.methods.setSelection(['text/plain']));
    const [serial, layout] = await attached.monitors.methods.getLayout();
    await refuses('GrantMissing', attached.monitors.methods.setLayout(serial, layout.map(asked)));
    await objects(admin.bus).tokens.methods.revoke(id);
  });
});

function asked({
  id,
  size,
  position,
  scale,
  primary,
}: {
  id: string;
  size: [number, number];
  position: [number, number];
  scale: number;
  primary?: boolean;
}) {
  return { id, size, position, scale, primary: primary ?? false };
}
