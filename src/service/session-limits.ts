import { uptime } from 'node:os';
import type { Settings } from '../configuration/generated/settings.js';
import { Countdown } from './countdown.js';

type Limited = {
  settings(): Settings['Session'];
  /** For how long nobody has put anything into the session, in seconds. */
  idleTime(): Promise<number>;
  /** It has been without a client for too long. */
  abandoned(): void;
  /** Its clients have been without their people for too long. */
  idle(): void;
};

/** How long a session is kept without clients, and its clients without input: remote-access.conf(5). */
export class SessionLimits implements Disposable {
  readonly #session: Limited;
  #left: number | undefined;
  #joined: number | undefined;
  readonly #overdue = new Countdown(() => this.#session.abandoned());
  readonly #unused = new Countdown(() => void this.#look());

  /** Both as a daemon before us left them. */
  constructor(session: Limited, { left, joined }: { left?: number | undefined; joined?: number | undefined }) {
    this.#session = session;
    this.#left = left;
    this.#joined = joined;
  }

  /** When the last client went, in seconds since the machine was started; undefined while there is one. */
  get left(): number | undefined {
    return this.#left;
  }

  /** When the latest client that may put anything in came, in the same seconds. */
  get joined(): number | undefined {
    return this.#joined;
  }

  /** Somebody came who may put anything in: that is as good as input. */
  join(): void {
    this.#joined = uptime();
    this.apply();
  }

  /** Whether anybody is connected, to be told at each change. */
  connected(anybody: boolean): void {
    this.#left = anybody ? undefined : uptime();
    // A daemon that was killed while they came has not noted it.
    if (anybody) this.#joined ??= uptime();
    this.apply();
  }

  /** To be called also when the settings are others. */
  apply(): void {
    const { DisconnectedTimeout, IdleTimeout } = this.#session.settings();
    const present = this.#left === undefined;
    this.#overdue.set(after(this.#left, DisconnectedTimeout));
    this.#unused.set(present ? after(this.#joined, IdleTimeout) : undefined);
  }

  /** Only the desktop knows, and is asked when it may be time. */
  async #look(): Promise<void> {
    const idle = await this.#session.idleTime().catch((error) => {
      console.warn(`how long a session has had no input cannot be told: ${error.message}`);
      return 0;
    });
    const { IdleTimeout } = this.#session.settings();
    if (this.#left !== undefined || IdleTimeout === 0) return;
    const due = Math.max(this.#joined ?? 0, uptime() - idle) + IdleTimeout;
    if (due > uptime()) this.#unused.set(due);
    else this.#session.idle();
  }

  [Symbol.dispose](): void {
    this.#overdue[Symbol.dispose]();
    this.#unused[Symbol.dispose]();
  }
}

function after(begin: number | undefined, seconds: number): number | undefined {
  return begin === undefined || seconds === 0 ? undefined : begin + seconds;
}
