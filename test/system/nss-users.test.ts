import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync, statSync } from 'node:fs';
import { Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { closeFd } from '../../src/bus/message.js';
import { socketPair } from '../../src/bus/native/descriptors.js';
import { Variant } from '../../src/bus/variant.js';
import type { Tool } from '../../src/tool/tool.js';
import { command, objectsIn } from './command.js';
import { setUp } from './daemon.js';
import { addUser, PASSWORD, startDirectory } from './directory.js';
import {
  endSessions,
  Heard,
  installDesktop,
  managed,
  objects,
  provision,
  refuses,
  run,
  toolAs,
  uidOf,
} from './fixture.js';
import { asUser, runAsUser } from './in-session.js';
import { configure, firstMessage, giveKey, MACHINE, startRealm, ticketFor } from './kerberos-realm.js';
import { LoginConversation } from './login-conversation.js';
import { photograph } from './pictures.js';
import { provision as provisionFor, RemoteTool } from './remote-tool.js';
import { fails, succeeded } from './scene.js';

/** Users of a directory, with all that their names and uids may be there. */

const ALICE = 'alice@EXAMPLE.ORG';
const DOMAIN = 'DOM\\user';
/** As long as LOGIN_NAME_MAX of glibc lets a name be. */
const LONGEST = 'l'.repeat(255);

const USERS: readonly (readonly [name: string, uid: number])[] = [
  [ALICE, 3_000_000_000],
  [DOMAIN, 4_294_967_293],
  ['John Smith', 4_294_967_294],
  [LONGEST, 2_147_483_648],
  ['Carol.O-Neil', 70_001],
  ['UPPER', 70_002],
  ['machine$', 70_005],
  ['ünï日本', 70_007],
  ['$HOME', 70_008],
  ['per%cent', 70_009],
  ['0day', 70_010],
];

/** What costs more is tried with these. */
const SOME = USERS.slice(0, 4);

describe('a user of a directory', function () {
  this.timeout(60_000);
  let admin: Tool;
  let addresses = 0;

  before(async function () {
    // Packages are installed.
    this.timeout(120_000);
    installDesktop('fake');
    setUp('[Session]\nDefaultDesktop=fake\n');
    startDirectory();
    for (const [name, uid] of USERS) addUser(name, uid);
    admin = await toolAs('root');
  });

  afterEach(() => endSessions(admin));

  const create = (user: string) => objects(admin.bus).root.methods.createSession(user, {});
  const userOf = (session: string) => objects(admin.bus).session(session).property('User');
  const idOf = (session: string) => session.slice(session.lastIndexOf('/') + 1);
  const password = (user: string, text = PASSWORD) =>
    admin.logIn('password', { user, password: text }, { 'client-address': `198.51.100.${++addresses % 250}` });

  for (const [name, uid] of USERS)
    it(`called ${name.slice(0, 20)}, ${uid}, gets the same session whichever way they come`, async () => {
      const path = await create(name);
      assert.deepEqual(await userOf(path), [uid, name]);
      const logind = await objects(admin.bus).session(path).property('LogindSession');
      const known = ['--value', '--property=User', '--property=Name'];
      assert.deepEqual(
        new Set(run('loginctl', 'show-session', logind, ...known).split('\n')),
        new Set([`${uid}`, name]),
      );
      assert.equal(run('systemctl', 'is-active', `user@${uid}.service`), 'active');
      const agent = ['is-active', `remote-access-agent@${idOf(path)}.service`];
      assert.equal(runAsUser(name, 'systemctl', '--user', ...agent), 'active\n');

      await using own = await toolAs(name);
      assert.equal(await create(name), path);
      assert.equal(await admin.logIn('token', { token: (await provision(admin, name)).token }), path);
      assert.equal(await password(name), path);
      assert.equal(await own.logIn('peer', {}), path);
      assert.equal(await own.logIn('pam', { user: name }, {}, { answer: async () => PASSWORD }), path);
      assert.deepEqual(await objects(own.bus).root.methods.listSessions(), [[idOf(path), 'user', uid, name, path]]);
      const connection = await own.connect(path);
      assert.equal((await connection.connection.property('Grants')).length, 12);
      await assert.rejects(password(name, 'wrong'), { dbusName: /AuthenticationFailed$/ });
    });

  for (const [name, uid] of SOME)
    it(`called ${name}, ${uid}, has it started by each of them`, async () => {
      const { token } = await provision(admin, name);
      await using own = await toolAs(name);
      for (const logIn of [() => admin.logIn('token', { token }), () => password(name), () => own.logIn('peer', {})]) {
        assert.deepEqual(await userOf(await logIn()), [uid, name]);
        await endSessions(admin);
      }
    });

  for (const [name, uid] of SOME)
    it(`called ${name}, ${uid}, manages their own tokens, and nobody else does`, async () => {
      await using own = await toolAs(name);
      const { id } = await provision(own, name, { uses: 1 });
      const file = JSON.parse(readFileSync(`/var/lib/remote-access/tokens/${id}.json`, 'utf8'));
      assert.deepEqual([file.user, file.uid], [name, uid]);
      for (const filter of [{}, { user: name }])
        assert.ok((await objects(own.bus).tokens.methods.list(filter)).some((token) => token.id === id));
      const listed = await objects(admin.bus).tokens.methods.list({ user: name });
      assert.deepEqual(new Set(listed.map((token) => token.uid)), new Set([uid]));
      await using other = await toolAs('bob');
      await refuses('NotAuthorized', objects(other.bus).tokens.methods.list({ user: name }));
      await refuses('NotAuthorized', objects(other.bus).tokens.methods.revoke(id));
      await refuses('NotAuthorized', provision(other, name));
      await refuses('NotAuthorized', provision(own, 'bob'));
      await objects(own.bus).tokens.methods.revoke(id);
      run('journalctl', '--sync');
      const records = run('journalctl', `REMOTE_ACCESS_TOKEN=${id}`, `REMOTE_ACCESS_USER=${name}`, '--output=cat');
      assert.deepEqual(
        records.split('\n').map((line) => line.split(' ')[0]),
        ['token-provisioned', 'token-revoked'],
      );
    });

  it('is another one in upper case than in lower, where the directory says so', async () => {
    const names = ['alice', 'Alice', ALICE, 'upper', 'UPPER'];
    addUser('Alice', 70_003);
    addUser('upper', 70_004);
    const paths = await Promise.all(names.map(create));
    assert.equal(new Set(paths).size, names.length);
    for (const [index, name] of names.entries()) {
      assert.equal((await userOf(paths[index] ?? ''))[1], name);
      const shown = objectsIn(succeeded(await command(['show', '--json', name])));
      assert.equal(shown[0]?.path, paths[index]);
    }
    const { token } = await provision(admin, 'Alice');
    assert.equal(await admin.logIn('token', { token }), paths[1]);
  });

  it('is served by the command line', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'nss-'));
    for (const [name, uid] of SOME) {
      const file = join(folder, String(uid));
      succeeded(await command(['provision', name, '--token-out', file]));
      const id = succeeded(await command(['login', '--token-file', file])).trim();
      const listed = objectsIn(succeeded(await command(['sessions', '--json'], { user: name })));
      assert.deepEqual([listed.length, listed[0]?.id, listed[0]?.user, listed[0]?.uid], [1, id, name, uid]);
      assert.match(succeeded(await command(['show'], { user: name })), new RegExp(`^${id} - `));
      assert.equal(succeeded(await command(['create', name])).trim(), id);
      assert.equal(succeeded(await command(['create'], { user: name })).trim(), id);
      const asked = await command(['login', '--user', name], { user: 'bob', input: `${PASSWORD}\n` });
      assert.equal(succeeded(asked).trim(), id);
      assert.match(succeeded(await command(['layout', '--user', name])), /^default=1280x720/);
      succeeded(await command(['terminate', name], { user: name }));
      await using removed = await Heard.listen(objects(admin.bus).root, 'SessionRemoved');
      while ((await managed(admin.bus, id)).length > 0) await removed.next();
    }
    rmSync(folder, { recursive: true });
  });

  it('has a session from the start of the machine', async () => {
    const users = USERS.filter(([name, uid]) => uid > 0x8000_0000 || /[$%日]/.test(name));
    const names = users.map(([name]) => name);
    succeeded(await command(['autostart', ...names]));
    const chosen = objectsIn(succeeded(await command(['autostart', '--json'])));
    assert.deepEqual(chosen.map(({ user }) => user).sort(), [...names].sort());
    run('systemctl', 'daemon-reload');
    await using started = await Heard.listen(objects(admin.bus).root, 'SessionNew');
    for (const [name, uid] of users) {
      run('systemctl', 'start', run('systemd-escape', '--template=remote-access-autostart@.service', '--', name));
      const [, path] = await started.next();
      assert.deepEqual(await userOf(path), [uid, name]);
    }
    succeeded(await command(['autostart', '--remove', ...names]));
    assert.equal(succeeded(await command(['autostart'])), 'No users.\n');
    await fails(command(['autostart', LONGEST]), 1, /llll' is too long for the name of a systemd unit/);
  });

  it('acts for others as a member of the group remote-access', async () => {
    for (const name of [ALICE, DOMAIN, 'John Smith']) {
      const ask = ['--reuid', String(uidOf(name)), '--regid', String(uidOf(name)), '--init-groups', 'remoteaccessctl'];
      assert.throws(() => run('setpriv', ...ask, 'provision', 'bob'), /may not use Provision/);
      run('gpasswd', '--add', name, 'remote-access');
      assert.match(run('setpriv', ...ask, 'provision', 'bob'), /^ra1-/);
      run('gpasswd', '--delete', name, 'remote-access');
    }
  });

  it('sees a real desktop', async () => {
    await using tool = RemoteTool.start();
    for (const name of [ALICE, DOMAIN]) {
      const session = await tool.logIn(provisionFor(name), { desktop: 'mutter' });
      const connection = await tool.connect(session);
      assert.deepEqual((await photograph(connection, 'default')).size, [1280, 720]);
      const [program] = runAsUser(name, 'sh', '-c', 'echo $XDG_RUNTIME_DIR; id -un').split('\n').slice(1);
      assert.equal(program, name);
    }
  });

  it('takes over a socket inside the session', async () => {
    const path = await create(ALICE);
    const unit = ['systemd-run', '--user', '--quiet', '--pipe', '--wait', '--collect', '--working-directory=/src'];
    const client = ['node', '--import', 'tsx', 'test/system/clients/handover.ts', path];
    const [program, args] = asUser(ALICE, [...unit, ...client]);
    const taker = spawn(program, args, { stdio: ['ignore', 'pipe', 'inherit'] });
    const lines = createInterface({ input: taker.stdout })[Symbol.asyncIterator]();
    assert.equal((await lines.next()).value, 'NotSupported');
    const [ours, theirs] = socketPair();
    await objects(admin.bus)
      .handover(path)
      .methods.offer(theirs, new Map([['protocol', new Variant('s', 'rdp')]]));
    closeFd(theirs);
    assert.equal((await lines.next()).value, 'protocol=rdp');
    const socket = new Socket({ fd: ours });
    assert.equal(String(await once(socket, 'data')), 'hello from inside');
    socket.destroy();
    await once(taker, 'exit');
  });

  it('without a home has it made where PAM is told to', async () => {
    addUser('newcomer@EXAMPLE.ORG', 3_000_000_100, { home: false });
    const failed = await refuses('SessionFailed', create('newcomer@EXAMPLE.ORG'));
    assert.match(failed, /home directory: No such file or directory; 'pam-auth-update --enable mkhomedir' has it made/);
    run('pam-auth-update', '--enable', 'mkhomedir');
    assert.deepEqual(await userOf(await password('newcomer@EXAMPLE.ORG')), [3_000_000_100, 'newcomer@EXAMPLE.ORG']);
    assert.equal(statSync('/home/3000000100').uid, 3_000_000_100);
    run('pam-auth-update', '--disable', 'mkhomedir');
  });

  it('is nobody with a uid or name that is none to the kernel or to systemd', async () => {
    for (const [name, uid] of [
      ['minus-one', 4_294_967_295],
      ['minus-one-of-16-bits', 65_535],
      ['DOM/user', 70_100],
    ] as const) {
      addUser(name, uid, { home: false });
      await refuses('NoSuchUser', create(name));
      await refuses('NoSuchUser', provision(admin, name));
      await assert.rejects(password(name), { dbusName: /AuthenticationFailed$/ });
    }
    await using tool = await toolAs('DOM/user');
    await refuses('AuthenticationFailed', tool.logIn('peer', {}));
    // Its shell is nologin.
    await refuses('SessionFailed', create('nobody'));
    await using nobody = await toolAs('nobody');
    await assert.rejects(nobody.logIn('peer', {}), { dbusName: /SessionFailed$/ });
    addUser('toor', 0, { home: false });
    await refuses('SessionFailed', create('toor'));
    await assert.rejects(password('toor'), { dbusName: /AuthenticationFailed$/ });
    assert.deepEqual(await objects(admin.bus).root.methods.listSessions(), []);
  });

  it('is who Kerberos says, by auth_to_local', async () => {
    startRealm();
    configure('auth_to_local = RULE:[1:$1@$0](^.*@EXAMPLE.TEST$)', 'auth_to_local = DEFAULT');
    giveKey(`host/${MACHINE}`);
    run('systemctl', 'restart', 'remote-accessd');
    addUser('dora@EXAMPLE.TEST', 3_000_000_300);
    const ticket = ticketFor('dora');
    await using login = await LoginConversation.open(admin);
    await login.begin('kerberos', {});
    await login.login.methods.step(await firstMessage(ticket, ['delegate']));
    assert.deepEqual(await userOf(await login.session()), [3_000_000_300, 'dora@EXAMPLE.TEST']);
    assert.equal(statSync('/tmp/krb5cc_3000000300').uid, 3_000_000_300);
    await using other = await LoginConversation.open(admin);
    await other.begin('kerberos', {});
    await refuses('AuthenticationFailed', other.login.methods.step(await firstMessage(ticketFor('alice'))));
  });

  it('that is gone has no session to come back to, and their token opens nobody else', async () => {
    addUser('leaver', 3_000_000_400);
    const { token } = await provision(admin, 'leaver');
    run('sed', '--in-place', 's/^leaver:x:3000000400/leaver:x:3000000401/', '/var/lib/extrausers/passwd');
    await refuses('AuthenticationFailed', admin.logIn('token', { token }));
    run('sed', '--in-place', '/^leaver:/d', '/var/lib/extrausers/passwd');
    await refuses('AuthenticationFailed', admin.logIn('token', { token }));
    await refuses('NoSuchUser', create('leaver'));
    await fails(command(['autostart', 'leaver']), 3, "there is no user 'leaver'");
  });
});
