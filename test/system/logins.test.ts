import assert from 'node:assert/strict';
import type { Tool } from '../../src/tool/tool.js';
import {
  ERROR,
  endSessions,
  Heard,
  INVALID_ARGS,
  installDesktop,
  managed,
  objects,
  type PropertiesChanged,
  provision,
  ROOT,
  refuses,
  run,
  SERVICE,
  toolAs,
} from './fixture.js';

const UNKNOWN_OBJECT = 'org.freedesktop.DBus.Error.UnknownObject';
const WRONG = 'ra1-abcdefghij-notasecret';

describe('logins', () => {
  let admin: Tool;
  let bob: Tool;

  before(async () => {
    installDesktop('fake');
    admin = await toolAs('root');
    bob = await toolAs('bob');
  });

  afterEach(() => endSessions(admin));

  const open = async (tool: Tool, options = {}) => {
    const { root, login } = objects(tool.bus);
    return login(await root.methods.openLogin(options));
  };

  it('agree on methods', async () => {
    assert.deepEqual(await objects(bob.bus).root.property('AuthMethods'), ['token', 'password', 'pam', 'peer']);
    assert.deepEqual(await (await open(admin)).property('Methods'), ['token', 'password', 'pam', 'peer']);
    const login = await open(admin, { methods: ['future', 'peer'] });
    assert.deepEqual(await login.property('Methods'), ['peer']);
    await refuses('MethodNotOffered', login.methods.begin('token', { token: WRONG }));
    await refuses('MethodNotOffered', login.methods.begin('future', {}));
    assert.equal(await login.property('State'), 'open');
    await refuses('MethodNotOffered', open(admin, { methods: ['future'] }));
    await refuses('MethodNotOffered', open(admin, { methods: [] }));
  });

  it('refuse what they do not know, and say which key it is', async () => {
    const call = ['busctl', 'call', SERVICE, ROOT, SERVICE, 'OpenLogin', 'a{sv}', '1'];
    assert.throws(() => run(...call, 'colour', 's', 'blue'), /'colour'/);
    assert.throws(() => run(...call, 'client-address', 'u', '7'), /'client-address'/);
    assert.throws(() => run(...call, 'client-address', 's', 'a b'), /'client-address'/);
    assert.throws(() => run(...call, 'methods', 's', 'token'), /'methods'/);
    const login = await open(admin);
    assert.match(await refuses(INVALID_ARGS, login.methods.begin('token', {})), /'token' is missing/);
    assert.match(await refuses(INVALID_ARGS, login.methods.begin('peer', { token: WRONG })), /'token'/);
    assert.match(await refuses(INVALID_ARGS, login.methods.begin('token', { token: WRONG, user: 'x' })), /'user'/);
    assert.equal(await login.property('State'), 'open');
  });

  it('go their way once, and tell their owner alone', async () => {
    const { token } = await provision(admin, 'alice');
    const login = await open(bob);
    await using watcher = await toolAs('bob');
    const foreign = await Heard.listen(objects(watcher.bus).login(login.path), 'Completed');
    const foreignChanges = await Heard.standard(watcher.bus, login.path, 'PropertiesChanged');
    await using completed = await Heard.listen(login, 'Completed');
    await using changes = await Heard.standard<PropertiesChanged>(bob.bus, login.path, 'PropertiesChanged');
    assert.equal(await login.property('Session'), '/');
    await login.methods.begin('token', { token });
    assert.equal(await login.property('State'), 'starting');
    await refuses('Busy', login.methods.begin('token', { token }));
    const [session] = await completed.next();
    assert.equal(await login.property('Session'), session);
    assert.equal(await login.property('State'), 'completed');
    await refuses('Busy', login.methods.begin('peer', {}));
    const told = changes.all.flatMap(([iface, values]) => values.map(([name]) => `${iface} ${name}`));
    assert.deepEqual(new Set(told), new Set([`${SERVICE}.Login State`, `${SERVICE}.Login Session`]));
    await refuses('NotAuthorized', objects(watcher.bus).login(login.path).property('State'));
    await refuses('NotAuthorized', objects(admin.bus).login(login.path).methods.cancel());
    assert.deepEqual([...foreign.all, ...foreignChanges.all], []);
  });

  it('take three tries', async () => {
    const login = await open(admin);
    await using failed = await Heard.listen(login, 'Failed');
    for (const mayRetry of [true, true, false]) {
      await refuses('AuthenticationFailed', login.methods.begin('token', { token: WRONG }));
      const [error, message, retry] = await failed.next();
      assert.deepEqual([error, retry], [`${ERROR}.AuthenticationFailed`, mayRetry]);
      assert.ok(message.length > 0);
      assert.equal(await login.property('State'), mayRetry ? 'open' : 'failed');
    }
    await refuses('Busy', login.methods.begin('token', { token: WRONG }));
  });

  it('succeed after a failure', async () => {
    const login = await open(admin);
    const { token } = await provision(admin, 'alice');
    await using completed = await Heard.listen(login, 'Completed');
    await refuses('AuthenticationFailed', login.methods.begin('token', { token: WRONG }));
    await login.methods.begin('token', { token });
    await completed.next();
  });

  it('end when they are cancelled, and what they opened stays', async () => {
    const { token } = await provision(admin, 'alice');
    const path = await bob.logIn('token', { token });
    const [login = ''] = await managed(bob.bus, '/login/');
    await using removed = await Heard.standard<[string, string[]]>(bob.bus, ROOT, 'InterfacesRemoved');
    await objects(bob.bus).login(login).methods.cancel();
    assert.deepEqual(await removed.next(), [login, [`${SERVICE}.Login`]]);
    await refuses(UNKNOWN_OBJECT, objects(bob.bus).login(login).property('State'));
    await bob.connect(path);
  });

  it('end with their owner, and so does their right', async () => {
    const { token } = await provision(admin, 'alice');
    const leaving = await toolAs('bob');
    const path = await leaving.logIn('token', { token });
    const [login = ''] = await managed(leaving.bus, '/login/');
    await using closed = await Heard.listen((await leaving.connect(path)).connection, 'Closed');
    assert.deepEqual(closed.all, []);
    await leaving[Symbol.asyncDispose]();
    // The service hears of it after the bus told it, and that is before it hears of this.
    await using next = await toolAs('bob');
    await refuses(UNKNOWN_OBJECT, objects(next.bus).login(login).property('State'));
    await refuses('NotAuthorized', next.connect(path));
    assert.equal(await objects(admin.bus).session(path).property('State'), 'disconnected');
  });

  it("by peer open the caller's own session, but none for root", async () => {
    const path = await bob.logIn('peer', {}, { desktop: 'fake' });
    assert.deepEqual((await objects(bob.bus).session(path).property('User'))[1], 'bob');
    const reason = await refuses('SessionFailed', admin.logIn('peer', {}, { desktop: 'fake' }));
    assert.match(reason, /root does not get desktop sessions/);
  });

  it('follow each other on one bus connection, which keeps what each has opened', async () => {
    const { token } = await provision(admin, 'alice');
    const alices = await bob.logIn('token', { token });
    const own = await bob.logIn('peer', {}, { desktop: 'fake' });
    assert.notEqual(own, alices);
    for (const login of await managed(bob.bus, '/login/')) await objects(bob.bus).login(login).methods.cancel();
    for (const path of [alices, own]) await (await bob.connect(path)).connection.methods.close();
    assert.equal((await objects(bob.bus).root.methods.listSessions()).length, 2);
  });

  it('say what PAM says of an account that has expired', async () => {
    run('usermod', '--expiredate=1', 'bob');
    const reason = await refuses('SessionFailed', bob.logIn('peer', {}, { desktop: 'fake' }));
    run('usermod', '--expiredate=', 'bob');
    assert.match(reason, /The account of bob has expired/);
  });

  it('slow a uid down that fails too often, and nobody else', async () => {
    await using alice = await toolAs('alice');
    let left = 10;
    for (; left > 0; ) {
      const login = await open(alice);
      for (let tries = 3; tries > 0 && left > 0; tries--, left--)
        await refuses('AuthenticationFailed', login.methods.begin('token', { token: WRONG }));
    }
    const login = await open(alice);
    await using failed = await Heard.listen(login, 'Failed');
    const reason = await refuses('TooManyAttempts', login.methods.begin('peer', {}));
    assert.match(reason, /try again in \d+ s/);
    assert.deepEqual((await failed.next())[0], `${ERROR}.TooManyAttempts`);
    const { token } = await provision(admin, 'alice');
    await bob.logIn('token', { token });
  });

  it('slow a client address down, also behind root, whom they trust otherwise', async () => {
    const from = (address: string) => ({ 'client-address': address });
    for (let tries = 10; tries > 0; tries--)
      await refuses('AuthenticationFailed', admin.logIn('token', { token: WRONG }, from('203.0.113.9')));
    const { token } = await provision(admin, 'alice');
    await refuses('TooManyAttempts', admin.logIn('token', { token }, from('203.0.113.9')));
    await refuses('TooManyAttempts', bob.logIn('token', { token }, from('203.0.113.9')));
    for (let tries = 11; tries > 0; tries--)
      await refuses('AuthenticationFailed', admin.logIn('token', { token: WRONG }));
    await admin.logIn('token', { token }, from('203.0.113.10'));
    await admin.logIn('token', { token });
  });

  it('are open in limited number', async () => {
    await using one = await toolAs('nobody');
    await using two = await toolAs('nobody');
    for (let count = 16; count > 0; count--) await Promise.all([open(one), open(two)]);
    await refuses('Busy', open(one));
    await open(bob);
    const [first = ''] = await managed(one.bus, '/login/');
    await objects(one.bus).login(first).methods.cancel();
    await open(one);
  });

  it('are opened in limited number within a minute', async () => {
    await using flood = await toolAs('nobody');
    const attempt = async (): Promise<void> => {
      for (;;) await (await open(flood)).methods.cancel();
    };
    assert.match(await refuses('TooManyAttempts', attempt()), /try again in \d+ s/);
    await open(bob);
  });
});
