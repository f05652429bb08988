import assert from 'node:assert/strict';
import { type ChildProcess, execFileSync, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, closeSync, existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import type { Readable, Writable } from 'node:stream';
import { fileURLToPath } from 'node:url';
import { READABLE, receive, socketPair, Watch } from '../../src/bus/native/descriptors.js';
import type { Command } from './clients/pipewire-client.js';

const USER = 'alice';
const UNIT = 'pipewire-test-compositor.service';
const root = fileURLToPath(new URL('../..', import.meta.url));
const client = (name: string) => fileURLToPath(new URL(`clients/${name}`, import.meta.url));

/** A process that answers every line with a line of JSON. */
class Dialogue {
  readonly process: ChildProcess;
  readonly #input: Writable;
  readonly #answers: AsyncIterator<string>;

  constructor(process: ChildProcess) {
    this.process = process;
    this.#input = process.stdin as Writable;
    this.#answers = createInterface({ input: process.stdout as Readable })[Symbol.asyncIterator]();
  }

  async next(): Promise<Record<string, unknown>> {
    const { value, done } = await this.#answers.next();
    assert.ok(!done, 'the process ended');
    return JSON.parse(value);
  }

  ask(line: string) {
    this.#input.write(`${line}\n`);
    return this.next();
  }

  async end() {
    if (this.process.exitCode !== null || this.process.signalCode !== null) return;
    const exited = once(this.process, 'exit');
    this.#input.end();
    await exited;
  }
}

/** The command line that runs another one as the session's user, in the reach of their bus and PipeWire. */
function asUser(command: string[]) {
  const id = execFileSync('id', ['-u', USER], { encoding: 'utf8' }).trim();
  const runtime = `/run/user/${id}`;
  const env = [`XDG_RUNTIME_DIR=${runtime}`, `DBUS_SESSION_BUS_ADDRESS=unix:path=${runtime}/bus`, 'NO_COLOR=1'];
  return ['setpriv', `--reuid=${USER}`, `--regid=${USER}`, '--init-groups', 'env', ...env, ...command] as const;
}

function startAsUser(command: string[], stdio: ('pipe' | 'inherit' | number)[] = ['pipe', 'pipe', 'inherit']) {
  const [program, ...args] = asUser(command);
  return spawn(program, args, { cwd: root, stdio });
}

async function descriptorFrom(socket: number): Promise<number> {
  const fds: number[] = [];
  await new Promise<void>((resolve) => {
    const watch = new Watch(
      socket,
      () => {
        receive(socket, Buffer.alloc(16), fds);
        watch[Symbol.dispose]();
        resolve();
      },
      READABLE,
    );
  });
  const [fd] = fds;
  assert.ok(fd !== undefined, 'no descriptor came');
  return fd;
}

/** What a process of user nobody gets from a node through this descriptor: the bytes of its output file. */
function watchAsNobody(fd: number, node: number, pipeline: string[], seconds: number): Buffer | undefined {
  const folder = mkdtempSync(join(tmpdir(), 'watch-'));
  chmodSync(folder, 0o777);
  const output = join(folder, 'output');
  const source = ['pipewiresrc', 'fd=3', `path=${node}`, 'num-buffers=1', '!'];
  const gst = ['gst-launch-1.0', '-q', ...source, ...pipeline, '!', 'filesink', `location=${output}`];
  spawnSync('setpriv', ['--reuid=nobody', '--regid=nogroup', '--clear-groups', 'timeout', `${seconds}`, ...gst], {
    stdio: ['ignore', 'ignore', 'ignore', fd],
    env: { PATH: process.env.PATH, HOME: folder },
  });
  const bytes = existsSync(output) ? readFileSync(output) : undefined;
  rmSync(folder, { recursive: true });
  return bytes?.length ? bytes : undefined;
}

const PICTURE = ['videoconvert', '!', 'pngenc'];
const SOUND = ['audioconvert'];
/** In seconds. Where nothing may come, this long, or three times as long as it took where something did. */
const SHORTEST_WAIT = 4;
const LONGEST_WAIT = 40;

describe('PipeWire', function () {
  this.timeout(200_000);
  let monitors: Dialogue;
  let pipeWire: Dialogue;
  let microphone: ChildProcess;
  let socket: number;
  let first: number;
  let second: number;

  const command = (what: Command) => pipeWire.ask(JSON.stringify(what));
  const negotiate = (...jobs: [number, number, number, number][]) => command({ do: 'negotiate', jobs });
  const sizes = async () => (await monitors.ask('')).monitors;
  const errorOf = async (answer: Promise<Record<string, unknown>>) => (await answer).error;
  const confine = async (nodes: number[]) => {
    const answer = await command({ do: 'confine', nodes });
    assert.equal(answer.error, undefined, String(answer.message));
    return descriptorFrom(socket);
  };
  const confinedTo = async (nodes: number[], node: number, pipeline: string[], seconds: number) => {
    const fd = await confine(nodes);
    try {
      return watchAsNobody(fd, node, pipeline, seconds);
    } finally {
      closeSync(fd);
    }
  };
  /** What comes through the right descriptor; then, that nothing comes through the wrong ones in much more time. */
  const reachedOnlyBy = async (node: number, pipeline: string[], wrong: number[][]) => {
    const start = performance.now();
    const bytes = await confinedTo([node], node, pipeline, LONGEST_WAIT);
    assert.ok(bytes !== undefined, `nothing came from node ${node}`);
    const wait = Math.max(SHORTEST_WAIT, Math.ceil((3 * (performance.now() - start)) / 1000));
    for (const nodes of wrong) assert.equal(await confinedTo(nodes, node, pipeline, wait), undefined);
    return bytes;
  };

  function startPipeWire() {
    const [ours, theirs] = socketPair();
    socket = ours;
    const node = [process.execPath, '--import', 'tsx', client('pipewire-client.ts')];
    pipeWire = new Dialogue(startAsUser(node, ['pipe', 'pipe', 'inherit', theirs]));
    closeSync(theirs);
  }

  function findNode(name: string): number | undefined {
    const [program, ...args] = asUser(['pw-dump']);
    const objects: { id: number; type: string; info?: { props?: Record<string, unknown> } }[] = JSON.parse(
      execFileSync(program, args, { encoding: 'utf8' }),
    );
    return objects.find(({ type, info }) => type.endsWith(':Node') && info?.props?.['node.name'] === name)?.id;
  }

  before(async () => {
    // Type=exec: the login is complete, and the user's bus there, when systemd-run returns.
    const session = [
      '-p',
      'Type=exec',
      '-p',
      'PAMName=login',
      '-E',
      'XDG_SESSION_TYPE=wayland',
      '-E',
      'XDG_SESSION_CLASS=user',
    ];
    const compositor = ['-E', 'XDG_CURRENT_DESKTOP=GNOME', 'mutter', '--headless', '--wayland', '--no-x11'];
    // exec: the start is over when PAM has made the session, and with it the user's bus.
    execFileSync('systemd-run', [
      '-q',
      '--service-type=exec',
      `--unit=${UNIT}`,
      '--collect',
      `--uid=${USER}`,
      ...session,
      ...compositor,
    ]);
    monitors = new Dialogue(startAsUser(['python3', client('virtual-monitors.py'), 'first', 'second']));
    [first, second] = (await monitors.next()).nodes as [number, number];
    startPipeWire();
  });

  after(async () => {
    microphone?.kill();
    await pipeWire?.end();
    await monitors?.end();
    if (socket !== undefined) closeSync(socket);
    spawnSync('systemctl', ['stop', UNIT]);
  });

  it('makes the monitor of a stream by negotiating a size', async () => {
    assert.deepEqual(await sizes(), []);
    assert.deepEqual(await negotiate([first, 1280, 720, 60]), {});
    assert.deepEqual(await sizes(), [['Meta-0', 1280, 720, 60]]);
  });

  it('resizes ten times', async () => {
    for (let turn = 0; turn < 10; turn++) {
      await negotiate([first, 1000 + turn, 700, 60]);
      assert.deepEqual(await sizes(), [['Meta-0', 1000 + turn, 700, 60]]);
    }
  });

  it('negotiates several streams at once', async () => {
    assert.deepEqual(await negotiate([first, 800, 600, 60], [second, 1024, 768, 30]), {});
    assert.deepEqual(await sizes(), [
      ['Meta-0', 800, 600, 60],
      ['Meta-1', 1024, 768, 30],
    ]);
  });

  it('leaves no consumer behind: a layout may drop the monitor at once', async () => {
    for (let turn = 0; turn < 5; turn++) {
      await negotiate([second, 1024 + turn, 768, 30]);
      assert.deepEqual((await monitors.ask('leave-out Meta-1')).monitors, [['Meta-0', 800, 600, 60]]);
    }
  });

  it('names the error of a node that is not there, and of one that shows no pictures', async () => {
    for (const node of [0, 4294967295, 4294967294, 999_999])
      assert.equal(await errorOf(negotiate([node, 640, 480, 60])), 'SessionFailed', `${node}`);
    assert.equal(await errorOf(negotiate([-1, 640, 480, 60])), 'InvalidArgs');
    assert.equal(await errorOf(negotiate([first, 0, 480, 60])), 'NotSupported');
    assert.equal(await errorOf(negotiate([first, 16385, 480, 60])), 'NotSupported');
    assert.equal(await errorOf(negotiate([first, 640, 480, 1001])), 'NotSupported');
    assert.equal(await errorOf(command({ do: 'confine', nodes: [first, 999_999] })), 'SessionFailed');
    assert.equal(await errorOf(command({ do: 'abort', node: first })), 'SessionFailed');
    assert.deepEqual(await negotiate([first, 640, 480, 60]), {});
  });

  it('keeps no descriptor after 200 negotiations and 200 confined connections', async () => {
    assert.deepEqual(await command({ do: 'repeat', node: first, times: 200 }), { result: 0 });
  });

  it('gives another user the picture of the node it is confined to, and of no other', async () => {
    await negotiate([first, 1280, 720, 60], [second, 1024, 768, 60]);
    const picture = await reachedOnlyBy(first, PICTURE, [[second], []]);
    assert.equal(picture.toString('latin1', 1, 4), 'PNG');
    assert.deepEqual([picture.readUInt32BE(16), picture.readUInt32BE(20)], [1280, 720]);
  });

  it('does not reach the microphone unless it is confined to it', async () => {
    const properties =
      '{ factory.name=support.null-audio-sink node.name=test-microphone media.class=Audio/Source/Virtual ' +
      'object.linger=true audio.position=[FL FR] }';
    microphone = startAsUser(['pw-cli', '-m', 'create-node', 'adapter', properties], ['pipe', 'pipe', 'inherit']);
    let node: number | undefined;
    while (node === undefined) node = findNode('test-microphone');
    await reachedOnlyBy(node, SOUND, [[first]]);
    assert.equal(await errorOf(negotiate([node, 640, 480, 60])), 'NotSupported');
  });

  it('says when the daemon goes away', async () => {
    const closed = command({ do: 'await-close' });
    const [program, ...args] = asUser(['systemctl', '--user', 'restart', 'pipewire.service']);
    execFileSync(program, args);
    assert.deepEqual(await closed, {});
    assert.equal(await errorOf(negotiate([first, 640, 480, 60])), 'SessionFailed');
  });
});
