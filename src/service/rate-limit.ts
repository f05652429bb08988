import { TooManyAttempts } from '../errors.js';

/** Keys remembered at once; the one that was longest quiet is forgotten first. */
const MOST_KEYS = 4096;

/** How often each key may do something within a sliding window. */
export class RateLimit {
  readonly #limit: () => number;
  readonly #window: number;
  readonly #now: () => number;
  /** When each key did it, the latest key last; no more than the limit for each. */
  readonly #times = new Map<string, number[]>();

  /**
   * `limit` is asked for whenever it matters; `window` in milliseconds; `now` is a clock in milliseconds that nobody
   * sets, unlike that of the wall.
   */
  constructor({ limit, window, now }: { limit: () => number; window: number; now?: () => number }) {
    this.#limit = limit;
    this.#window = window;
    this.#now = now ?? (() => performance.now());
  }

  /** TooManyAttempts, with the seconds to wait, if the key may not do it now. Counts nothing. */
  check(key: string): void {
    const recent = this.#recent(key);
    // Of more than the limit, which a reload may have lowered, the latest ones decide.
    const [first] = recent.slice(-this.#limit());
    if (first === undefined || recent.length < this.#limit()) return;
    const seconds = Math.max(1, Math.ceil((first + this.#window - this.#now()) / 1000));
    throw new TooManyAttempts(`too many attempts: try again in ${seconds} s`);
  }

  /** Counts that the key did it. */
  record(key: string): void {
    const times = [...this.#recent(key), this.#now()].slice(-this.#limit());
    this.#times.delete(key);
    this.#times.set(key, times);
    const oldest = this.#times.size > MOST_KEYS ? this.#times.keys().next() : undefined;
    if (oldest?.done === false) this.#times.delete(oldest.value);
  }

  /** Whether anything is counted now. */
  get counts(): boolean {
    return [...this.#times.keys()].some((key) => this.#recent(key).length > 0);
  }

  #recent(key: string): number[] {
    const start = this.#now() - this.#window;
    return (this.#times.get(key) ?? []).filter((time) => time > start);
  }
}
