import assert from 'node:assert/strict';
import { chmodSync, existsSync, mkdirSync, openSync, rmSync, writeFileSync } from 'node:fs';
import { Socket } from 'node:net';
import { createInterface } from 'node:readline';
import type { Tool } from '../../src/tool/tool.js';
import { mainPid, Owners, setUp, UNIT } from './daemon.js';
import { endSessions, installDesktop, objects, run, SERVICE, toolAs, uidOf } from './fixture.js';
import { runAsUser } from './in-session.js';

const ADMIN = '/etc/remote-access/session.d';
const OWN = '/home/alice/.config/remote-access/session.d';
const TOLD = '/run/told';
const GO = '/run/go';

/** What programs in session.d write into TOLD, line by line. */
class Told {
  readonly #pipe = new Socket({ fd: openSync(TOLD, 'r+') });
  readonly #lines = createInterface(this.#pipe)[Symbol.asyncIterator]();

  async next(): Promise<string> {
    return String((await this.#lines.next()).value);
  }

  async are(...expected: string[]): Promise<void> {
    for (const line of expected) assert.equal(await this.next(), line);
  }

  close(): void {
    this.#pipe.destroy();
  }
}

describe('programs in session.d', function () {
  this.timeout(30_000);
  let admin: Tool;
  let alice: Tool;
  let path: string;
  let told: Told;

  before(async () => {
    installDesktop('fake');
    admin = await toolAs('root');
    alice = await toolAs('alice');
    run('install', '--directory', '--owner=alice', '--group=alice', OWN);
  });

  beforeEach(async () => {
    for (const folder of [ADMIN, OWN]) {
      rmSync(folder, { recursive: true, force: true });
      mkdirSync(folder);
    }
    for (const fifo of [TOLD, GO]) {
      rmSync(fifo, { force: true });
      run('mkfifo', '--mode=666', fifo);
    }
    told = new Told();
    path = await objects(admin.bus).root.methods.createSession('alice', { desktop: 'fake' });
  });
  afterEach(async () => {
    told.close();
    await endSessions(admin);
    setUp('');
    run('systemctl', 'reload', UNIT);
  });

  function settings(text: string): void {
    setUp(text);
    run('systemctl', 'reload', UNIT);
  }

  function install(file: string, body: string, mode = 0o755): void {
    writeFileSync(file, `#!/bin/sh\n${body}\n`);
    chmodSync(file, mode);
  }

  /** One that writes what it is told, as much as tests mostly want to know. */
  const tell = `echo "$1 $REMOTE_ACCESS_CLIENT_NAME $REMOTE_ACCESS_FIRST $REMOTE_ACCESS_CONNECTIONS$REMOTE_ACCESS_REASON" > ${TOLD}`;

  const connect = (name: string, more = {}, tool = alice) => tool.connect(path, { 'client-name': name, ...more });

  const connectAndClose = async (name: string) => (await connect(name)).connection.methods.close();

  /** Units of alice's systemd in which such programs run now. */
  const units = () =>
    runAsUser('alice', 'systemctl', '--user', 'list-units', '--plain', '--no-legend', 'remote-access-hooks-*')
      .split('\n')
      .filter((line) => line !== '');

  it('are run as the user, in the environment of their session, within a unit of theirs', async () => {
    install(
      `${ADMIN}/10-tell`,
      `{ id -u; pwd; grep ^0:: /proc/self/cgroup; echo "$XDG_RUNTIME_DIR $XDG_SESSION_ID $REMOTE_ACCESS_SESSION"; } > ${TOLD}`,
    );
    await connect('laptop');
    assert.equal(await told.next(), `${uidOf('alice')}`);
    assert.equal(await told.next(), '/home/alice');
    assert.match(await told.next(), /user@\d+\.service\/app\.slice\/remote-access-hooks-[0-9a-f]{8}\.service$/);
    const logind = await objects(admin.bus).session(path).property('LogindSession');
    assert.equal(await told.next(), `/run/user/${uidOf('alice')} ${logind} ${path.slice(-8)}`);
  });

  it('have the environment of a full desktop, also for its very first client', async () => {
    await endSessions(admin);
    install(`${ADMIN}/tell`, `echo "$REMOTE_ACCESS_FIRST $WAYLAND_DISPLAY $XDG_SESSION_ID" > ${TOLD}`);
    path = await objects(admin.bus).root.methods.createSession('alice', { desktop: 'gnome' });
    await connect('laptop');
    await told.are(`yes wayland-0 ${await objects(admin.bus).session(path).property('LogindSession')}`);
  });

  it('are told of every client: that it came, and why it left', async () => {
    install(`${ADMIN}/tell`, tell);
    const first = await connect('first');
    await told.are('connected first yes 1');
    const second = await connect('second');
    await told.are('disconnected first no 0displaced', 'connected second no 1');
    const third = await connect('third', { 'on-conflict': 'share' });
    await told.are('connected third no 2');
    await second.connection.methods.close();
    await told.are('disconnected second no 1closed');
    await third.connection.methods.close();
    await told.are('disconnected third no 0closed');
    assert.notEqual(first.path, third.path);
  });

  it('get what a stranger calls the client as data, whatever it is', async () => {
    const name = `$(touch /run/evil) ; "'\`id\` %h %% \\n \${HOME} ü 😀 \u{202e}`;
    install(`${ADMIN}/tell`, `printenv REMOTE_ACCESS_CLIENT_NAME REMOTE_ACCESS_CLIENT_ADDRESS > ${TOLD}`);
    await connect(name, { 'client-address': 'fe80::1%eth0' });
    await told.are(name, 'fe80::1%eth0');
    assert.ok(!existsSync('/run/evil'));
  });

  it("run in order of their names, the administrator's first, whether others fail or not", async () => {
    for (const name of ['20-b', '10-a.sh']) install(`${ADMIN}/${name}`, `echo ${name} > ${TOLD}; exit 3`);
    install(`${OWN}/00-own`, `echo own > ${TOLD}; echo "what it printed"; echo "and complained" >&2`);
    // No programs:
    install(`${OWN}/05-forgotten`, `echo forgotten > ${TOLD}`, 0o644);
    for (const name of ['05-backup~', '05-old.dpkg-old', '.hidden', '05-x.bak'])
      install(`${OWN}/${name}`, `echo ${name} > ${TOLD}`);
    mkdirSync(`${OWN}/05-folder`);
    writeFileSync(`${OWN}/06-rubbish`, Buffer.alloc(100, 255), { mode: 0o755 });
    install(`${OWN}/07-no-interpreter`, '', 0o755);
    writeFileSync(`${OWN}/07-no-interpreter`, '#!/nowhere\n');
    const connection = await connect('laptop');
    await told.are('10-a.sh', '20-b', 'own');
    await connection.connection.methods.close();
    await told.are('10-a.sh', '20-b', 'own');
    run('journalctl', '--sync');
    const journal = run('journalctl', '--output=cat', '-t', 'remote-access-hooks', '-t', 'remote-access-agent');
    const failed = `${ADMIN}/20-b: exit status 3`;
    for (const line of [
      'what it printed',
      'and complained',
      failed,
      `${OWN}/05-forgotten is not executable, and was not run`,
    ])
      assert.ok(journal.includes(line), line);
  });

  it('that hang are stopped, hold up no client, and the next ones run', async () => {
    settings('[Session]\nHookTimeout=500ms\n');
    install(`${ADMIN}/10-tell`, tell);
    install(`${ADMIN}/20-hang`, "[ $REMOTE_ACCESS_FIRST = no ] || { trap '' TERM; sleep infinity; }");
    install(`${ADMIN}/30-after`, `echo after > ${TOLD}`);
    const first = await connect('first');
    await told.are('connected first yes 1');
    // Nobody waits for it.
    await first.monitors.methods.getLayout();
    await connect('second');
    await told.are('disconnected first no 0displaced', 'after', 'connected second no 1', 'after');
  });

  it('are told in order, and of nobody who had left when their turn came', async () => {
    install(`${ADMIN}/tell`, `${tell}; [ $REMOTE_ACCESS_FIRST = no ] || read line < ${GO}`);
    await connectAndClose('0');
    await told.are('connected 0 yes 1');
    for (let n = 1; n < 100; n++) await connectAndClose(`${n}`);
    const last = await connect('100');
    assert.equal(units().length, 1);
    assert.equal(run('pgrep', '--count', '--full', `^/bin/sh ${ADMIN}/tell`), '1');
    writeFileSync(GO, 'go\n');
    await told.are('disconnected 0 no 0closed', 'connected 100 no 1');
    await last.connection.methods.close();
    await told.are('disconnected 100 no 0closed');
  });

  it('are told of twenty quick clients one after another', async () => {
    install(`${ADMIN}/tell`, tell);
    for (let n = 0; n < 20; n++) await connectAndClose(`${n}`);
    await connect('last');
    const lines: string[] = [];
    while (lines.at(-1)?.startsWith('connected last ') !== true) lines.push(await told.next());
    const numbers = lines.slice(0, -1).map((line) => Number(line.split(' ')[1]));
    assert.deepEqual(
      numbers,
      numbers.toSorted((a, b) => a - b),
    );
    for (const [index, line] of lines.entries())
      assert.ok(line.startsWith(index % 2 === 0 ? 'connected' : 'disconnected'), lines.join('\n'));
  });

  it('may disconnect the client, and are not told of themselves', async () => {
    const call = `busctl call ${SERVICE} ${path} ${SERVICE}.Session Connect 'a{sv}' 0`;
    install(`${ADMIN}/tell`, `${tell}; [ $1 = disconnected ] || ${call}`);
    for (const [name, first] of [
      ['laptop', 'yes'],
      ['phone', 'no'],
    ] as const) {
      const closed = (await connect(name)).closed();
      await told.are(`connected ${name} ${first} 1`, `disconnected ${name} no 0displaced`);
      assert.equal(await closed, 'displaced');
    }
  });

  it('end with the session, and are told nothing of its end', async () => {
    install(`${ADMIN}/tell`, `echo $$ > ${TOLD}; exec sleep infinity`);
    run('loginctl', 'enable-linger', 'alice');
    await connect('laptop');
    const pid = await told.next();
    await endSessions(admin);
    run('tail', `--pid=${pid}`, '--follow', '/dev/null');
    run('loginctl', 'disable-linger', 'alice');
    path = await objects(admin.bus).root.methods.createSession('alice', { desktop: 'fake' });
    install(`${ADMIN}/tell`, tell);
    await connect('laptop');
    await told.are('connected laptop yes 1');
  });

  it('go on when the agent dies, and the next one tells who left with it', async () => {
    install(`${ADMIN}/tell`, `${tell}; [ $1 = disconnected ] || { read line < ${GO}; echo done > ${TOLD}; }`);
    const lost = (await connect('laptop')).closed();
    await objects(alice.bus).session(path).property('State');
    await told.are('connected laptop yes 1');
    runAsUser('alice', 'systemctl', '--user', 'kill', '-s', 'KILL', `remote-access-agent@${path.slice(-8)}.service`);
    assert.equal(await lost, 'session-ended');
    await connect('again');
    assert.equal(units().length, 1);
    writeFileSync(GO, 'go\n');
    await told.are('done', 'disconnected laptop no 0session-ended', 'connected again no 1');
    writeFileSync(GO, 'go\n');
    await told.are('done');
  });

  it('are neither run twice nor left out when the daemon is killed', async () => {
    install(`${ADMIN}/tell`, `${tell}; [ $REMOTE_ACCESS_FIRST = no ] || read line < ${GO}`);
    const tool = await toolAs('alice');
    await connect('laptop', {}, tool);
    await told.are('connected laptop yes 1');
    for (const leaves of [undefined, tool]) {
      await using owners = await Owners.watch(admin.bus);
      process.kill(mainPid(), 'SIGKILL');
      await leaves?.[Symbol.asyncDispose]();
      await owners.until(({ exits, now }) => exits > 0 && now !== '');
    }
    await connect('next');
    writeFileSync(GO, 'go\n');
    await told.are('disconnected laptop no 0closed', 'connected next no 1');
  });

  it('are not run where it is configured so', async () => {
    settings('[Session]\nHookTimeout=0\n');
    install(`${ADMIN}/tell`, tell);
    await connectAndClose('unheard');
    settings('');
    await connect('heard');
    await told.are('connected heard no 1');
  });
});
