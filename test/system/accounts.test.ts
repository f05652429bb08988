import assert from 'node:assert/strict';
import { appendFileSync, existsSync, readFileSync, writeFileSync } from 'node:fs';
import type { Tool } from '../../src/tool/tool.js';
import { endSessions, installDesktop, objects, provision, refuses, run, toolAs } from './fixture.js';

const ACCESS = '/etc/security/access.conf';
const PASSWORDS = { alice: 'alice-password', bob: 'bob-password' };

type User = keyof typeof PASSWORDS;

describe('accounts', () => {
  const rules = readFileSync(ACCESS, 'utf8');
  let admin: Tool;
  let alice: Tool;
  let bob: Tool;

  before(async () => {
    installDesktop('fake');
    admin = await toolAs('root');
    alice = await toolAs('alice');
    bob = await toolAs('bob');
    for (const [user, password] of Object.entries(PASSWORDS)) {
      writeFileSync('/run/chpasswd', `${user}:${password}\n`);
      run('sh', '-c', 'chpasswd </run/chpasswd; rm /run/chpasswd');
    }
  });

  afterEach(async () => {
    writeFileSync(ACCESS, rules);
    await endSessions(admin);
  });

  const fake = { desktop: 'fake' };
  const create = (user: string) => objects(admin.bus).root.methods.createSession(user, fake);

  /** Every way to the session of a user. */
  const ways: [string, (user: User) => Promise<unknown>][] = [
    ['token', async (user) => admin.logIn('token', { token: (await provision(admin, user)).token })],
    ['password', (user) => admin.logIn('password', { user, password: PASSWORDS[user] }, fake)],
    ['peer', (user) => (user === 'alice' ? alice : bob).logIn('peer', {}, fake)],
    ['CreateSession', create],
  ];

  it('of a group alone may be let in, however they log in', async () => {
    run('groupadd', 'desktop-users');
    run('gpasswd', '--add', 'alice', 'desktop-users');
    appendFileSync(ACCESS, '-:ALL EXCEPT (desktop-users):ALL\n');
    for (const [, open] of ways) {
      await open('alice');
      assert.match(await refuses('SessionFailed', open('bob')), /access\.conf does not let this user in/);
      await endSessions(admin);
    }
  });

  it('that leave that group are not let into their sessions any more', async () => {
    await create('bob');
    const before = await bob.logIn('peer');
    appendFileSync(ACCESS, '-:ALL EXCEPT (desktop-users):ALL\n');
    for (const [name, open] of ways)
      if (name !== 'CreateSession') assert.match(await refuses('SessionFailed', open('bob')), /access\.conf/, name);
    // What runs is not taken from them.
    assert.equal(await objects(admin.bus).session(before).property('State'), 'disconnected');
  });

  it('of root have no sessions', async () => {
    const told = /root does not get desktop sessions/;
    const { token } = await provision(admin, 'root');
    run('useradd', '--non-unique', '--uid=0', '--gid=0', '--home-dir=/root', 'toor');
    const other = await provision(admin, 'toor');
    assert.match(await refuses('SessionFailed', create('root')), told);
    assert.match(await refuses('SessionFailed', create('toor')), told);
    assert.match(await refuses('SessionFailed', admin.logIn('token', { token })), told);
    assert.match(await refuses('SessionFailed', admin.logIn('token', { token: other.token })), told);
    assert.match(await refuses('SessionFailed', admin.logIn('peer', {}, fake)), told);
  });

  it('without a home directory are told so, or get one where PAM makes it', async () => {
    run('useradd', '--no-create-home', '--shell=/bin/bash', 'carol');
    const { token } = await provision(admin, 'carol');
    for (const open of [() => create('carol'), () => bob.logIn('token', { token })])
      assert.match(await refuses('SessionFailed', open()), /home directory: No such file or directory/);
    assert.deepEqual(await objects(admin.bus).root.methods.listSessions(), []);
    run('pam-auth-update', '--enable', 'mkhomedir');
    try {
      const path = await bob.logIn('token', { token });
      assert.equal(await objects(bob.bus).session(path).property('State'), 'disconnected');
      assert.ok(existsSync('/home/carol/.bashrc'));
    } finally {
      run('pam-auth-update', '--disable', 'mkhomedir');
    }
  });
});
