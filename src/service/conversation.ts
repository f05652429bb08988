import { setTimeout as delay } from 'node:timers/promises';
import type { Account, Authenticated, Worker } from '../login/worker.js';
import type { Prompts } from './prompts.js';

/**
 * Strangers hear something only at whole multiples of these, in milliseconds since they last said something, so that
 * the time it took PAM tells them nothing. PAM needs much less, and Linux-PAM's own delay after a failure is 2 s too.
 */
const PROMPT_GRID = 250;
const FAILURE_GRID = 2000;

/** What pam_get_authtok(3) asks: for refusals before PAM asked anything, as of accounts that are locked. */
const USUAL_QUESTION = 'Password: ';

export type ConversationOptions = {
  readonly prompts: Prompts;
  /** Answers the first question for a secret. */
  readonly password: string | undefined;
  /** Nobody is there any more. */
  readonly signal: AbortSignal;
  /** When the client began it, as performance.now() counts. */
  readonly begun: number;
};

/** Stands between PAM, which authenticates somebody in a worker, and the person at the client. */
export class Conversation {
  readonly #worker: Worker;
  readonly #prompts: Prompts;
  readonly #signal: AbortSignal;
  #password: string | undefined;
  /** When the client last said something. */
  #heard: number;
  /** Whether the client has said all that it is usually asked for. */
  #asked: boolean;
  #trusted = false;
  /** Takes back what is asked when PAM is over: a worker may die while it waits. */
  readonly #over = new AbortController();
  /** What was said goes out in order. */
  #said: Promise<unknown> = Promise.resolve();

  constructor(worker: Worker, { prompts, password, signal, begun }: ConversationOptions) {
    this.#worker = worker;
    this.#prompts = prompts;
    this.#signal = signal;
    this.#password = password;
    this.#asked = password !== undefined;
    this.#heard = begun;
    const tell = (style: 'info' | 'error', text: string) => this.#say(async () => prompts.tell(style, text));
    worker.on('prompt', (style, text) => this.#answer(style, text));
    worker.on('message', tell);
    signal.addEventListener('abort', () => worker.off('message', tell), { once: true });
  }

  /** Throws as `authenticate` of the worker does, or the signal's reason. */
  async authenticate(account: Account): Promise<Authenticated> {
    const authenticated = await this.#worker.authenticate(account, { signal: this.#signal });
    this.#trusted = true;
    await this.#said;
    return authenticated;
  }

  /** Resolves when a stranger may be told that it failed: after the usual question, at the usual time. */
  async refusal(): Promise<void> {
    this.#over.abort();
    await this.#said;
    if (!this.#asked) await this.#say(() => this.#ask('secret', USUAL_QUESTION, this.#signal));
    await this.#tick(FAILURE_GRID);
  }

  #answer(style: 'secret' | 'visible', text: string): void {
    const password = style === 'secret' ? this.#password : undefined;
    if (password === undefined) {
      const signal = AbortSignal.any([this.#signal, this.#over.signal]);
      void this.#say(async () => this.#worker.answer(await this.#ask(style, text, signal)));
    } else {
      this.#password = undefined;
      this.#worker.answer(password);
    }
  }

  async #ask(style: 'secret' | 'visible', text: string, signal: AbortSignal): Promise<string> {
    signal.throwIfAborted();
    this.#asked = true;
    const answer = await this.#prompts.ask(style, text, signal);
    this.#heard = performance.now();
    return answer;
  }

  /** Whoever is gone does not hear it. */
  #say(action: () => Promise<unknown>): Promise<unknown> {
    const due = this.#trusted ? undefined : this.#tick(PROMPT_GRID);
    this.#said = Promise.all([this.#said, due])
      .then(action)
      .catch((error) => {
        if (!this.#signal.aborted && !this.#over.signal.aborted) console.error(error);
      });
    return this.#said;
  }

  async #tick(grid: number): Promise<void> {
    const passed = (performance.now() - this.#heard) % grid;
    await delay(grid - passed, undefined, { signal: this.#signal }).catch(() => this.#signal.throwIfAborted());
  }
}
