import { InvalidArgs } from '../errors.js';

/** Bytes of an answer, and of a password: PAM_MAX_RESP_SIZE of Linux-PAM. */
const LONGEST = 512;

/** Messages that a client may still acknowledge. */
const MOST_TOLD = 64;

export type PromptStyle = 'secret' | 'visible' | 'info' | 'error';

/** Throws InvalidArgs for an answer that PAM would not take. `what` is how the error calls it. */
export function checkAnswer(answer: string, what: string): void {
  if (answer.includes('\0')) throw new InvalidArgs(`${what} holds a NUL character`);
  if (Buffer.byteLength(answer) > LONGEST) throw new InvalidArgs(`${what} is longer than ${LONGEST} bytes`);
}

/** The questions of one login, and who waits for their answers. One question is open at a time. */
export class Prompts {
  readonly #send: (id: number, style: PromptStyle, text: string) => void;
  #last = 0;
  #open: { id: number; answered: (answer: string) => void } | undefined;
  /** Messages that nobody acknowledged yet. */
  readonly #told = new Set<number>();
  readonly #watching: (() => void)[] = [];

  constructor(send: (id: number, style: PromptStyle, text: string) => void) {
    this.#send = send;
  }

  /** Whether there was anything to respond to. */
  get used(): boolean {
    return this.#last > 0;
  }

  /** Resolves when the next question is asked. */
  asked(): Promise<void> {
    return new Promise((resolve) => this.#watching.push(resolve));
  }

  /** Resolves with the answer; rejects when nobody will answer any more. */
  async ask(style: 'secret' | 'visible', text: string, signal: AbortSignal): Promise<string> {
    signal.throwIfAborted();
    const id = ++this.#last;
    let gone: () => void = () => {};
    try {
      return await new Promise<string>((answered, reject) => {
        gone = () => reject(signal.reason);
        signal.addEventListener('abort', gone);
        this.#open = { id, answered };
        this.#send(id, style, text);
        for (const resolve of this.#watching.splice(0)) resolve();
      });
    } finally {
      this.#open = undefined;
      signal.removeEventListener('abort', gone);
    }
  }

  /** Shows a message. Whether it is acknowledged makes no difference. */
  tell(style: 'info' | 'error', text: string): void {
    this.#told.add(++this.#last);
    for (const oldest of this.#told) {
      if (this.#told.size <= MOST_TOLD) break;
      this.#told.delete(oldest);
    }
    this.#send(this.#last, style, text);
  }

  /** Takes an answer. InvalidArgs loses nothing: the question stays open. */
  respond(id: number, answer: string): void {
    checkAnswer(answer, 'the answer');
    if (this.#told.has(id)) {
      if (answer !== '') throw new InvalidArgs(`prompt ${id} is a message: its answer is empty`);
      this.#told.delete(id);
      return;
    }
    if (this.#open?.id !== id) throw new InvalidArgs(`no prompt ${id} waits for an answer`);
    const { answered } = this.#open;
    this.#open = undefined;
    answered(answer);
  }
}
