import assert from 'node:assert/strict';
import { execFile, spawnSync } from 'node:child_process';
import { closeSync, existsSync, openSync, readdirSync, readFileSync, readSync, rmSync } from 'node:fs';
import { promisify } from 'node:util';
import type { Tool } from '../../src/tool/tool.js';
import {
  endSessions,
  Heard,
  INVALID_ARGS,
  installDesktop,
  objects,
  ROOT,
  refuses,
  run,
  SERVICE,
  toolAs,
} from './fixture.js';
import {
  authenticateBy,
  authenticateWith,
  LoginConversation,
  noted,
  notes,
  PAM_SERVICE,
} from './login-conversation.js';

/** What PAM's modules ask, through D-Bus, with a module of our own (test/pam/probe.c). */

const WORKERS = '/run/remote-access/sessions';

describe('a conversation', () => {
  const service = readFileSync(PAM_SERVICE, 'utf8');
  let admin: Tool;
  let tool: Tool;

  before(async () => {
    installDesktop('fake');
    admin = await toolAs('root');
    tool = await toolAs('bob');
  });

  afterEach(async () => {
    await endSessions(admin);
    rmSync('/run/probe', { recursive: true, force: true });
  });

  after(() => authenticateWith(service));

  const open = (options = {}) => LoginConversation.open(tool, options);
  /** The pids of the workers that live. */
  const workers = () => pidsOf('remote-access-worker');
  /** Returns when no workers but these live; those that end have one that sweeps after them. */
  async function onlyLeft(...staying: number[]): Promise<void> {
    const others = () => workers().filter((pid) => !staying.includes(pid));
    for (let ending = others(); ending.length > 0; ending = others()) await Promise.all(ending.map(gone));
    assert.deepEqual(workers(), staying);
  }

  it('has any number of rounds, of every style', async () => {
    authenticateBy(
      'info:Welcome to this machine.',
      'visible:Favourite colour? :blau grün',
      'error:Be careful.',
      'secret:Code: :0815',
      'secret:Another code: :',
    );
    await using login = await open();
    await login.begin('pam', { user: 'alice' });
    assert.equal(await login.login.property('State'), 'prompting');
    await login.answer('blau grün');
    await login.answer('0815');
    await login.answer('');
    const session = await login.session();
    assert.deepEqual(login.shown, [
      'info Welcome to this machine.',
      'visible Favourite colour? ',
      'error Be careful.',
      'secret Code: ',
      'secret Another code: ',
    ]);
    assert.equal((await objects(tool.bus).session(session).property('User'))[1], 'alice');
    const connection = await tool.connect(session);
    assert.ok((await connection.connection.property('Grants')).includes('microphone'));
  });

  it('asks one after the other what a module asks at once', async () => {
    authenticateBy('batch');
    await using login = await open();
    await login.begin('pam', { user: 'alice' });
    await login.answer('one');
    await login.answer('two');
    await login.session();
    assert.deepEqual(login.shown, ['info All at once', 'visible First? ', 'secret Second? ']);
  });

  it('with the password given asks for everything else', async () => {
    authenticateBy('visible:Name of your cat? :Minka', 'secret:Password: :one', 'secret:Code: :two');
    await using login = await open();
    await login.begin('password', { user: 'alice', password: 'one' });
    await login.answer('Minka');
    await login.answer('two');
    await login.session();
    assert.deepEqual(login.shown, ['visible Name of your cat? ', 'secret Code: ']);
  });

  it('takes only the answer to the prompt that waits, and loses nothing over others', async () => {
    authenticateBy('info:Hello.', 'secret:Code: :0815', 'visible:Sure? :yes');
    await using login = await open();
    await refuses('MethodNotOffered', login.respond(1, 'x'));
    await login.begin('pam', { user: 'alice' });
    const [message] = await login.prompt();
    const [code] = await login.prompt();
    const refused = (id: number, answer: string) => refuses(INVALID_ARGS, login.respond(id, answer));
    for (const id of [0, code + 1, 4_294_967_295]) assert.match(await refused(id, '0815'), /no prompt \d+ waits/);
    assert.match(await refused(code, 'x'.repeat(513)), /longer than 512 bytes/);
    assert.match(await refused(code, 'ü'.repeat(257)), /longer than 512 bytes/);
    await refused(code, 'x'.repeat(1024 * 1024));
    assert.match(await refused(message, 'x'), /its answer is empty/);
    // Whoever acknowledges messages may, once.
    await login.respond(message, '');
    await refused(message, '');
    const [first, second] = await Promise.allSettled([login.respond(code, '0815'), login.respond(code, 'x')]);
    assert.equal(first.status, 'fulfilled');
    assert.equal(second.status, 'rejected');
    const [sure] = await login.prompt();
    await refused(code, '0815');
    await refuses('Busy', login.begin('pam', { user: 'alice' }));
    await login.respond(sure, 'yes');
    await login.session();
    await refused(sure, 'yes');
    assert.equal(await login.login.property('State'), 'completed');
  });

  it('takes a NUL in an answer from nobody', async () => {
    authenticateBy('secret:Code: :0815');
    await using login = await open();
    await login.begin('pam', { user: 'alice' });
    const [id] = await login.prompt();
    // busctl and every other client cannot even send one; the bus would hang up.
    await assert.rejects(login.respond(id, '08\0' + '15'));
    await login.respond(id, '0815');
    await login.session();
  });

  it('passes on whatever people write', async () => {
    for (const text of [
      'Zoë',
      '日本語 😀',
      ' leading and trailing ',
      '%00%',
      '\'"\\$`',
      'a\nb',
      '\u{10ffff}'.repeat(128),
    ]) {
      authenticateBy('secret:?:*', 'keep');
      await using login = await open();
      await login.begin('pam', { user: 'alice' });
      await login.answer(text);
      await login.session();
      const opened = (await noted('opened')).join('\n');
      assert.equal(opened.slice(opened.indexOf(' ') + 1).trimEnd(), text.trimEnd());
      await endSessions(admin);
      rmSync('/run/probe', { recursive: true });
    }
  });

  it('opens the session in the transaction that authenticated', async () => {
    authenticateBy('secret:Password: :kept secret', 'keep');
    await using login = await open();
    await login.begin('password', { user: 'alice', password: 'kept secret' });
    const session = await login.session();
    const [opened = ''] = notes('opened');
    const pid = opened.split(' ')[0];
    assert.equal(opened, `${pid} kept secret`);
    const id = session.slice(session.lastIndexOf('/') + 1);
    assert.equal(run('systemctl', 'show', '-P', 'MainPID', `remote-access-session-${id}.service`), pid);
    // PAM_ESTABLISH_CRED, once.
    assert.deepEqual(notes('setcred'), [`${pid} 2`]);
  });

  it('with the user of a running session leads into it, and renews its credentials', async () => {
    authenticateBy('secret:Password: :one', 'keep');
    const running = await objects(admin.bus).root.methods.createSession('alice', { desktop: 'fake' });
    const before = workers();
    await using login = await open();
    await login.begin('password', { user: 'alice', password: 'one' });
    assert.equal(await login.session(), running);
    assert.deepEqual(notes('opened'), []);
    // PAM_REINITIALIZE_CRED.
    assert.deepEqual(
      notes('setcred').map((line) => line.split(' ')[1]),
      ['8'],
    );
    await tool.connect(running);
    await onlyLeft(...before);
  });

  it('of two who prove the same at the same time leads both into one session', async () => {
    authenticateBy('secret:Password: :one');
    const logins = await Promise.all([open(), open(), open()]);
    await Promise.all(logins.map((login) => login.begin('password', { user: 'alice', password: 'one' })));
    const sessions = await Promise.all(logins.map((login) => login.session()));
    assert.equal(new Set(sessions).size, 1);
    assert.equal((await objects(admin.bus).root.methods.listSessions()).length, 1);
    const id = sessions[0]?.split('/').at(-1);
    const one = Number(run('systemctl', 'show', '-P', 'MainPID', `remote-access-session-${id}.service`));
    await onlyLeft(one);
  });

  it('asks also where PAM refuses before it asked', async () => {
    authenticateWith('auth requisite pam_deny.so');
    await using login = await open();
    await login.begin('pam', { user: 'alice' });
    assert.deepEqual((await login.answer('whatever')).slice(1), ['secret', 'Password: ']);
    const [message, mayRetry] = await login.failure('AuthenticationFailed');
    assert.equal(mayRetry, true);
    assert.doesNotMatch(message, /alice/);
    await using other = await open();
    await refuses('AuthenticationFailed', other.begin('password', { user: 'alice', password: 'x' }));
    assert.deepEqual(other.shown, []);
  });

  it('needs no prompt where PAM needs none', async () => {
    authenticateWith('auth required pam_permit.so');
    await using login = await open();
    await login.begin('pam', { user: 'alice' });
    await login.session();
    assert.deepEqual(login.shown, []);
  });

  it('survives a module that crashes, which strangers see as any failure', async () => {
    authenticateBy('secret:Code: :*', 'crash');
    await using login = await open();
    await login.begin('pam', { user: 'alice' });
    await login.answer('x');
    const [message] = await login.failure('AuthenticationFailed');
    assert.doesNotMatch(message, /worker/);
    await onlyLeft();
  });

  it('whose worker is killed has failed, and may be tried again', async () => {
    authenticateBy('secret:Code: :0815');
    await using login = await open();
    await login.begin('pam', { user: 'alice' });
    const [id] = await login.prompt();
    const [pid = 0] = workers();
    process.kill(pid, 'SIGKILL');
    assert.equal((await login.failure('AuthenticationFailed'))[1], true);
    await refuses(INVALID_ARGS, login.respond(id, '0815'));
    await login.begin('pam', { user: 'alice' });
    await login.answer('0815');
    await login.session();
  });

  it('that is cancelled ends its worker', async () => {
    authenticateBy('secret:Code: :');
    await using login = await open();
    await login.begin('pam', { user: 'alice' });
    await login.prompt();
    const [pid = 0] = workers();
    await login.login.methods.cancel();
    await gone(pid);
    assert.deepEqual(readdirSync(WORKERS), []);
  });

  it('that is cancelled before its worker runs leaves none behind', async () => {
    authenticateBy('secret:Code: :*');
    const left = await Promise.all(
      Array.from({ length: 8 }, async () => {
        const login = await open();
        const begun = login.begin('pam', { user: 'alice' });
        await login.login.methods.cancel();
        return refuses('Busy', begun);
      }),
    );
    assert.equal(left.length, 8);
    await onlyLeft();
  });

  it('that is cancelled while a module hangs ends the module and what it started', async () => {
    authenticateBy('hang');
    await using login = await open();
    const begun = login.begin('pam', { user: 'alice' });
    begun.catch(() => {});
    const [pid] = await noted('hanging');
    const [helper = 0] = pidsOf('sleep', '1000');
    await login.login.methods.cancel();
    await refuses('Busy', begun);
    await gone(Number(pid));
    await gone(helper);
    assert.deepEqual(readdirSync(WORKERS), []);
  });

  it('ends with its owner, whatever a module does', async () => {
    authenticateBy('hang');
    const leaving = await toolAs('bob');
    const login = await LoginConversation.open(leaving);
    login.begin('pam', { user: 'alice' }).catch(() => {});
    const [pid] = await noted('hanging');
    await leaving[Symbol.asyncDispose]();
    await gone(Number(pid));
  });

  it('ends with the daemon, and the next one serves at once', async () => {
    authenticateBy('hang');
    const login = await open();
    login.begin('pam', { user: 'alice' }).catch(() => {});
    const [pid] = await noted('hanging');
    run('systemctl', 'kill', '--signal=KILL', 'remote-accessd.service');
    await gone(Number(pid));
    assert.deepEqual(await objects(tool.bus).root.methods.listSessions(), []);
    authenticateBy('secret:Code: :0815');
    await using next = await open();
    await next.begin('pam', { user: 'alice' });
    await next.answer('0815');
    await next.session();
  });

  it('that waits for an answer is told when the service is restarted', async () => {
    authenticateBy('secret:Code: :0815');
    await using login = await open();
    await login.begin('pam', { user: 'alice' });
    await login.prompt();
    const [pid = 0] = workers();
    run('systemctl', 'restart', 'remote-accessd.service');
    assert.match((await login.failure('Busy'))[0], /restarted/);
    await gone(pid);
  });

  it('with a module that hangs holds up nobody', async () => {
    authenticateBy('hang');
    const hanging = await open();
    const begun = hanging.begin('pam', { user: 'alice' });
    begun.catch(() => {});
    await noted('hanging');
    authenticateBy('info:Hello.', 'secret:Code: :0815', 'visible:Sure? :yes');
    const users = Array.from({ length: 19 }, (_, index) => `user${index}`);
    for (const user of users) spawnSync('useradd', ['--create-home', '--shell=/bin/bash', user]);
    const sessions = await Promise.all(
      users.map(async (user) => {
        await using login = await LoginConversation.open(admin);
        await login.begin('pam', { user });
        await login.answer('0815');
        await login.answer('yes');
        return await login.session();
      }),
    );
    assert.equal(new Set(sessions).size, 19);
    assert.equal(await hanging.login.property('State'), 'prompting');
    await hanging.login.methods.cancel();
    await endSessions(admin);
  }).timeout(120_000);

  it('leaves no secret anywhere but in PAM', async () => {
    // Longer than what is said to the worker afterwards, which would cover it.
    const secret = 'swordfish-4711';
    const answer = `${'é'.repeat(240)}${secret}`;
    authenticateBy('info:Hello.', 'secret:Code: :*');
    await using login = await open();
    await login.begin('pam', { user: 'alice' });
    const [id] = await login.prompt().then(() => login.prompt());
    await refuses(INVALID_ARGS, login.respond(id + 7, answer));
    await login.respond(id, answer);
    await login.session();
    authenticateBy('secret:Code: :0815');
    await using wrong = await open();
    await wrong.begin('pam', { user: 'bob' });
    await wrong.answer(answer);
    await wrong.failure('AuthenticationFailed');
    for (const pid of readdirSync('/proc').filter((name) => /^\d+$/.test(name) && name !== String(process.pid)))
      for (const file of ['cmdline', 'environ']) assert.ok(!contains(`/proc/${pid}/${file}`, secret), `${pid} ${file}`);
    assert.equal(
      run('sh', '-c', 'journalctl --output=export | grep --count --fixed-strings -- "$0" || true', secret),
      '0',
    );
    // The session's worker has wiped what it read.
    for (const pid of workers()) assert.ok(!memoryOf(pid).includes(secret), `memory of worker ${pid}`);
    assert.ok(existsSync(`/proc/${workers()[0]}`));
  });

  it('tells its owner alone', async () => {
    authenticateBy('secret:Code: :0815');
    await using login = await open();
    await using watcher = await toolAs('bob');
    await using heard = await Heard.listen(objects(watcher.bus).login(login.login.path), 'Prompt');
    await login.begin('pam', { user: 'alice' });
    const [id] = await login.prompt();
    await refuses('NotAuthorized', objects(watcher.bus).login(login.login.path).methods.respond(id, '0815'));
    await refuses('NotAuthorized', objects(admin.bus).login(login.login.path).methods.respond(id, '0815'));
    await login.respond(id, '0815');
    await login.session();
    assert.deepEqual(heard.all, []);
  });

  it('is for what anybody can call', async () => {
    authenticateBy('secret:Code: :0815');
    const busctl = (path: string, member: string, ...args: string[]) =>
      run(
        'busctl',
        '--json=short',
        'call',
        SERVICE,
        path,
        path === ROOT ? SERVICE : `${SERVICE}.Login`,
        member,
        ...args,
      );
    // Each busctl is a connection of its own, with which its login goes.
    assert.match(busctl(ROOT, 'OpenLogin', 'a{sv}', '1', 'methods', 'as', '1', 'pam'), /login/);
    assert.throws(() => busctl(ROOT, 'OpenLogin', 'a{sv}', '1', 'methods', 'as', '1', 'kerberos'), /none of those/);
  });
});

