import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { chownSync, cpSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { Initiator } from '../../src/tool/initiator.js';
import type { Tool } from '../../src/tool/tool.js';
import { command } from './command.js';
import { endSessions, installDesktop, objects, refuses, run, toolAs, uidOf } from './fixture.js';
import { giveKey, kadmin, MACHINE, startRealm, ticketFor } from './kerberos-realm.js';
import { atTerminal } from './terminal.js';

/** Logins with Kerberos whose client is ours: remoteaccessctl, and Tool.logIn. */

const PROGRAM = '/usr/libexec/remote-access-initiator';
const ID = /^[0-9a-f]{8}\n$/;
const HERE = ['login', '--desktop=fake', `--host=${MACHINE}`];

describe('remoteaccessctl login with Kerberos', function () {
  this.timeout(60_000);
  let admin: Tool;
  let alice: string;

  before(async function () {
    // Packages are installed.
    this.timeout(120_000);
    installDesktop('fake');
    startRealm();
    for (const name of [MACHINE, 'debian']) {
      if (name !== MACHINE) kadmin('addprinc', '-randkey', `host/${name}`);
      giveKey(`host/${name}`);
    }
    kadmin('addprinc', '-randkey', 'host/elsewhere.example.test');
    run('systemctl', 'restart', 'remote-accessd');
    alice = ticketFor('alice');
    admin = await toolAs('root');
  });

  afterEach(async () => {
    await endSessions(admin);
    rmSync(`/tmp/krb5cc_${uidOf('alice')}`, { force: true });
  });

  /** A copy of a ticket that is the user's own. */
  function ticketOf(user: string, cache: string): Record<string, string> {
    const folder = run('mktemp', '--directory', '/run/own-XXXXXX');
    const own = `${folder}/cache`;
    cpSync(cache, own);
    for (const path of [folder, own]) chownSync(path, uidOf(user), uidOf(user));
    return { KRB5CCNAME: `FILE:${own}` };
  }

  /** The same ticket, for a client whose clock is so many seconds ahead: that stands in the cache's header. */
  function ahead(cache: string, seconds: number): string {
    const path = `${dirname(cache)}/ahead`;
    const bytes = readFileSync(cache);
    assert.equal(bytes.subarray(0, 8).toString('hex'), '0504000c00010008');
    bytes.writeInt32BE(seconds, 8);
    writeFileSync(path, bytes);
    return path;
  }

  /** The newest record of a login. */
  function audited(): string {
    run('journalctl', '--sync');
    return run('journalctl', 'REMOTE_ACCESS_EVENT=login', '--output=cat', '--lines=1');
  }

  async function succeeds(method: string, args: readonly string[], caller: Parameters<typeof command>[1]) {
    const { code, stdout, stderr } = await command(args, caller);
    assert.equal(code, 0, stderr);
    assert.match(stdout, ID);
    assert.match(audited(), new RegExp(`method="${method}"`));
    return stderr;
  }

  async function fails(args: readonly string[], caller: Parameters<typeof command>[1], code = 4): Promise<string> {
    const failed = await command([...HERE, ...args], caller);
    assert.deepEqual([failed.code, failed.stdout], [code, ''], failed.stderr);
    return failed.stderr;
  }

  it('takes the ticket before it asks anybody, also for somebody else', async () => {
    const env = ticketOf('alice', alice);
    assert.equal(await succeeds('kerberos', HERE, { user: 'alice', env }), '');
    const bobs = { user: 'bob', env: ticketOf('bob', alice) };
    assert.equal(await succeeds('kerberos', [...HERE, '--user=alice'], bobs), '');
    assert.match(audited(), /user="alice" .*principal="alice@EXAMPLE\.TEST"/);
  });

  it('knows the machine by its host name', async () => {
    const env = ticketOf('bob', alice);
    await succeeds('kerberos', ['login', '--desktop=fake', '--method=kerberos'], { user: 'bob', env });
    assert.match(execFileSync('klist', ['-c', env.KRB5CCNAME ?? ''], { encoding: 'utf8' }), /host\/debian@/);
  });

  it('goes on with the next method without a ticket', async () => {
    const env = { KRB5CCNAME: 'FILE:/tmp/no-such-cache' };
    assert.equal(await succeeds('peer', HERE, { user: 'alice', env }), '');
    const input = 'alice-password\n';
    assert.equal(await succeeds('pam', [...HERE, '--user=alice'], { user: 'bob', env, input }), '');
    assert.equal(
      await fails(['--method=kerberos'], { user: 'alice', env }),
      'remoteaccessctl: Kerberos: No Kerberos credentials available (default cache: FILE:/tmp/no-such-cache): kinit gets a ticket\n',
    );
  });

  it('shows a person what became of the ticket, and asks', async () => {
    const seen = await atTerminal(
      'bob',
      ['remoteaccessctl', ...HERE, '--user=alice'],
      [{ after: 'Kerberos: Ticket expired; going on with pam\r\n.*Password: ', text: 'alice-password\n' }],
      ticketOf('bob', ahead(alice, 30 * 86_400)),
    );
    assert.match(seen.shown, /\r\n[0-9a-f]{8}\r\n$/);
    assert.deepEqual({ status: seen.status, echo: seen.echo }, { status: 0, echo: true });
    assert.match(audited(), /method="pam"/);
  });

  it('says what is wrong with a ticket', async () => {
    const only = ['--method=kerberos'];
    const expired = { user: 'alice', env: ticketOf('alice', ahead(alice, 30 * 86_400)) };
    assert.equal(await fails(only, expired), 'remoteaccessctl: Kerberos: Ticket expired\n');
    const good = { user: 'alice', env: ticketOf('alice', alice) };
    assert.match(
      await fails([...only, '--host=nowhere.example.test'], good),
      /^remoteaccessctl: Kerberos: Server host\/nowhere\.example\.test@EXAMPLE\.TEST not found in Kerberos database\n$/,
    );
    assert.match(
      await fails([...only, '--host=nowhere.other.test'], good),
      /^remoteaccessctl: Kerberos: [^\n]*(KDC|realm|Realm|database)[^\n]*\n$/,
    );
    // There is such a machine, but it is not this one.
    assert.equal(
      await fails([...only, '--host=elsewhere.example.test'], good),
      'remoteaccessctl: the user and the proof were not accepted\n',
    );
    const rubbish = ticketOf('alice', alice);
    writeFileSync(rubbish.KRB5CCNAME?.slice(5) ?? '', 'rubbish');
    assert.match(await fails(only, { user: 'alice', env: rubbish }), /^remoteaccessctl: Kerberos: [^\n]+\n$/);
  });

  it('does not open the session of somebody else than was asked for', async () => {
    const bobs = { user: 'alice', env: ticketOf('alice', ticketFor('bob')) };
    assert.equal(
      await fails(['--method=kerberos', '--user=alice'], bobs),
      'remoteaccessctl: the ticket of bob@EXAMPLE.TEST is for bob here, not alice\n',
    );
    const carols = { user: 'alice', env: ticketOf('alice', ticketFor('carol/desk')) };
    const other = 'the ticket of carol/desk@EXAMPLE.TEST is for nobody here, not alice; going on with peer\n';
    assert.equal(await succeeds('peer', HERE, carols), other);
    assert.equal((await objects(admin.bus).root.methods.listSessions()).length, 1);
    const evils = { user: 'alice', env: ticketOf('alice', ticketFor('e\x1b[31mvil')) };
    const shown = 'the ticket of e\ufffd[31mvil@EXAMPLE.TEST is for nobody here, not alice; going on with peer\n';
    assert.equal(await succeeds('peer', HERE, evils), shown);
  });

  it('falls back when the service refuses the ticket, on the same login', async () => {
    const caller = { user: 'alice', env: ticketOf('alice', alice) };
    const args = ['login', '--desktop=fake', '--host=elsewhere.example.test'];
    const why = 'the user and the proof were not accepted; going on with peer\n';
    assert.equal(await succeeds('peer', args, caller), why);
  });

  it('hands the ticket on only when told to', async () => {
    const caller = { user: 'alice', env: ticketOf('alice', alice) };
    const variable = () => {
      const environment = readFileSync(`/proc/${run('pgrep', '-u', 'alice', '-x', 'sleep')}/environ`, 'utf8');
      return environment.split('\0').find((line) => line.startsWith('KRB5CCNAME='));
    };
    await succeeds('kerberos', HERE, caller);
    assert.equal(variable(), undefined);
    await endSessions(admin);
    await succeeds('kerberos', [...HERE, '--delegate'], caller);
    assert.equal(variable(), `KRB5CCNAME=FILE:/tmp/krb5cc_${uidOf('alice')}`);
    const folder = run('mktemp', '--directory', '/run/fixed-XXXXXX');
    execFileSync('kinit', ['-F', '-c', `${folder}/cache`, 'alice'], { input: 'Frosch+Teich9\n', stdio: 'pipe' });
    const fixed = { user: 'alice', env: ticketOf('alice', `${folder}/cache`) };
    assert.match(await fails(['--delegate'], fixed), /^remoteaccessctl: Kerberos: the ticket cannot be delegated/);
  });

  it('needs the key distribution center only for its first ticket', async () => {
    const env = ticketOf('alice', alice);
    await succeeds('kerberos', HERE, { user: 'alice', env });
    run('systemctl', 'stop', 'krb5-kdc');
    try {
      await succeeds('kerberos', HERE, { user: 'alice', env });
      const without = { user: 'alice', env: ticketOf('alice', alice) };
      assert.match(await succeeds('peer', HERE, without), /^Kerberos: Cannot contact any KDC/);
    } finally {
      run('systemctl', 'start', 'krb5-kdc');
    }
  });

  it('goes on without the program that it takes, and without its libraries', async () => {
    const library = run('sh', '-c', "ldconfig -p | sed -n 's/.*libgssapi_krb5.so.2 .*=> //p'");
    for (const [file, why] of [
      [PROGRAM, `${PROGRAM} is missing`],
      [library, 'the libraries of Kerberos are missing: apt install libgssapi-krb5-2'],
    ] as const) {
      const caller = { user: 'alice', env: ticketOf('alice', alice) };
      renameSync(file, `${file}-away`);
      try {
        assert.equal(await succeeds('peer', HERE, caller), `${why}; going on with peer\n`);
        assert.equal(await fails(['--method=kerberos'], caller, 1), `remoteaccessctl: ${why}\n`);
      } finally {
        renameSync(`${file}-away`, file);
      }
    }
  });

  it('is there for other programs of ours', async () => {
    process.env.KRB5CCNAME = alice;
    try {
      const options = { desktop: 'fake' };
      const path = await admin.logIn('kerberos', {}, options);
      using initiator = await Initiator.start({ service: `host@${MACHINE}` });
      assert.deepEqual([initiator.principal, initiator.user], ['alice@EXAMPLE.TEST', 'alice']);
      assert.equal(await admin.logIn('kerberos', {}, options, { initiator }), path);
      // Its message is good once.
      await refuses('AuthenticationFailed', admin.logIn('kerberos', {}, options, { initiator }));
      process.env.KRB5CCNAME = '/run/no-such-cache';
      await refuses('AuthenticationFailed', admin.logIn('kerberos', {}, options));
    } finally {
      delete process.env.KRB5CCNAME;
    }
  });

  it('tells a service that cannot prove who it is from one that can', async () => {
    process.env.KRB5CCNAME = alice;
    try {
      for (const answer of [Buffer.alloc(0), Buffer.from('rubbish'), Buffer.alloc(48_000, 0x60)]) {
        using initiator = await Initiator.start({ service: `host@${MACHINE}` });
        await refuses('AuthenticationFailed', initiator.answer(answer));
      }
    } finally {
      delete process.env.KRB5CCNAME;
    }
  });
});
