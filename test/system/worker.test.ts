import assert from 'node:assert/strict';
import { execFile, execFileSync } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, watch, writeFileSync } from 'node:fs';
import { createConnection, type Socket } from 'node:net';
import { createInterface } from 'node:readline';
import { promisify } from 'node:util';
import { NoSuchUser, SessionFailed } from '../../src/errors.js';
import { launchWorker, type Systemd, type UnitProperty, unitName } from '../../src/login/launch.js';
import { livingWorkers } from '../../src/login/scan.js';
import { LINE_MAX } from '../../src/login/wire.js';
import { type Login, Worker } from '../../src/login/worker.js';
import { GATES, Gate } from './gate.js';

/** The worker with the machine's real PAM, systemd and logind; runs as root in the container. */

const DIRECTORY = '/run/worker-test';
const USER = 'wanda';
const run = promisify(execFile);

/** What busctl takes for a value of this signature. */
function busctlWords(signature: string, value: unknown): string[] {
  if (!Array.isArray(value)) return [String(value)];
  if (signature === 'as') return [String(value.length), ...value];
  return [String(value.length), ...value.flatMap(([path, argv, ignore]) => [path, argv.length, ...argv, ignore])].map(
    String,
  );
}

const systemd: Systemd = {
  async startTransientUnit(name: string, properties: readonly UnitProperty[], signal: AbortSignal) {
    const words = properties.flatMap(([key, signature, value]) => [key, signature, ...busctlWords(signature, value)]);
    const call = ['org.freedesktop.systemd1', '/org/freedesktop/systemd1', 'org.freedesktop.systemd1.Manager'];
    const start = ['StartTransientUnit', 'ssa(sv)a(sa(sv))', name, 'fail', String(properties.length)];
    await run('busctl', ['call', '--', ...call, ...start, ...words, '0'], { signal });
  },
  async killUnit(name: string) {
    await run('systemctl', ['kill', '--kill-whom=main', '--signal=KILL', name]);
  },
};

function shell(script: string): string {
  return execFileSync('sh', ['-c', script], { encoding: 'utf8' }).trim();
}

function loginctl(session: string): Record<string, string> {
  const lines = execFileSync('loginctl', ['show-session', session], { encoding: 'utf8' }).trim().split('\n');
  return Object.fromEntries(lines.map((line) => line.split(/=(.*)/s, 2)));
}

/** Resolves when logind no longer knows the session; like sd_login_monitor it watches where logind notes them. */
async function sessionGone(session: string): Promise<void> {
  await until('/run/systemd/sessions', session, false);
}

/** Resolves when the file is there, or is not. */
async function until(directory: string, name: string, there: boolean): Promise<void> {
  const watcher = watch(directory);
  try {
    while (existsSync(`${directory}/${name}`) !== there) await once(watcher, 'change');
  } finally {
    watcher.close();
  }
}

