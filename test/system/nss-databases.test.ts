import assert from 'node:assert/strict';
import { appendFileSync, readFileSync, writeFileSync } from 'node:fs';
import type { Tool } from '../../src/tool/tool.js';
import { command } from './command.js';
import { setUp } from './daemon.js';
import { addUser, PASSWORD, startDirectory } from './directory.js';
import { endSessions, Heard, installDesktop, objects, provision, refuses, run, toolAs, uidOf } from './fixture.js';
import { authenticateBy, authenticateWith, LoginConversation, PAM_SERVICE } from './login-conversation.js';
import { succeeded } from './scene.js';

/** What user databases do beyond /etc/passwd: one user by many names, and no answer at all. */

const ALICE = 'alice@EXAMPLE.ORG';
const UID = 3_000_000_000;

describe('a user', function () {
  this.timeout(60_000);
  const service = readFileSync(PAM_SERVICE, 'utf8');
  let admin: Tool;
  let addresses = 0;

  before(async function () {
    // Packages are installed.
    this.timeout(120_000);
    installDesktop('fake');
    setUp('[Session]\nDefaultDesktop=fake\n');
    startDirectory();
    addUser(ALICE, UID);
    admin = await toolAs('root');
  });

  afterEach(async () => {
    writeFileSync(PAM_SERVICE, service);
    await endSessions(admin);
  });

  const create = (user: string) => objects(admin.bus).root.methods.createSession(user, {});
  const userOf = (session: string) => objects(admin.bus).session(session).property('User');
  const password = (user: string, text = PASSWORD) =>
    admin.logIn('password', { user, password: text }, { 'client-address': `198.51.100.${++addresses % 250}` });

  it('has two names, and one session', async () => {
    addUser('clerk', 3_000_000_200);
    addUser('Desk.1', 3_000_000_200);
    const path = await create('Desk.1');
    assert.deepEqual(await userOf(path), [3_000_000_200, 'Desk.1']);
    assert.equal(await create('clerk'), path);
    assert.equal(await password('clerk'), path);
    assert.equal(await admin.logIn('token', { token: (await provision(admin, 'clerk')).token }), path);
    await using own = await toolAs('clerk');
    assert.equal(await own.logIn('peer', {}), path);
    assert.match(succeeded(await command(['show', 'clerk'])), /- Desk\.1 \(3000000200\)/);
    assert.match(succeeded(await command(['show'], { user: 'clerk' })), /- Desk\.1 \(3000000200\)/);
    assert.match(succeeded(await command(['layout', '--user', 'clerk'])), /^default=/);
    const listed = await objects(own.bus).tokens.methods.list({ user: 'Desk.1' });
    assert.deepEqual(
      listed.map(({ user, uid }) => [user, uid]),
      [['clerk', 3_000_000_200]],
    );
    // Each has an account of its own: which one counts is the one that somebody comes with.
    const clerk = await provision(admin, 'clerk');
    const desk = await provision(admin, 'Desk.1');
    run('sed', '--in-place', 's/^\\(clerk:.*\\):::$/\\1::1:/', '/var/lib/extrausers/shadow');
    await assert.rejects(admin.logIn('token', { token: clerk.token }), /account of clerk has expired/);
    assert.equal(await admin.logIn('token', { token: desk.token }), path);
    await endSessions(admin);
    await using begun = await Heard.listen(objects(admin.bus).root, 'SessionNew');
    const started = admin.logIn('token', { token: desk.token });
    await begun.next();
    await assert.rejects(admin.logIn('token', { token: clerk.token }), /account of clerk has expired/);
    await started;
  });

  describe('whose name may be written in another case', () => {
    const WRITTEN = 'ALICE@Example.org';

    it('has the name that the directory gives', async () => {
      const path = await create(WRITTEN);
      assert.deepEqual(await userOf(path), [UID, ALICE]);
      assert.equal(await create(ALICE), path);
      const { id, token } = await provision(admin, WRITTEN);
      assert.equal(JSON.parse(readFileSync(`/var/lib/remote-access/tokens/${id}.json`, 'utf8')).user, ALICE);
      assert.equal(await admin.logIn('token', { token }), path);
      await endSessions(admin);
      const again = await password(WRITTEN);
      assert.deepEqual(await userOf(again), [UID, ALICE]);
      const environment = readFileSync(`/proc/${run('pgrep', '-u', '3000000000', '-x', 'sleep')}/environ`, 'utf8');
      assert.deepEqual(
        environment.split('\0').filter((line) => /^(USER|LOGNAME)=/.test(line)),
        [`USER=${ALICE}`, `LOGNAME=${ALICE}`],
      );
      for (const what of [['show'], ['layout', '--user']]) succeeded(await command([...what, WRITTEN]));
      succeeded(await command(['autostart', WRITTEN]));
      assert.equal(succeeded(await command(['autostart', '--no-legend'])), `${ALICE}\n`);
      succeeded(await command(['autostart', '--remove', WRITTEN]));
      assert.equal(succeeded(await command(['autostart'])), 'No users.\n');
    });

    it('evades none of what PAM counts and forbids by names', async () => {
      authenticateWith(
        'auth required pam_faillock.so preauth silent deny=2 unlock_time=600',
        'auth sufficient pam_unix.so',
        'auth [default=die] pam_faillock.so authfail deny=2 unlock_time=600',
        'account required pam_faillock.so',
      );
      const refused = { dbusName: /AuthenticationFailed$/ };
      for (const name of [WRITTEN, 'Alice@Example.ORG']) await assert.rejects(password(name, 'wrong'), refused);
      for (const name of [ALICE, WRITTEN]) await assert.rejects(password(name), refused);
      run('faillock', '--user', ALICE, '--reset');
      await password(WRITTEN);
      writeFileSync('/run/denied', `${ALICE}\n`);
      authenticateWith(
        'auth requisite pam_listfile.so item=user sense=deny file=/run/denied',
        'auth required pam_unix.so',
      );
      for (const name of [ALICE, WRITTEN]) await assert.rejects(password(name), refused);
    });

    it('may be another one when a PAM module is done', async () => {
      const become = (...steps: string[]) => {
        authenticateBy(...steps);
        appendFileSync(PAM_SERVICE, 'account requisite pam_listfile.so item=user sense=deny file=/run/denied\n');
      };
      writeFileSync('/run/denied', 'nobody-else\n');
      become('secret:Card? :4711', `become:${WRITTEN}`);
      const card = (user: string) => admin.logIn('pam', { user }, {}, { answer: async () => '4711' });
      assert.deepEqual(await userOf(await card('badge 17')), [UID, ALICE]);
      run('journalctl', '--sync');
      assert.match(run('journalctl', '-t', 'remote-accessd', '--output=cat', '--lines=4'), /^login .*alice@EXAMPLE/m);
      writeFileSync('/run/denied', `${ALICE}\n`);
      await assert.rejects(card('badge 17'), { dbusName: /SessionFailed$/ });
      become('secret:Card? :4711', 'become:nobody-here');
      await assert.rejects(card('badge 17'), { dbusName: /AuthenticationFailed$/ });
      become('secret:Card? :4711', 'become:root');
      await assert.rejects(card(ALICE), { dbusName: /AuthenticationFailed$/ });
    });
  });

  it('gets no session of somebody else whom a PAM module makes of them', async () => {
    const path = '/etc/pam.d/remote-access';
    const rules = readFileSync(path, 'utf8');
    writeFileSync(path, rules.replace(/^account/m, 'account required /src/dist/test/pam_probe.so become:bob\naccount'));
    try {
      await using removed = await Heard.listen(objects(admin.bus).root, 'SessionRemoved');
      const told = await refuses('SessionFailed', create(ALICE));
      assert.equal(told, `PAM opened a session of uid ${uidOf('bob')} for ${ALICE}, who is uid 3000000000`);
      await removed.next();
      assert.deepEqual(await objects(admin.bus).root.methods.listSessions(), []);
    } finally {
      writeFileSync(path, rules);
    }
  });

  describe('of a directory that hangs or crashes', () => {
    it('holds up nobody else', async () => {
      await using stranger = await toolAs('nobody');
      let over = 0;
      const pending = [
        ...Array.from({ length: 8 }, (_, index) =>
          refuses('Busy', objects(stranger.bus).root.methods.createSession(`hang${index}`, {})),
        ),
        refuses('Busy', create('hang-root')),
      ].map((promise) => promise.finally(() => over++));
      const logins = await Promise.all(
        ['hang-a', 'hang-b', 'hang-c'].map(async (user) => {
          const login = await LoginConversation.open(stranger);
          const begun = login.begin('password', { user, password: PASSWORD }).catch(() => {});
          return { login, begun };
        }),
      );
      // Whom he asks about next has to wait for that.
      await refuses('Busy', objects(stranger.bus).root.methods.createSession('hang9', {}));
      const { token } = await provision(admin, ALICE);
      assert.deepEqual(await userOf(await password(ALICE)), [UID, ALICE]);
      await endSessions(admin);
      await using own = await toolAs(ALICE);
      await own.connect(await own.logIn('token', { token }));
      await create('alice');
      assert.equal(over, 0, 'they did hang');
      for (const { login } of logins) await login.login.methods.cancel();
      await Promise.all(logins.map(({ begun }) => begun));
      assert.equal(over, 0, 'they did hang');
      await Promise.all(pending);
    });

    it('takes nothing with it', async () => {
      const running = await create(ALICE);
      assert.match(await refuses('Busy', create('crash')), /user database cannot be read/);
      await assert.rejects(password('crash'), { dbusName: /AuthenticationFailed$/ });
      assert.deepEqual(await userOf(running), [UID, ALICE]);
    });
  });
});
