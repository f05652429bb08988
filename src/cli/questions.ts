import { createInterface, type Interface } from 'node:readline';
import { Writable } from 'node:stream';
import { isatty } from 'node:tty';
import { visible } from './table.js';
import { UsageError } from './usage-error.js';
import { STDERR, STDIN, write } from './write.js';

/**
 * What a login asks: put to the person at our terminal, who types secrets unseen; without a terminal each line of
 * standard input is the next answer, and questions are not shown.
 */
export class Questions implements Disposable {
  readonly #person: boolean;
  readonly #lines: Interface;
  readonly #given: string[] = [];
  #hidden = false;
  #ended = false;
  #waiting: (() => void) | undefined;

  constructor() {
    this.#person = isatty(STDIN);
    const echo = new Writable({
      write: (chunk, _encoding, done) => {
        if (!this.#hidden) write(STDERR, chunk.toString());
        done();
      },
    });
    // Readline's terminal: it turns the terminal's own echo off, and lets people correct what they typed.
    this.#lines = createInterface({ input: process.stdin, output: echo, terminal: this.#person, historySize: 0 });
    this.#lines.on('line', (line) => {
      this.#given.push(line);
      this.#waiting?.();
    });
    this.#lines.on('close', () => {
      this.#ended = true;
      this.#waiting?.();
    });
    this.#lines.on('SIGINT', () => {
      this[Symbol.dispose]();
      write(STDERR, '\n');
      process.kill(process.pid, 'SIGINT');
    });
  }

  /** The answer to a question of the style `secret` or `visible`; undefined to what is only said. */
  async ask(style: string, message: string): Promise<string | undefined> {
    const question = style === 'secret' || style === 'visible';
    if (!question) write(STDERR, `${visible(message)}\n`);
    if (!question) return undefined;
    if (this.#person) {
      this.#hidden = false;
      this.#lines.setPrompt(visible(message));
      this.#lines.prompt();
      this.#hidden = style === 'secret';
    }
    while (this.#given.length === 0 && !this.#ended) await new Promise<void>((wake) => (this.#waiting = wake));
    if (this.#person && style === 'secret') write(STDERR, '\n');
    const answer = this.#given.shift();
    if (answer === undefined) throw new UsageError(`nobody answered '${visible(message).trim()}'`, 'login');
    return answer;
  }

  [Symbol.dispose](): void {
    this.#lines.close();
  }
}
