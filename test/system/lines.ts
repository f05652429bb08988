import assert from 'node:assert/strict';
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';

/** Nothing that a test waits for takes so long, not even a desktop's start on a busy machine. */
const DEADLINE = 20_000;

export type Line = Record<string, unknown>;

/** A process that prints lines of JSON: each stays here until somebody waited for it. */
export class Lines implements AsyncDisposable {
  readonly process: ChildProcess;
  readonly #unread: Line[] = [];
  #arrived: () => void = () => {};
  #ended = false;

  constructor(process: ChildProcess) {
    this.process = process;
    if (process.stdout === null) throw new TypeError('stdout is no pipe');
    const lines = createInterface({ input: process.stdout });
    lines.on('line', (line) => {
      this.#unread.push(JSON.parse(line));
      this.#arrived();
    });
    lines.on('close', () => {
      this.#ended = true;
      this.#arrived();
    });
  }

  /** The first unread line that matches; those before it stay. Fails with what there is if none comes. */
  async next(matches: (line: Line) => boolean, what = matches.toString()): Promise<Line> {
    const deadline = setTimeout(() => this.#arrived(), DEADLINE);
    try {
      for (const end = Date.now() + DEADLINE; ; ) {
        const index = this.#unread.findIndex(matches);
        if (index >= 0) return this.#unread.splice(index, 1)[0] as Line;
        assert.ok(!this.#ended, `the process ended before it said ${what}`);
        const heard = this.#unread.map((line) => JSON.stringify(line)).join('\n');
        assert.ok(Date.now() < end, `the process did not say ${what}, only\n${heard}`);
        await this.#news();
      }
    } finally {
      clearTimeout(deadline);
    }
  }

  #news(): Promise<void> {
    return new Promise((resolve) => {
      const before = this.#arrived;
      this.#arrived = () => {
        this.#arrived = () => {};
        before();
        resolve();
      };
    });
  }

  /** Takes all unread lines that match. */
  take(matches: (line: Line) => boolean): Line[] {
    const taken = this.#unread.filter(matches);
    for (const line of taken) this.#unread.splice(this.#unread.indexOf(line), 1);
    return taken;
  }

  send(command: object): void {
    this.process.stdin?.write(`${JSON.stringify(command)}\n`);
  }

  async kill(signal: NodeJS.Signals = 'SIGKILL'): Promise<void> {
    if (this.process.exitCode !== null || this.process.signalCode !== null) return;
    const exited = once(this.process, 'exit');
    this.process.kill(signal);
    await exited;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.kill();
  }
}
