import { type ChildProcess, execFile, type StdioOptions, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { setTimeout as delay } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';

const scripts = fileURLToPath(new URL('.', import.meta.url));

/** A Debian 13 with GNOME boots in under a second; a loaded machine with two of them may take a few. */
const BOOT_DEADLINE_MS = 60_000;
const CONSOLE_LINES = 100;

export type Finished = { status: number | null; stdout: string; stderr: string };

export type BootOptions = {
  /** What is installed beyond Debian: the project, unless a test installs it itself. */
  installed?: 'project' | 'nothing';
  /** A program that is given the path of the file system before it boots, to change it as a maker of images would. */
  prepare?: string;
};

export type CommandOptions = {
  /** Runs the command in a logind session of this user; otherwise it is a system service of root. */
  user?: string;
  stdio?: StdioOptions;
  /** Gives it a terminal, which standard input has to be, too. */
  terminal?: boolean;
};

/** What must be gone before an interrupted process ends. */
const running = new Set<AsyncDisposable>();

for (const [name, number] of [
  ['SIGINT', 2],
  ['SIGTERM', 15],
] as const) {
  process.once(name, async () => {
    await Promise.all([...running].map((one) => one[Symbol.asyncDispose]()));
    process.exit(128 + number);
  });
}

/** The cache entry of the root file system, built if necessary, which takes minutes; progress goes to standard error. */
export async function rootFileSystem(): Promise<string> {
  const build = spawn('setpriv', ['--pdeathsig', 'TERM', join(scripts, 'rootfs.sh')], {
    detached: true,
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const exited = once(build, 'exit');
  const stop = {
    async [Symbol.asyncDispose]() {
      build.kill();
      await exited;
    },
  };
  running.add(stop);
  try {
    let entry = '';
    build.stdout.setEncoding('utf8').on('data', (text: string) => {
      entry += text;
    });
    const [status] = (await once(build, 'close')) as [number | null];
    if (status !== 0) throw new Error('the Debian 13 root file system could not be built');
    return entry.trim();
  } finally {
    running.delete(stop);
  }
}

/**
 * A booted Debian 13 with the project installed, and the repository at /src, read-only, without a network. What it
 * writes stays over reboots and is gone with it. Nothing of it outlives this process, however this process ends.
 */
export class Container implements AsyncDisposable {
  readonly #supervisor: ChildProcess;
  readonly #exited: Promise<unknown>;
  readonly #console: string[] = [];
  #cgroup = '';
  #leader = '';

  private constructor(entry: string, { installed = 'project', prepare = '' }: BootOptions) {
    // A session of its own keeps Ctrl-C from the terminal away: this process decides when the container ends.
    this.#supervisor = spawn(join(scripts, 'container.sh'), [entry, installed, prepare], {
      detached: true,
      stdio: 'pipe',
    });
    this.#exited = once(this.#supervisor, 'exit');
    running.add(this);
    for (const stream of [this.#supervisor.stdout, this.#supervisor.stderr]) {
      if (stream === null) continue;
      createInterface(stream).on('line', (line) => {
        if (this.#cgroup === '' && stream === this.#supervisor.stdout) this.#cgroup = line;
        else if (this.#console.push(line) > CONSOLE_LINES) this.#console.shift();
      });
    }
  }

  /** Boots a new container; resolves when everything in it is started. */
  static async boot(options: BootOptions = {}): Promise<Container> {
    const container = new Container(await rootFileSystem(), options);
    try {
      await container.#started();
    } catch (error) {
      await container[Symbol.asyncDispose]();
      throw error;
    }
    return container;
  }

  /** The folder of the cgroup with all of its processes; it goes when they are gone. */
  get cgroup(): string {
    return this.#cgroup;
  }

  /** Starts a command. Its kill() ends the waiting for it, and the container's end ends the command. */
  spawn(command: readonly string[], options: CommandOptions = {}): ChildProcess {
    const identity =
      options.user === undefined ? ['--uid=root'] : [`--uid=${options.user}`, '--property=PAMName=login'];
    // A unit of its own: nsenter alone would leave the command in a cgroup of the host, unknown to logind and systemd.
    const io = options.terminal ? '--pty' : '--pipe';
    const unit = ['systemd-run', '--quiet', io, '--wait', '--collect', '--property=WorkingDirectory=/src'];
    const [file, args] = this.#enter([...unit, ...identity, '--', ...command]);
    return spawn(file, args, { stdio: options.stdio ?? ['ignore', 'pipe', 'pipe'] });
  }

  /** Runs a command to its end. */
  async run(command: readonly string[], options: Omit<CommandOptions, 'stdio'> = {}): Promise<Finished> {
    const child = this.spawn(command, options);
    const output = { stdout: '', stderr: '' };
    child.stdout?.setEncoding('utf8').on('data', (text: string) => (output.stdout += text));
    child.stderr?.setEncoding('utf8').on('data', (text: string) => (output.stderr += text));
    const [status] = (await once(child, 'close')) as [number | null];
    return { status, ...output };
  }

  /** The contents of a file. */
  async readFile(path: string): Promise<Buffer> {
    const [file, args] = this.#enter(['cat', '--', path]);
    return new Promise((resolve, reject) => {
      execFile(file, args, { encoding: 'buffer', maxBuffer: 1 << 28 }, (error, stdout) =>
        error === null ? resolve(stdout) : reject(error),
      );
    });
  }

  /** Shuts down and boots again with the same disk. */
  async reboot(): Promise<void> {
    await this.run(['systemctl', 'reboot']);
    await this.#started();
  }

  /** Shuts down in order, as opposed to disposing, which is pulling the plug. */
  async powerOff(): Promise<void> {
    await this.run(['systemctl', 'poweroff']);
    await this.#exited;
    running.delete(this);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#supervisor.stdin?.end();
    await this.#exited;
    running.delete(this);
  }

  /** A command line that runs a command in the container's namespaces. */
  #enter(command: readonly string[]): [string, string[]] {
    const namespaces = ['--mount', '--uts', '--ipc', '--net', '--pid', '--cgroup', '--root', '--wd'];
    return ['nsenter', ['--target', this.#leader, ...namespaces, '--', ...command]];
  }

  /** Waits until a new first process has started everything. */
  async #started(): Promise<void> {
    const previous = this.#leader;
    for (const end = Date.now() + BOOT_DEADLINE_MS; Date.now() < end; await delay(20)) {
      if (this.#supervisor.exitCode !== null || this.#supervisor.signalCode !== null) break;
      const leader = this.#firstProcess();
      if (leader === '' || leader === previous) continue;
      this.#leader = leader;
      const state = await this.#quietly(['systemctl', 'is-system-running', '--wait']);
      if (state !== 'running' && state !== 'degraded') continue;
      // nspawn offers no device for FUSE, and the document portal insists on it.
      await this.#quietly(['mknod', '--mode=666', '/dev/fuse', 'c', '10', '229']);
      return;
    }
    throw new Error(`the container did not boot:\n${this.#console.join('\n')}`);
  }

  /** The container's process 1 as numbered here, or nothing before it is there. */
  #firstProcess(): string {
    try {
      return readFileSync(join(this.#cgroup, 'payload/init.scope/cgroup.procs'), 'utf8').split('\n')[0] ?? '';
    } catch {
      return '';
    }
  }

  /** What a command says; while the container starts it may say nothing and fail. */
  async #quietly(command: readonly string[]): Promise<string> {
    const [file, args] = this.#enter(command);
    return new Promise((resolve) => execFile(file, args, (_error, stdout) => resolve(stdout.trim())));
  }
}
