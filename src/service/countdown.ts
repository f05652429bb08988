import { uptime } from 'node:os';

/** The longest that Node's timers can wait, in milliseconds. */
export const LONGEST_TIMER = 2 ** 31 - 1;

/** Calls back when the machine has been up for so long. A change of the clock does not matter to it. */
export class Countdown implements Disposable {
  readonly #reached: () => void;
  #timer: NodeJS.Timeout | undefined;

  constructor(reached: () => void) {
    this.#reached = reached;
  }

  /** `due` in seconds of os.uptime(); never if it is undefined or infinite. Replaces what was set before. */
  set(due: number | undefined): void {
    clearTimeout(this.#timer);
    if (due === undefined || !Number.isFinite(due)) return;
    const left = Math.max(0, (due - uptime()) * 1000);
    const again = left > LONGEST_TIMER ? () => this.set(due) : this.#reached;
    this.#timer = setTimeout(again, Math.min(left, LONGEST_TIMER));
  }

  [Symbol.dispose](): void {
    clearTimeout(this.#timer);
  }
}
