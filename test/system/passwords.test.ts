import assert from 'node:assert/strict';
import { readFileSync, writeFileSync } from 'node:fs';
import type { Tool } from '../../src/tool/tool.js';
import { ERROR, endSessions, INVALID_ARGS, installDesktop, objects, refuses, run, toolAs } from './fixture.js';
import { authenticateWith, LoginConversation, PAM_SERVICE } from './login-conversation.js';

/** Logins with a password, with the PAM service that is installed and Debian's own modules. */

const PASSWORD = 'alice-password';

describe('a password', () => {
  const service = readFileSync(PAM_SERVICE, 'utf8');
  let admin: Tool;
  let tool: Tool;
  let addresses = 0;

  before(async () => {
    installDesktop('fake');
    admin = await toolAs('root');
    tool = await toolAs('bob');
  });

  afterEach(() => endSessions(admin));

  const setPassword = (password: string) => {
    writeFileSync('/run/chpasswd', `alice:${password}\n`);
    run('sh', '-c', 'chpasswd </run/chpasswd; rm /run/chpasswd');
  };

  beforeEach(() => setPassword(PASSWORD));

  after(() => writeFileSync(PAM_SERVICE, service));

  const open = (of = admin, options = {}) => LoginConversation.open(of, options);

  /** One try as root, who is not slowed down, from a client of its own. */
  async function attempt(user: string, password: string, of = admin): Promise<LoginConversation> {
    const login = await open(of, { 'client-address': `198.51.100.${++addresses % 250}` });
    await login.begin('password', { user, password }).catch(() => {});
    return login;
  }

  const succeeds = async (user: string, password: string) => await (await attempt(user, password)).session();

  /** How strangers see a failure: everything that was shown, and the end. */
  async function refusal(user: string, password: string): Promise<string> {
    const login = await attempt(user, password);
    const [message, mayRetry] = await login.failure('AuthenticationFailed');
    return JSON.stringify([login.shown, message, mayRetry, await login.login.property('State')]);
  }

  /** Why somebody whose password is right gets no session. */
  async function reason(user = 'alice', password = PASSWORD): Promise<string> {
    return (await (await attempt(user, password)).failure('SessionFailed'))[0];
  }

  it('opens the session, with all grants', async () => {
    await using login = await open(tool);
    assert.deepEqual(await login.login.property('Methods'), ['token', 'password', 'pam', 'peer']);
    await login.begin('password', { user: 'alice', password: PASSWORD });
    const session = await login.session();
    assert.deepEqual(login.shown, []);
    assert.equal((await objects(tool.bus).session(session).property('User'))[1], 'alice');
    const logind = await objects(tool.bus).session(session).property('LogindSession');
    const known = run('loginctl', 'show-session', logind, '-p', 'Service', '-p', 'Type', '-p', 'Remote');
    assert.deepEqual(known.split('\n').sort(), ['Remote=yes', 'Service=remote-access-login', 'Type=wayland']);
    const connection = await tool.connect(session);
    assert.equal((await connection.connection.property('Grants')).length, 12);
  });

  it('is asked for by the method pam', async () => {
    await using login = await open(tool);
    await login.begin('pam', { user: 'alice' });
    assert.deepEqual((await login.answer(PASSWORD)).slice(1), ['secret', 'Password: ']);
    await login.session();
  });

  it('may be anything that PAM takes', async () => {
    // crypt(3) takes 511 bytes.
    const long = 'ü'.repeat(255);
    for (const password of ['Zoë 日本語 😀', ' %20 ', '\'"$(id)`\\', long]) {
      setPassword(password);
      await succeeds('alice', password);
      assert.ok(await refusal('alice', password.slice(0, -1)));
      await endSessions(admin);
    }
    await using login = await open();
    const begin = (password: string) => login.begin('password', { user: 'alice', password });
    for (const password of ['ü'.repeat(257), 'x'.repeat(513), 'x'.repeat(1024 * 1024)])
      assert.match(await refuses(INVALID_ARGS, begin(password)), /'password'/);
    // Nothing is lost.
    assert.equal(await login.login.property('State'), 'open');
    await begin(long);
    await login.session();
  });

  it('that is wrong, or of nobody, or locked, or of root is refused alike', async () => {
    for (const user of ['locked', 'blank']) run('useradd', '--create-home', '--shell=/bin/bash', user);
    run(
      'sh',
      '-c',
      'echo locked:locked-password | chpasswd; passwd --quiet --lock locked; echo root:rootpw | chpasswd',
    );
    run('passwd', '--quiet', '--delete', 'blank');
    run('useradd', '--non-unique', '--uid=0', '--gid=0', '--home-dir=/root', 'toor');
    run('sh', '-c', 'echo toor:toorpw | chpasswd');
    const tries: [string, string][] = [
      ['alice', 'wrong'],
      ['alice', ''],
      ['nobody-here', PASSWORD],
      ['nobody', ''],
      ['locked', 'locked-password'],
      ['locked', '!'],
      ['blank', ''],
      ['blank', 'x'],
      ['root', 'rootpw'],
      ['root', 'wrong'],
      ['toor', 'toorpw'],
      ['0', PASSWORD],
      ['alice ', PASSWORD],
      ['-alice', PASSWORD],
      ['../alice', PASSWORD],
      ['alice:x', PASSWORD],
      [`${'a'.repeat(256)}`, PASSWORD],
      ['\u{1f600}', PASSWORD],
    ];
    const seen = await Promise.all(tries.map(([user, password]) => refusal(user, password)));
    assert.equal(new Set(seen).size, 1, seen.join('\n'));
    assert.deepEqual(await objects(admin.bus).root.methods.listSessions(), []);
  });

  it('is asked for alike, too, whoever it is', async () => {
    const seen = await Promise.all(
      ['alice', 'nobody-here', 'locked', 'blank', 'root', '-x'].map(async (user, index) => {
        await using login = await open(admin, { 'client-address': `203.0.113.${index}` });
        await login.begin('pam', { user });
        await login.answer('wrong');
        const end = await login.failure('AuthenticationFailed');
        return JSON.stringify([login.shown, end]);
      }),
    );
    assert.deepEqual([...new Set(seen)].length, 1, seen.join('\n'));
  });

  it('of an account that pam_faillock has locked is refused like a wrong one', async () => {
    authenticateWith(
      'auth required pam_faillock.so preauth silent deny=2 unlock_time=600',
      'auth sufficient pam_unix.so',
      'auth [default=die] pam_faillock.so authfail deny=2 unlock_time=600',
      'account required pam_faillock.so',
    );
    try {
      const wrong = await refusal('alice', 'wrong');
      await succeeds('alice', PASSWORD);
      assert.equal(await refusal('alice', 'wrong'), wrong);
      assert.equal(await refusal('alice', 'wrong'), wrong);
      assert.equal(await refusal('alice', PASSWORD), wrong);
      run('faillock', '--user', 'alice', '--reset');
      await succeeds('alice', PASSWORD);
    } finally {
      writeFileSync(PAM_SERVICE, service);
    }
  });

  for (const [what, change, undo, told] of [
    [
      'has expired',
      ['usermod', '--expiredate=1', 'alice'],
      ['usermod', '--expiredate=', 'alice'],
      /account of alice has expired/,
    ],
    [
      'has no shell',
      ['usermod', '--shell=/usr/sbin/nologin', 'alice'],
      ['usermod', '--shell=/bin/bash', 'alice'],
      /shell/,
    ],
    [
      'is not let in by access.conf',
      ['sh', '-c', 'echo "-:alice:ALL" >>/etc/security/access.conf'],
      ['sed', '-i', '/alice/d', '/etc/security/access.conf'],
      /access\.conf/,
    ],
    [
      'comes while nobody may log in',
      ['sh', '-c', 'echo Back at noon. >/etc/nologin'],
      ['rm', '/etc/nologin'],
      /Back at noon/,
    ],
  ] as const)
    it(`of somebody whose account ${what} is told so only if it is right`, async () => {
      const wrong = await refusal('alice', 'wrong');
      run(...change);
      try {
        assert.equal(await refusal('alice', 'wrong'), wrong);
        assert.match(await reason(), told);
        const running = await objects(admin.bus).root.methods.listSessions();
        assert.deepEqual(running, []);
      } finally {
        run(...undo);
      }
      await succeeds('alice', PASSWORD);
    });

  it('does not let an expired account back into a session that runs', async () => {
    const path = await objects(admin.bus).root.methods.createSession('alice', { desktop: 'fake' });
    run('usermod', '--expiredate=1', 'alice');
    assert.match(await reason(), /expired/);
    run('usermod', '--expiredate=', 'alice');
    assert.equal(await succeeds('alice', PASSWORD), path);
  });

  it('that has expired is changed on the way', async () => {
    run('chage', '--lastday=0', 'alice');
    const failed = await attempt('alice', 'wrong');
    await failed.failure('AuthenticationFailed');
    assert.deepEqual(failed.shown, []);
    await using login = await open(tool);
    await login.begin('password', { user: 'alice', password: PASSWORD });
    const asked = [
      await login.answer(PASSWORD),
      await login.answer('Frosch+Teich9'),
      await login.answer('Frosch+Teich9'),
    ];
    await login.session();
    assert.deepEqual(
      asked.map(([, style, text]) => `${style} ${text}`),
      ['secret Current password: ', 'secret New password: ', 'secret Retype new password: '],
    );
    assert.ok(
      login.shown.some((text) => /required to change your password/.test(text)),
      login.shown.join('\n'),
    );
    await endSessions(admin);
    await refusal('alice', PASSWORD);
    await succeeds('alice', 'Frosch+Teich9');
  });

  it('that has expired and is not changed opens nothing', async () => {
    run('chage', '--lastday=0', 'alice');
    await using login = await open(tool);
    for (const mayRetry of [true, true, false]) {
      await login.begin('password', { user: 'alice', password: PASSWORD });
      await login.answer(PASSWORD);
      await login.answer('Frosch+Teich9');
      await login.answer('Frosch+Teich8');
      const [message, retry] = await login.failure('SessionFailed');
      assert.match(message, /password of alice has expired and was not changed/);
      assert.equal(retry, mayRetry);
    }
    setPassword(PASSWORD);
    await succeeds('alice', PASSWORD);
  });

  it('may be tried again on the same login, three times', async () => {
    await using login = await open();
    const wrong = () => login.begin('password', { user: 'alice', password: 'wrong' });
    for (const mayRetry of [true, true, false]) {
      await refuses('AuthenticationFailed', wrong());
      assert.deepEqual((await login.failure('AuthenticationFailed'))[1], mayRetry);
      assert.equal(await login.login.property('State'), mayRetry ? 'open' : 'failed');
    }
    await refuses('Busy', wrong());
    await using second = await open();
    await refuses('AuthenticationFailed', second.begin('password', { user: 'alice', password: 'wrong' }));
    await second.failure('AuthenticationFailed');
    await second.begin('pam', { user: 'alice' });
    await second.answer(PASSWORD);
    await second.session();
  });

  it('needs its parameters, and no others', async () => {
    await using login = await open();
    const refused = (method: string, parameters: object) => refuses(INVALID_ARGS, login.begin(method, parameters));
    assert.match(await refused('password', { user: 'alice' }), /'password' is missing/);
    assert.match(await refused('password', { password: 'x' }), /'user' is missing/);
    assert.match(await refused('pam', { user: 'alice', password: 'x' }), /'password' is not for 'pam'/);
    assert.match(await refused('pam', { user: '' }), /'user'/);
    assert.match(await refused('pam', { user: 'a\nb' }), /'user'/);
    assert.match(await refused('pam', { user: 'a'.repeat(257) }), /'user'/);
    assert.equal(await login.login.property('State'), 'open');
  });

  it('slows a uid down that fails too often, of guesses at the same time as well', async () => {
    await using alice = await toolAs('alice');
    const guesses = Array.from({ length: 14 }, () => open(alice));
    const logins = await Promise.all(guesses);
    await Promise.allSettled(logins.map((login) => login.begin('password', { user: 'bob', password: 'wrong' })));
    await using next = await open(alice);
    await refuses('TooManyAttempts', next.begin('password', { user: 'bob', password: 'bob-password' }));
    await refuses('TooManyAttempts', (await open(alice)).begin('pam', { user: 'bob' }));
  });

  it('that is right among too many wrong ones at the same time is refused', async () => {
    const from = { 'client-address': '192.0.2.77' };
    const logins = await Promise.all(Array.from({ length: 13 }, () => open(admin, from)));
    // All begin before any fails; the right one answers last.
    await Promise.all(logins.map((login) => login.begin('pam', { user: 'bob' })));
    const [right, expired] = [logins.pop(), logins.pop()];
    assert.ok(right !== undefined && expired !== undefined);
    const ends = await Promise.all(
      logins.map(async (login) => {
        await login.answer('wrong');
        return shape(await login.end());
      }),
    );
    const wait = ['failed', `${ERROR}.TooManyAttempts`, 'too many attempts: try again in N s', false];
    assert.deepEqual(ends.filter((end) => String(end[1]).endsWith('.AuthenticationFailed')).length, 10);
    assert.deepEqual(
      ends.filter((end) => !String(end[1]).endsWith('.AuthenticationFailed')),
      [wait],
    );
    await right.answer('bob-password');
    assert.deepEqual(shape(await right.end()), wait);
    run('usermod', '--expiredate=1', 'bob');
    await expired.answer('bob-password');
    assert.deepEqual(shape(await expired.end()), wait);
    run('usermod', '--expiredate=', 'bob');
    await using elsewhere = await open(admin, { 'client-address': '192.0.2.78' });
    await elsewhere.begin('password', { user: 'bob', password: 'bob-password' });
    await elsewhere.session();
  });
});

/** An end without the number of seconds in it. */
function shape(end: readonly (string | boolean)[]): (string | boolean)[] {
  return end.map((part) => (typeof part === 'string' ? part.replace(/\d+ s$/, 'N s') : part));
}
