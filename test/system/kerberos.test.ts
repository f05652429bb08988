import assert from 'node:assert/strict';
import { chownSync, existsSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import type { Tool } from '../../src/tool/tool.js';
import { endSessions, INVALID_ARGS, installDesktop, objects, refuses, run, toolAs, uidOf } from './fixture.js';
import {
  configure,
  firstMessage,
  GssapiClient,
  giveKey,
  KEYTAB,
  kadmin,
  MACHINE,
  startRealm,
  ticketFor,
} from './kerberos-realm.js';
import { LoginConversation } from './login-conversation.js';

/** Logins with Kerberos, with MIT's own key distribution center and client. */

const REFUSED = 'the user and the proof were not accepted';

describe('kerberos', () => {
  let admin: Tool;
  let alice: string;
  let cache: string;

  before(async function () {
    // Packages are installed.
    this.timeout(120_000);
    installDesktop('fake');
    startRealm();
    alice = ticketFor('alice');
    cache = `/tmp/krb5cc_${uidOf('alice')}`;
    admin = await toolAs('root');
  });

  const methods = async () => await objects(admin.bus).root.property('AuthMethods');
  const restart = () => run('systemctl', 'restart', 'remote-accessd');

  afterEach(async () => {
    await endSessions(admin);
    rmSync(cache, { force: true });
  });

  const begun = async (of = admin, options = {}) => {
    const login = await LoginConversation.open(of, options);
    await login.begin('kerberos', {});
    return login;
  };
  const step = (login: LoginConversation, message: Buffer) => login.login.methods.step(message);

  /** Everything that client and machine say to each other; how many messages the client sent. */
  async function exchange(login: LoginConversation, client: GssapiClient): Promise<number> {
    for (let sent = 0; ; sent++) {
      const message = await client.message();
      if (message === undefined) return sent;
      const answer = await step(login, message);
      if (answer.length > 0) client.answer(answer);
    }
  }

  /** Logs in; the session's path. */
  async function succeeds(ticket: string, ...wishes: string[]): Promise<string> {
    await using login = await begun();
    using client = new GssapiClient(ticket, wishes);
    await exchange(login, client);
    return await login.session();
  }

  /** How somebody is refused who sends this: as everybody is. */
  async function refused(message: Buffer): Promise<void> {
    await using login = await begun();
    assert.equal(await refuses('AuthenticationFailed', step(login, message)), REFUSED);
    assert.deepEqual(await login.failure('AuthenticationFailed'), [REFUSED, true]);
    assert.equal(await login.login.property('State'), 'open');
  }

  const userOf = async (session: string) => (await objects(admin.bus).session(session).property('User'))[1];

  /** What the session's command has in its environment. */
  function variable(user: string, name: string): string | undefined {
    const pid = run('pgrep', '-u', user, '-x', 'sleep');
    const lines = readFileSync(`/proc/${pid}/environ`, 'utf8').split('\0');
    return lines.find((line) => line.startsWith(`${name}=`))?.slice(name.length + 1);
  }

  /** Those of earlier logins may still be leaving. */
  const newestWorker = () => Number(run('pgrep', '--newest', '-x', 'remote-access-w'));

  const journal = () => run('journalctl', '--unit=remote-accessd', '--output=cat', '--no-pager');

  it('is offered where the keytab has a key of the host', async () => {
    assert.deepEqual(await methods(), ['token', 'password', 'pam', 'peer']);
    await using login = await LoginConversation.open(admin);
    await refuses('MethodNotOffered', login.begin('kerberos', {}));
    giveKey(`HTTP/${MACHINE}`);
    restart();
    assert.deepEqual(await methods(), ['token', 'password', 'pam', 'peer']);
    giveKey(`host/${MACHINE}`);
    restart();
    assert.deepEqual(await methods(), ['token', 'kerberos', 'password', 'pam', 'peer']);
  });

  it("opens the session of the principal's user", async () => {
    await using login = await begun();
    assert.equal(await login.login.property('State'), 'prompting');
    using client = new GssapiClient(alice);
    assert.equal(await exchange(login, client), 1);
    const session = await login.session();
    assert.deepEqual(login.shown, []);
    assert.equal(await userOf(session), 'alice');
    const logind = await objects(admin.bus).session(session).property('LogindSession');
    assert.equal(run('loginctl', 'show-session', logind, '-p', 'Service', '--value'), 'remote-access');
    assert.equal(variable('alice', 'KRB5CCNAME'), undefined);
    assert.equal(existsSync(cache), false);
    const connection = await admin.connect(session);
    assert.equal((await connection.connection.property('Grants')).length, 12);
  });

  it('has any number of rounds', async () => {
    await using login = await begun();
    using client = new GssapiClient(alice, ['dce']);
    assert.equal(await exchange(login, client), 2);
    assert.equal(await userOf(await login.session()), 'alice');
  });

  it('brings delegated credentials into the session, and new ones into one that runs', async () => {
    const session = await succeeds(alice, 'delegate');
    assert.equal(variable('alice', 'KRB5CCNAME'), `FILE:${cache}`);
    const { uid, gid, mode } = statSync(cache);
    assert.deepEqual([uid, gid, mode & 0o777], [uidOf('alice'), Number(run('id', '--group', 'alice')), 0o600]);
    const asAlice = (...command: string[]) =>
      run('runuser', '-u', 'alice', '--', 'env', `KRB5CCNAME=${cache}`, ...command);
    assert.match(asAlice('klist'), /Default principal: alice@EXAMPLE\.TEST.*krbtgt\/EXAMPLE\.TEST/s);
    assert.match(asAlice('kvno', `HTTP/${MACHINE}`), /kvno = /);
    rmSync(cache);
    assert.equal(await succeeds(alice), session);
    assert.equal(existsSync(cache), false);
    assert.equal(await succeeds(alice, 'delegate'), session);
    assert.equal(statSync(cache).uid, uidOf('alice'));
    assert.match(asAlice('klist'), /krbtgt/);
  });

  it("leaves somebody else's file alone that has the place of the user's", async () => {
    writeFileSync(cache, 'theirs', { mode: 0o666 });
    chownSync(cache, uidOf('bob'), uidOf('bob'));
    await succeeds(alice, 'delegate');
    assert.equal(variable('alice', 'KRB5CCNAME'), undefined);
    assert.deepEqual([readFileSync(cache, 'utf8'), statSync(cache).uid], ['theirs', uidOf('bob')]);
  });

  it('does not follow a link to what the user may not write', async () => {
    writeFileSync('/run/precious', 'precious');
    run('ln', '-s', '/run/precious', cache);
    await succeeds(alice, 'delegate');
    assert.equal(readFileSync('/run/precious', 'utf8'), 'precious');
  });

  it('goes by auth_to_local', async () => {
    const carol = ticketFor('carol/desk');
    await refused(await firstMessage(carol));
    configure('auth_to_local = RULE:[2:$2@$0](^desk@EXAMPLE.TEST$)s/.*/bob/', 'auth_to_local = DEFAULT');
    try {
      assert.equal(await userOf(await succeeds(carol)), 'bob');
      const recorded = run('journalctl', 'REMOTE_ACCESS_PRINCIPAL=carol/desk@EXAMPLE.TEST', '--output=cat');
      assert.match(recorded, /^login method="kerberos" user="bob"/);
    } finally {
      configure();
    }
  });

  it('goes by ~/.k5login', async () => {
    const file = '/home/alice/.k5login';
    writeFileSync(file, 'somebody@EXAMPLE.TEST\n');
    try {
      await refused(await firstMessage(alice));
      writeFileSync(file, 'somebody@EXAMPLE.TEST\nalice@EXAMPLE.TEST\n');
      await succeeds(alice);
    } finally {
      rmSync(file);
    }
  });

  it('of somebody without an account, and of root, is refused like any other', async () => {
    run('useradd', '--non-unique', '--uid=0', '--gid=0', '--home-dir=/root', 'toor');
    for (const name of ['nobody-here', 'root', 'toor', 'host/elsewhere.example.test'])
      await refused(await firstMessage(ticketFor(name)));
    assert.match(journal(), /nobody-here@EXAMPLE\.TEST/);
    assert.deepEqual(await objects(admin.bus).root.methods.listSessions(), []);
  });

  it('that is not a message for this machine is refused', async () => {
    const good = await firstMessage(alice);
    const flipped = Buffer.from(good);
    flipped[flipped.length - 5] = (flipped.at(-5) ?? 0) ^ 1;
    const ends = [1, 2, 3, 17, good.length >> 1, good.length - 1].map((length) => good.subarray(0, length));
    const rubbish = [Buffer.from('hello'), Buffer.alloc(48_000, 0x60), Buffer.alloc(48_000), Buffer.from('%20 \n\0')];
    const others = [
      await firstMessage(alice, [], `HTTP@${MACHINE}`),
      await firstMessage(alice, ['spnego']),
      Buffer.concat([good, good]),
    ];
    for (const message of [flipped, ...ends, ...rubbish, ...others]) await refused(message);
    // None of that used the good one up, but it is good only once.
    await using login = await begun();
    await step(login, good);
    await login.session();
    await refused(good);
    assert.match(journal(), /replay/i);
  });

  it('of a clock that is an hour ahead is refused', async () => {
    // The cache's header has the difference between the clocks of its client and the center: in seconds, from byte 8.
    const ahead = `${alice}-ahead`;
    const bytes = readFileSync(alice);
    assert.equal(bytes.subarray(0, 8).toString('hex'), '0504000c00010008');
    bytes.writeInt32BE(3600, 8);
    writeFileSync(ahead, bytes);
    await refused(await firstMessage(ahead));
    assert.match(journal(), /[Cc]lock skew/);
  });

  it('does not need the key distribution center', async () => {
    const good = await firstMessage(alice);
    run('systemctl', 'stop', 'krb5-kdc');
    try {
      await using login = await begun();
      await step(login, good);
      assert.equal(await userOf(await login.session()), 'alice');
    } finally {
      run('systemctl', 'start', 'krb5-kdc');
    }
  });

  it('tells whoever proved it why the account may not log in', async () => {
    run('usermod', '--expiredate=1', 'alice');
    try {
      await using login = await begun();
      assert.match(await refuses('SessionFailed', step(login, await firstMessage(alice))), /alice has expired/);
      assert.match((await login.failure('SessionFailed'))[0], /alice has expired/);
    } finally {
      run('usermod', '--expiredate=', 'alice');
    }
  });

  it('takes one message at a time, of the method that was begun', async () => {
    await using login = await LoginConversation.open(admin);
    const good = await firstMessage(alice);
    await refuses('MethodNotOffered', step(login, good));
    await login.begin('pam', { user: 'alice' });
    await refuses('MethodNotOffered', step(login, good));
    await login.login.methods.cancel();

    await using other = await begun();
    for (const message of [Buffer.alloc(0), Buffer.alloc(48_001), Buffer.alloc(1024 * 1024)])
      assert.match(await refuses(INVALID_ARGS, step(other, message)), /1 to 48000 bytes/);
    await refuses('MethodNotOffered', other.respond(1, 'x'));
    const [first, second] = [step(other, good), step(other, good)];
    await refuses('Busy', second);
    await first;
    await other.session();
    await refuses('MethodNotOffered', step(other, good));
  });

  it('takes no parameters, and may be tried three times', async () => {
    await using login = await LoginConversation.open(admin);
    await refuses(INVALID_ARGS, login.begin('kerberos', { user: 'alice' }));
    for (const mayRetry of [true, true, false]) {
      await login.begin('kerberos', {});
      await refuses('AuthenticationFailed', step(login, Buffer.from('wrong')));
      assert.deepEqual(await login.failure('AuthenticationFailed'), [REFUSED, mayRetry]);
    }
    await refuses('Busy', login.begin('kerberos', {}));
  });

  it('slows a client down that fails too often, and refuses it the right proof then', async () => {
    const from = { 'client-address': '192.0.2.7' };
    for (let failures = 0; failures < 10; failures++) {
      await using login = await begun(admin, from);
      await refuses('AuthenticationFailed', step(login, Buffer.from('wrong')));
    }
    await using login = await LoginConversation.open(admin, from);
    await refuses('TooManyAttempts', login.begin('kerberos', {}));
    await using elsewhere = await begun(admin, { 'client-address': '192.0.2.8' });
    await step(elsewhere, await firstMessage(alice));
    await elsewhere.session();
  });

  it('leaves no worker behind that nobody goes on with', async () => {
    const gone = await toolAs('bob');
    const login = await begun(gone);
    const pid = newestWorker();
    await gone[Symbol.asyncDispose]();
    run('timeout', '10', 'tail', `--pid=${pid}`, '-f', '/dev/null');
    const cancelled = await begun();
    const other = newestWorker();
    await cancelled.login.methods.cancel();
    run('timeout', '10', 'tail', `--pid=${other}`, '-f', '/dev/null');
    assert.ok(login);
  });

  it('fails when its worker dies', async () => {
    await using login = await begun();
    process.kill(newestWorker(), 'SIGKILL');
    await refuses('AuthenticationFailed', step(login, await firstMessage(alice)));
    assert.deepEqual(await login.failure('AuthenticationFailed'), [REFUSED, true]);
    await login.begin('kerberos', {});
    await step(login, await firstMessage(alice));
    await login.session();
  });

  it('has to begin again with the next daemon', async () => {
    await using login = await begun();
    restart();
    await login.failure('Busy');
    await succeeds(alice);
  });

  it('is told so when the key is gone', async () => {
    run('mv', KEYTAB, `${KEYTAB}-away`);
    try {
      await using login = await LoginConversation.open(admin);
      assert.match(await refuses('MethodNotOffered', login.begin('kerberos', {})), /cannot be used/);
      await login.failure('MethodNotOffered');
    } finally {
      run('mv', `${KEYTAB}-away`, KEYTAB);
    }
    kadmin('change_password', '-randkey', `host/${MACHINE}`);
    // The machine has only the old key now, and the new tickets are for the new one.
    await refused(await firstMessage(ticketFor('dora')));
  });
});
