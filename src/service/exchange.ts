import { Busy, InvalidArgs, MethodNotOffered } from '../errors.js';

/** Bytes of a message: what Windows sends at most (MaxTokenSize), and what fits into a worker's line. */
const LONGEST = 48_000;

type Step = { resolve: (output: Buffer) => void; reject: (error: unknown) => void };

/** The messages of a GSSAPI conversation, the client's and what it is answered, one at a time. */
export class Exchange {
  /** Takes the message that is waited for. */
  #receive: ((input: Buffer) => void) | undefined;
  /** The message that waits for its answer. */
  #step: Step | undefined;
  readonly #watching: (() => void)[] = [];

  /** Resolves when the next message is waited for. */
  asked(): Promise<void> {
    return new Promise((resolve) => this.#watching.push(resolve));
  }

  /** The client's message; resolves with the answer. InvalidArgs, Busy and MethodNotOffered lose nothing. */
  step(input: Buffer): Promise<Buffer> {
    if (this.#step !== undefined) throw new Busy('the message before is not answered yet');
    if (this.#receive === undefined) throw new MethodNotOffered('no GSSAPI exchange is open');
    if (input.length === 0 || input.length > LONGEST)
      throw new InvalidArgs(`a message has 1 to ${LONGEST} bytes, not ${input.length}`);
    const answered = new Promise<Buffer>((resolve, reject) => {
      this.#step = { resolve, reject };
    });
    this.#receive(input);
    return answered;
  }

  /** Waits for the client's next message; rejects when there will be none. */
  async receive(signal: AbortSignal): Promise<Buffer> {
    signal.throwIfAborted();
    let gone: () => void = () => {};
    try {
      return await new Promise<Buffer>((resolve, reject) => {
        gone = () => reject(signal.reason);
        signal.addEventListener('abort', gone);
        this.#receive = resolve;
        for (const asked of this.#watching.splice(0)) asked();
      });
    } finally {
      this.#receive = undefined;
      signal.removeEventListener('abort', gone);
    }
  }

  answer(output: Buffer): void {
    this.#settle((step) => step.resolve(output));
  }

  /** Whoever waits for an answer gets that error. */
  fail(error: unknown): void {
    this.#settle((step) => step.reject(error));
  }

  #settle(action: (step: Step) => void): void {
    const step = this.#step;
    this.#step = undefined;
    if (step !== undefined) action(step);
  }
}