/** The pids of the processes of that name, and with that argument. */
function pidsOf(program: string, argument = ''): number[] {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .filter((pid) => {
      const words = textOf(`/proc/${pid}/cmdline`).split('\0');
      const name = textOf(`/proc/${pid}/comm`).trim();
      return program.startsWith(name) && name !== '' && (argument === '' || words.includes(argument));
    })
    .map(Number);
}

/** Resolves when the process has ended. */
async function gone(pid: number): Promise<void> {
  const wait = 'import os, select, sys; select.select([os.pidfd_open(int(sys.argv[1]))], [], [])';
  // A process that is gone already has no pidfd.
  await promisify(execFile)('python3', ['-c', wait, String(pid)], { timeout: 10_000 }).catch(() => {});
  assert.equal(existsSync(`/proc/${pid}`), false, `process ${pid} lives`);
}

/** What a process has written to, as latin1. */
function memoryOf(pid: number): string {
  const memory = openSync(`/proc/${pid}/mem`, 'r');
  try {
    return readFileSync(`/proc/${pid}/maps`, 'utf8')
      .split('\n')
      .flatMap((line) => /^([0-9a-f]+)-([0-9a-f]+) rw/.exec(line)?.slice(1, 3) ?? [])
      .map((address) => Number.parseInt(address, 16))
      .flatMap((start, index, all) =>
        (index % 2 === 0 ? [Buffer.alloc((all[index + 1] ?? start) - start)] : []).map((buffer) => {
          readSync(memory, buffer, 0, buffer.length, start);
          return buffer.toString('latin1');
        }),
      )
      .join('\n');
  } finally {
    closeSync(memory);
  }
}

/** Processes come and go while one looks. */
function textOf(path: string): string {
  try {
    return readFileSync(path, 'latin1');
  } catch {
    return '';
  }
}

function contains(path: string, text: string): boolean {
  return textOf(path).includes(text);
}
