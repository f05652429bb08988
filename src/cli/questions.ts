import { createInterface, type Interface } from 'node:readline';
import { Writable } from 'node:stream';
import { isatty } from 'node:tty';
import { visible } from './table.js';
import { UsageError } from './usage-error.js';
import { STDERR, STDIN, write } from './write.js';

/**
 * Characters: what is longer is kept aside, because readline needs ever longer for each one more. No answer of that
 * length is taken by anybody.
 */
const LONG = 1024;

/**
 * What a login asks: put to the person at our terminal, who types secrets unseen; without a terminal each line of
 * standard input is the next answer, and questions are not shown.
 */
export class Questions implements Disposable {
  /** Whether there is a person, who may be asked again. */
  readonly person: boolean;
  readonly #lines: Interface;
  readonly #given: string[] = [];
  /** The beginning of a line that is too long. */
  #excess = '';
  /** Also between questions: what is typed then is not for anybody's eyes. */
  #hidden = true;
  #ended = false;
  #wake: () => void = () => {};

  constructor() {
    this.person = isatty(STDIN);
    const echo = new Writable({
      write: (chunk, _encoding, done) => {
        if (!this.#hidden) write(STDERR, chunk.toString());
        done();
      },
    });
    // Readline's terminal: it turns the terminal's own echo off, and lets people correct what they typed. Node.js turns
    // it on again however the process ends, unless by SIGKILL.
    this.#lines = createInterface({ input: process.stdin, output: echo, terminal: this.person, historySize: 0 });
    this.#lines.on('line', (line) => {
      this.#given.push(this.#excess + line);
      this.#excess = '';
      this.#wake();
    });
    if (this.person) process.stdin.on('keypress', () => this.#shorten());
    this.#lines.on('close', () => {
      this.#ended = true;
      this.#wake();
    });
    this.#lines.on('SIGINT', () => {
      this[Symbol.dispose]();
      write(STDERR, '\n');
      process.kill(process.pid, 'SIGINT');
    });
  }

  /**
   * The answer to a question of the style `secret` or `visible`; undefined to what is only said, and when the question is
   * over. Texts may be anybody's: nothing of them but letters reaches the terminal.
   */
  async ask(style: string, message: string, over?: AbortSignal): Promise<string | undefined> {
    const asks = style === 'secret' || style === 'visible';
    const said = (asks ? message : message.trimEnd()).split('\n');
    const question = asks ? visible(said.pop() ?? '') : '';
    if (this.person || !asks) for (const line of said) write(STDERR, `${visible(line)}\n`);
    if (!asks || over?.aborted) return undefined;
    if (this.person) this.#show(question, style === 'secret');
    const gone = () => this.#wake();
    over?.addEventListener('abort', gone);
    while (this.#given.length === 0 && !this.#ended && !over?.aborted)
      await new Promise<void>((wake) => {
        this.#wake = wake;
      });
    over?.removeEventListener('abort', gone);
    const unseen = this.#hidden || this.#given.length === 0;
    this.#hidden = true;
    // What was typed has ended the line, if it was shown.
    if (this.person && unseen) write(STDERR, '\n');
    if (over?.aborted) return undefined;
    const answer = this.#given.shift();
    if (answer === undefined) throw new UsageError(`nobody answered '${question.trim()}'`, 'login');
    return answer;
  }

  [Symbol.dispose](): void {
    this.#lines.close();
  }

  #shorten(): void {
    if (this.#lines.line.length < LONG) return;
    const excess = this.#excess + this.#lines.line;
    this.#clear();
    this.#excess = excess;
  }

  #clear(): void {
    this.#excess = '';
    this.#lines.write(null, { ctrl: true, name: 'e' });
    this.#lines.write(null, { ctrl: true, name: 'u' });
  }

  /** Nobody can have answered before: what was typed until now is forgotten. */
  #show(question: string, secret: boolean): void {
    this.#clear();
    this.#given.length = 0;
    const ask = () => {
      // The line is shown with the question.
      if (secret) this.#clear();
      this.#hidden = false;
      this.#lines.setPrompt(question);
      this.#lines.prompt(true);
      this.#hidden = secret;
    };
    // After Ctrl-Z and fg.
    this.#lines.removeAllListeners('SIGCONT').on('SIGCONT', ask);
    ask();
  }
}
