import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { rmSync } from 'node:fs';
import { run } from './fixture.js';

/** Gates of PAM modules (test/pam/probe.c) and of agents, as USER.NAME. */
export const GATES = '/run/gates';

/** A point at which a process waits, however long: a FIFO that it reads to its end. */
export class Gate implements Disposable {
  /** Fulfilled when somebody waits there. */
  readonly reached: Promise<unknown>;
  readonly #path: string;
  readonly #writer: ChildProcess;

  constructor(path: string) {
    this.#path = path;
    run('mkfifo', '--mode=666', path);
    // In a process of its own: opening a FIFO blocks until somebody reads it.
    this.#writer = spawn('sh', ['-c', 'exec 3>"$0"; echo reached; read -r _', path], {
      stdio: ['pipe', 'pipe', 'inherit'],
    });
    this.#writer.stdin?.on('error', () => {});
    this.reached = once(this.#writer.stdout ?? this.#writer, 'data');
    this.reached.catch(() => {});
  }

  /** Lets who waits there go on, and everybody who comes later. */
  open(): void {
    rmSync(this.#path, { force: true });
    this.#writer.stdin?.end();
  }

  [Symbol.dispose](): void {
    this.open();
    this.#writer.kill();
  }
}