describe('the worker', () => {
  let count = 0;
  let id: string;
  const workers: Worker[] = [];

  before(() => {
    mkdirSync(DIRECTORY, { recursive: true, mode: 0o700 });
    shell(`useradd -m -s /bin/bash ${USER} && groupadd -f helpers && usermod -aG helpers ${USER} && passwd -l ${USER}`);
  });

  after(() => {
    shell(`loginctl terminate-user ${USER} || true; userdel -rf ${USER} 2>/dev/null; rm -rf ${DIRECTORY}`);
  });

  beforeEach(() => {
    id = `test-${process.pid}-${++count}`;
  });

  afterEach(async () => {
    for (const worker of workers.splice(0)) worker.close();
    // One that ends by itself meanwhile can no longer be stopped.
    const units = `'remote-access-session-test-*.service'`;
    shell(`systemctl stop ${units} 2>/dev/null || ! systemctl is-active --quiet ${units}`);
  });

  async function launch(): Promise<Worker> {
    const worker = await launchWorker({ id, directory: DIRECTORY, systemd });
    workers.push(worker);
    return worker;
  }

  async function open(script: string, login: Partial<Login> = {}) {
    const worker = await launch();
    const command = ['sh', '-c', script] as const;
    const session = await worker.open({ user: USER, rhost: '192.0.2.7', record: 'a note', command, ...login });
    return { worker, session };
  }

  async function refusal(login: Partial<Login>): Promise<unknown> {
    const { worker } = await open('true', login).then(
      () => assert.fail('the session was opened'),
      (error: unknown) => ({ worker: error }),
    );
    return worker;
  }

  const mainPid = () => shell(`systemctl show -P MainPID ${unitName(id)}`);

  /** Opens a session that writes its answer to a file of the user. */
  async function answer(script: string, login: Partial<Login> = {}): Promise<string> {
    const { worker } = await open(`exec >answer 2>&1\n${script}`, login);
    const [ended] = await once(worker, 'ended');
    assert.deepEqual(ended, { how: 'exit', number: 0 });
    return readFileSync(`/home/${USER}/answer`, 'utf8').trim();
  }

  describe('opens a session', () => {
    it('that logind knows as a remote wayland session of the user', async () => {
      const { session } = await open('exec sleep 600');
      const properties = loginctl(session.logindSession);
      assert.equal(properties.Type, 'wayland');
      assert.equal(properties.Class, 'user');
      assert.equal(properties.Remote, 'yes');
      assert.equal(properties.RemoteHost, '192.0.2.7');
      assert.equal(properties.Service, 'remote-access');
      assert.equal(properties.Leader, mainPid());
      assert.equal(Number(properties.User), session.uid);
      assert.equal(session.uid, Number(shell(`id -u ${USER}`)));
    });

    it('as remote where the client’s address is not known', async () => {
      const { session } = await open('exec sleep 600', { rhost: '0.0.0.0' });
      assert.equal(loginctl(session.logindSession).Remote, 'yes');
    });

    it('with the user’s ids, groups and no privileges', async () => {
      const said = await answer(
        'id -un; id -Gn; id -u; grep -E "^(Uid|Gid|CapEff|CapPrm|SigBlk|SigIgn):" /proc/self/status',
      );
      const uid = shell(`id -u ${USER}`);
      const gid = shell(`id -g ${USER}`);
      const none = '0000000000000000';
      assert.deepEqual(
        said.split('\n').sort(),
        [
          USER,
          `${USER} helpers`,
          uid,
          `Uid:\t${uid}\t${uid}\t${uid}\t${uid}`,
          `Gid:\t${gid}\t${gid}\t${gid}\t${gid}`,
          `CapEff:\t${none}`,
          `CapPrm:\t${none}`,
          `SigBlk:\t${none}`,
          `SigIgn:\t${none}`,
        ].sort(),
      );
    });

    it('with PAM’s environment, the user’s and ours', async () => {
      writeFileSync('/etc/default/locale', 'LANG=C.UTF-8\n');
      const said = await answer('env', { environment: { XDG_CURRENT_DESKTOP: 'GNOME', ODD: 'é\n%20 x' } });
      const uid = shell(`id -u ${USER}`);
      for (const line of [
        `XDG_RUNTIME_DIR=/run/user/${uid}`,
        `DBUS_SESSION_BUS_ADDRESS=unix:path=/run/user/${uid}/bus`,
        'XDG_SESSION_TYPE=wayland',
        'XDG_SESSION_CLASS=user',
        'XDG_CURRENT_DESKTOP=GNOME',
        'LANG=C.UTF-8',
        `HOME=/home/${USER}`,
        `USER=${USER}`,
        `LOGNAME=${USER}`,
        'SHELL=/bin/bash',
        'ODD=é\n%20 x',
      ]) {
        assert.ok(`\n${said}\n`.includes(`\n${line}\n`), `${line} is missing in\n${said}`);
      }
      assert.match(said, /^XDG_SESSION_ID=\S+$/m);
      assert.match(said, /^PATH=\S+$/m);
      assert.doesNotMatch(said, /NOTIFY_SOCKET|INVOCATION_ID|JOURNAL_STREAM/);
    });

    it('in the home directory, without descriptors but the standard ones', async () => {
      const said = await answer('pwd; readlink /proc/$$/fd/0; ls /proc/$$/fd');
      assert.deepEqual(said.split('\n'), [`/home/${USER}`, '/dev/null', '0', '1', '2']);
    });

    it('with a bus and a service manager of the user', async () => {
      assert.match(await answer('systemctl --user show -P Version'), /^\d/);
    });

    it('although the password is locked', async () => {
      assert.match(shell(`passwd -S ${USER}`), / L /);
      assert.equal(await answer('echo in'), 'in');
    });
  });

  describe('refuses, with a reason', () => {
    const before = new Set<string>();
    const sessions = () => shell(`loginctl --no-legend list-sessions | awk '/ user /{print $1}'`).split('\n');

    beforeEach(() => {
      for (const session of sessions()) before.add(session);
    });

    afterEach(async () => {
      for (const session of sessions()) if (session !== '' && !before.has(session)) await sessionGone(session);
      assert.deepEqual(shell(`ls -A ${DIRECTORY}`), '');
    });

    it('an unknown user', async () => {
      const error = await refusal({ user: 'nobody-here' });
      assert.ok(error instanceof NoSuchUser);
      assert.equal(error.message, 'There is no user nobody-here');
    });

    it('root', async () => {
      const error = await refusal({ user: 'root' });
      assert.deepEqual(error, new SessionFailed('root may not log in: root does not get desktop sessions.'));
    });

    it('an expired account', async () => {
      shell(`chage -E 0 ${USER}`);
      const error = await refusal({});
      shell(`chage -E -1 ${USER}`);
      assert.ok(error instanceof SessionFailed);
      assert.match(error.message, /^The account of wanda has expired/);
    });

    it('a password that must be changed', async () => {
      shell(`chage -d 0 ${USER}`);
      const error = await refusal({});
      shell(`chage -d 2026-01-01 ${USER}`);
      assert.ok(error instanceof SessionFailed);
      assert.match(error.message, /^The password of wanda has expired/);
    });

    it('a user without a shell', async () => {
      shell(`usermod -s /usr/sbin/nologin ${USER}`);
      const error = await refusal({});
      shell(`usermod -s /bin/bash ${USER}`);
      const sentence = "wanda may not log in: The account's shell is not one of /etc/shells.";
      assert.deepEqual(error, new SessionFailed(sentence));
    });

    it('anybody while /etc/nologin is there', async () => {
      writeFileSync('/etc/nologin', 'Closed until noon.\n');
      const error = await refusal({});
      rmSync('/etc/nologin');
      assert.deepEqual(error, new SessionFailed('wanda may not log in: Closed until noon.'));
    });

    it('a command that does not exist', async () => {
      const error = await refusal({ command: ['/no/such/desktop'] });
      const reason = '/no/such/desktop, executing: No such file or directory';
      assert.deepEqual(error, new SessionFailed(`The session's command could not be started: ${reason}`));
    });

    it('a home directory that is not there', async () => {
      shell(`mv /home/${USER} /home/elsewhere`);
      const error = await refusal({});
      shell(`mv /home/elsewhere /home/${USER}`);
      const what = 'sh, entering the home directory: No such file or directory';
      const reason = `${what}; 'pam-auth-update --enable mkhomedir' has it made`;
      assert.deepEqual(error, new SessionFailed(`The session's command could not be started: ${reason}`));
    });

    it('a service that registers no session with logind', async () => {
      const rules = ['auth', 'account', 'session'].map((kind) => `${kind} required pam_permit.so\n`);
      writeFileSync('/etc/pam.d/worker-test-empty', rules.join(''));
      const error = await refusal({ service: 'worker-test-empty' });
      rmSync('/etc/pam.d/worker-test-empty');
      assert.ok(error instanceof SessionFailed);
      assert.match(error.message, /^PAM could not open a session for wanda: /);
    });
  });

  describe('is killed if a module hangs', () => {
    const SERVICE = 'worker-test-hang';
    let gate: Gate;

    beforeEach(() => {
      mkdirSync(GATES, { recursive: true });
      gate = new Gate(`${GATES}/${USER}.hang`);
    });

    afterEach(() => {
      gate[Symbol.dispose]();
      rmSync(`/etc/pam.d/${SERVICE}`);
    });

    const hangsIn = (step: 'account' | 'session') => {
      const rules = { auth: 'pam_permit.so', account: 'pam_permit.so', session: 'pam_permit.so' };
      rules[step] = '/src/dist/test/pam_probe.so hold:hang';
      writeFileSync(
        `/etc/pam.d/${SERVICE}`,
        Object.entries(rules)
          .map(([kind, module]) => `${kind} required ${module}\n`)
          .join(''),
      );
    };
    const count = (change: string) => shell(`grep -cxF -- '${change}${USER}' /run/probe/sessions || true`);

    for (const step of ['account', 'session'] as const)
      it(`in the ${step} step, and PAM is closed in its place`, async () => {
        hangsIn(step);
        const worker = await launch();
        const tired = new AbortController();
        const command = ['sleep', 'infinity'] as const;
        const opened = worker.open({ user: USER, record: '', command, service: SERVICE }, { signal: tired.signal });
        await gate.reached;
        tired.abort(new SessionFailed('no more patience'));
        await assert.rejects(opened, { message: 'no more patience' });
        await once(worker, 'ended');
        const watcher = watch(DIRECTORY);
        while (shell(`ls -A ${DIRECTORY}`) !== '') await once(watcher, 'change');
        watcher.close();
        assert.equal(count('+'), count('-'));
      });
  });

  describe('ends the session', () => {
    const busy = 'sleep 600 & setsid sleep 601 & wait';

    async function ended(worker: Worker, session: string, action: () => void) {
      const event = once(worker, 'ended');
      const gone = sessionGone(session);
      action();
      const [how] = await event;
      await gone;
      await until(DIRECTORY, id, false);
      return how;
    }

    const left = () => shell(`pgrep -u ${USER} -x sleep || true`);
    const service = 'worker-test-closing';
    const closed = `${DIRECTORY}.closed`;
    /** How often PAM closed the session. */
    const closings = (session: string) =>
      readFileSync(closed, 'utf8')
        .split('\n')
        .filter((id) => id === session).length;

    before(() => {
      writeFileSync(closed, '');
      writeFileSync(`${closed}.sh`, `echo "$XDG_SESSION_ID" >>${closed}`);
      const rule = `session optional pam_exec.so type=close_session /bin/sh ${closed}.sh`;
      writeFileSync(`/etc/pam.d/${service}`, `@include remote-access\n${rule}\n`);
    });

    after(() => {
      for (const file of [closed, `${closed}.sh`, `/etc/pam.d/${service}`]) rmSync(file);
    });

    it('with its command', async () => {
      const { worker, session } = await open('exit 7', { service });
      const how = await ended(worker, session.logindSession, () => {});
      assert.deepEqual(how, { how: 'exit', number: 7 });
      assert.equal(closings(session.logindSession), 1);
    });

    it('with a command that is killed', async () => {
      const { worker, session } = await open('exec sleep 600');
      const how = await ended(worker, session.logindSession, () => process.kill(session.pid, 'SIGSEGV'));
      assert.deepEqual(how, { how: 'signal', number: 11 });
    });

    it('when it is told to', async () => {
      const { worker, session } = await open(busy, { service });
      const how = await ended(worker, session.logindSession, () => worker.terminate());
      assert.deepEqual(how, { how: 'signal', number: 15 });
      assert.equal(left(), '');
      assert.equal(closings(session.logindSession), 1);
    });

    it('of a command that ignores SIGTERM', async () => {
      const { worker, session } = await open('trap "" TERM; echo ready >ready; while :; do sleep 600; done');
      await until(`/home/${USER}`, 'ready', true);
      const how = await ended(worker, session.logindSession, () => worker.terminate());
      assert.deepEqual(how, { how: 'signal', number: 9 });
      assert.equal(left(), '');
    });

    it('when its unit is stopped, and no other session', async () => {
      const other = await open(busy, { service });
      id = `test-${process.pid}-${++count}`;
      const { worker, session } = await open(busy, { service });
      await ended(worker, session.logindSession, () => shell(`systemctl stop ${unitName(id)}`));
      assert.equal(closings(session.logindSession), 1);
      assert.equal(loginctl(other.session.logindSession).State, 'active');
      assert.equal(left().split('\n').length, 2);
    });

    it('when logind terminates it', async () => {
      const { worker, session } = await open(busy, { service });
      await ended(worker, session.logindSession, () => shell(`loginctl terminate-session ${session.logindSession}`));
      assert.equal(left(), '');
      assert.equal(closings(session.logindSession), 1);
    });

    it('also if it is killed itself', async () => {
      const { worker, session } = await open(busy, { service });
      const how = await ended(worker, session.logindSession, () => process.kill(Number(mainPid()), 'SIGKILL'));
      assert.deepEqual(how, { how: 'lost' });
      // What systemd runs when the unit has ended closes it.
      shell(`systemctl stop remote-access-session-${id}.service || true`);
      assert.equal(closings(session.logindSession), 1);
      assert.equal(left(), '');
      assert.deepEqual(readdirSync(DIRECTORY), []);
    });
  });

  describe('survives its daemon', () => {
    it('and announces itself to the next one, which replaces the one before', async () => {
      const { worker, session } = await open('exec sleep 600');
      worker.setRecord('Zoë’s\nstate %20');
      const replaced = once(worker, 'replaced');
      const found: [string, Worker][] = [];
      for await (const { id: name, worker: next } of livingWorkers(DIRECTORY)) found.push([name, next]);
      workers.push(...found.map(([, next]) => next));
      await replaced;
      assert.deepEqual(
        found.map(([name, next]) => [name, next.record, next.session]),
        [[id, 'Zoë’s\nstate %20', session]],
      );
    });

    it('when nobody is connected', async () => {
      const { worker, session } = await open('exec sleep 600');
      worker.close();
      const again = await Worker.connect(`${DIRECTORY}/${id}`);
      workers.push(again);
      assert.deepEqual(again.session, session);
      const event = once(again, 'ended');
      again.terminate();
      assert.deepEqual(await event, [{ how: 'signal', number: 15 }]);
    });

    it('even if that one never reads', async () => {
      const { worker, session } = await open('exec sleep 600');
      worker.close();
      const deaf = await connect();
      deaf.pause();
      deaf.on('error', () => {});
      let failed: Error | null | undefined;
      while (!failed) {
        await new Promise<void>((resolve) => {
          deaf.write('nonsense\n', (error) => {
            failed = error;
            resolve();
          });
        });
      }
      const again = await Worker.connect(`${DIRECTORY}/${id}`);
      workers.push(again);
      assert.deepEqual(again.session, session);
    });
  });

  describe('authenticates', () => {
    const ERROR = 'error not%20understood,%20or%20not%20possible%20in%20this%20state';
    const ANSWER = 'error only%20what%20is%20waited%20for%20is%20possible%20now';
    const service = '/etc/pam.d/worker-test';

    before(() => {
      const probe = '/src/dist/test/pam_probe.so';
      const rest = 'account include remote-access\nsession include remote-access\n';
      writeFileSync(service, `auth required ${probe} [secret:Code: :0815] [visible:Sure? :yes] keep\n${rest}`);
      shell(`passwd -u ${USER} 2>/dev/null || echo ${USER}:pw | chpasswd`);
    });

    after(() => rmSync(service));

    async function begin(user = USER) {
      (await launch()).close();
      const socket = await connect();
      const lines = createInterface(socket)[Symbol.asyncIterator]();
      const next = async (): Promise<string> => (await lines.next()).value ?? 'the end';
      for (const greeting of ['hello 1', 'state new']) assert.equal(await next(), greeting);
      socket.write(`user ${user}\nservice worker-test\nrhost 192.0.2.7\nauthenticate\n`);
      assert.equal(await next(), 'prompt secret Code:%20');
      return { socket, next };
    }

    it('with nothing but answers to its prompts', async () => {
      const { socket, next } = await begin();
      for (const line of [
        'open',
        'terminate',
        'user x',
        'answer',
        'answer a b',
        'answer %zz',
        'answer a%00',
        'x'.repeat(90),
      ]) {
        socket.write(`${line}\n`);
        assert.equal(await next(), ANSWER, line);
      }
      socket.write(`answer ${'x'.repeat(LINE_MAX)}\n`);
      assert.equal(await next(), 'error a%20line%20is%20longer%20than%2064%20KiB');
      // Of two answers in one piece the second one answers nothing.
      socket.write('answer 0815\nanswer no\n');
      assert.deepEqual([await next(), await next()].sort(), [ANSWER, 'prompt visible Sure?%20']);
      socket.write('answer y');
      socket.write('es\n');
      assert.equal(await next(), `authenticated ${USER} ${shell(`id -u ${USER}`)}`);
      for (const line of ['authenticate', 'user root', 'service login', 'rhost x', 'check', 'answer x', 'open']) {
        socket.write(`${line}\n`);
        assert.equal(await next(), ERROR, line);
      }
      socket.write('env XDG_SESSION_TYPE=wayland\nenv XDG_SESSION_CLASS=user\nexec sleep 600\nopen\n');
      assert.match(await next(), /^opened /);
      assert.match(await next(), /^started /);
      socket.write('terminate\n');
      assert.equal(await next(), 'ending');
      assert.equal(await next(), 'ended signal 15');
    });

    it('and refuses at the end', async () => {
      const { socket, next } = await begin();
      socket.write('answer wrong\n');
      assert.equal(await next(), 'prompt visible Sure?%20');
      socket.write('answer yes\n');
      assert.equal(await next(), 'failed auth PAM_AUTH_ERR Authentication%20failure');
      assert.equal(await next(), 'the end');
    });

    it('root and strangers never', async () => {
      for (const [user, code] of [
        ['root', 'PAM_PERM_DENIED'],
        ['nobody-here', 'PAM_USER_UNKNOWN'],
      ] as const) {
        const { socket, next } = await begin(user);
        socket.write('answer 0815\n');
        assert.equal(await next(), 'prompt visible Sure?%20');
        socket.write('answer yes\n');
        assert.match(await next(), new RegExp(`^failed auth ${code} `));
        id = `test-${process.pid}-${++count}`;
      }
    });

    for (const [what, leave] of [
      ['its peer hangs up', (socket: Socket) => void socket.destroy()],
      ['its peer sends half an answer and hangs up', (socket: Socket) => void socket.end('answer 08')],
      ['it is stopped', () => void shell(`systemctl stop ${unitName(id)}`)],
    ] as const)
      it(`until ${what}`, async () => {
        const { socket } = await begin();
        leave(socket);
        await until(DIRECTORY, id, false);
        socket.destroy();
      });

    it('and keeps nobody waiting who is authenticated and left alone', async () => {
      const { socket, next } = await begin();
      socket.write('answer 0815\n');
      assert.equal(await next(), 'prompt visible Sure?%20');
      socket.write('answer yes\n');
      assert.match(await next(), /^authenticated /);
      socket.destroy();
      await until(DIRECTORY, id, false);
    });

    it('for a session that runs, too', async () => {
      const { socket, next } = await begin();
      socket.write('answer 0815\n');
      assert.equal(await next(), 'prompt visible Sure?%20');
      socket.write('answer yes\n');
      assert.match(await next(), /^authenticated /);
      socket.write('rejoin\n');
      assert.equal(await next(), 'admitted');
      assert.equal(await next(), 'the end');
    });
  });

  describe('bears bad input', () => {
    const ERROR = 'error not%20understood,%20or%20not%20possible%20in%20this%20state';
    const WORDS = 'error a%20line%20is%20not%20made%20of%20percent-encoded%20words,%20512%20at%20most';

    for (const [what, text, reply] of [
      ['an unknown verb', 'frobnicate now\n', ERROR],
      ['an empty line', '\n', ERROR],
      ['too few words', 'user\n', ERROR],
      ['too many words', 'user a b\n', ERROR],
      ['two spaces', 'user  a\n', ERROR],
      ['an empty user', 'user \n', ERROR],
      ['a service with a path', 'service ../../tmp/evil\n', ERROR],
      ['a variable without a name', 'env =x\n', ERROR],
      ['a variable without a value', 'env X\n', ERROR],
      ['open without a user', 'open\n', ERROR],
      ['an answer to nothing', 'answer secret\n', ERROR],
      ['rejoin before anybody authenticated', 'rejoin\n', ERROR],
      ['authenticate without a user', 'authenticate\n', ERROR],
      ['a broken escape', 'user %4\n', WORDS],
      ['an escaped NUL', 'user a%00b\n', WORDS],
      ['bytes that should be escaped', 'user Zo\u00eb\n', WORDS],
      ['a carriage return', 'open\r\n', WORDS],
      ['a NUL', 'user a\0b\n', 'error a%20line%20holds%20a%20NUL%20byte'],
      ['513 words', `exec${' a'.repeat(512)}\n`, WORDS],
      ['a line that is too long', `record ${'x'.repeat(LINE_MAX)}\n`, 'error a%20line%20is%20longer%20than%2064%20KiB'],
    ] as const) {
      it(what, async () => {
        const worker = await launch();
        worker.close();
        const socket = await connect();
        const lines = createInterface(socket)[Symbol.asyncIterator]();
        for (const greeting of ['hello 1', 'state new']) assert.equal((await lines.next()).value, greeting);
        socket.write(text);
        assert.equal((await lines.next()).value, reply);
        socket.destroy();
        const next = await Worker.connect(`${DIRECTORY}/${id}`);
        workers.push(next);
        const opened = await next.open({ user: USER, command: ['sleep', '600'], record: '' });
        assert.ok(opened.pid > 0);
      });
    }

    it('and takes the longest line there may be', async () => {
      const { worker } = await open('exec sleep 600');
      const record = 'x'.repeat(LINE_MAX - 'record \n'.length);
      worker.setRecord(record);
      const next = await Worker.connect(`${DIRECTORY}/${id}`);
      workers.push(next);
      assert.equal(next.record, record);
    });

    it('and lets nobody but root connect', async () => {
      await launch();
      shell(`chmod 711 ${DIRECTORY} && chmod 666 ${DIRECTORY}/${id}`);
      const script =
        'import socket,sys; s=socket.socket(socket.AF_UNIX); s.connect(sys.argv[1]); print(len(s.recv(99)))';
      const said = shell(`setpriv --reuid=nobody --clear-groups python3 -c '${script}' ${DIRECTORY}/${id}`);
      shell(`chmod 700 ${DIRECTORY}`);
      assert.equal(said, '0');
    });

    it('and will not take the socket of another', async () => {
      await launch();
      assert.throws(
        () => execFileSync('/usr/libexec/remote-access-worker', [`${DIRECTORY}/${id}`], { stdio: 'pipe' }),
        {
          status: 1,
        },
      );
      workers.push(await Worker.connect(`${DIRECTORY}/${id}`));
    });
  });

  async function connect(): Promise<Socket> {
    const socket = createConnection(`${DIRECTORY}/${id}`);
    await once(socket, 'connect');
    return socket;
  }
});
