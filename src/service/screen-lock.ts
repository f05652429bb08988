import type { Logind } from './logind.js';

/** How long a client may take to come back after the agent was started again, in milliseconds. */
const COMES_BACK_WITHIN = 5000;

type Changed = { locked(): void; entered(): void };

/**
 * A session's screen lock. Somebody who logged in finds the desktop unlocked, and it is locked when the last client
 * has gone, however that went. Everybody else finds it and leaves it as it is.
 */
export class ScreenLock {
  readonly #logind: Logind;
  readonly #changed: Changed;
  #session = '';
  #locked = false;
  #watch: AsyncDisposable | undefined;
  #entered: boolean;
  #late: NodeJS.Timeout | undefined;
  /** It was ordered, and has not happened yet. */
  #unlocking = false;
  /** It was locked when the last client left: whoever was about to unlock it there is not there any more. */
  #guard: (() => boolean) | undefined;
  #gone = false;

  /** `entered` as a daemon before us left it. */
  constructor(logind: Logind, entered: boolean, changed: Changed) {
    this.#logind = logind;
    this.#entered = entered;
    this.#changed = changed;
  }

  /** What the desktop says of itself; one without a locker is never locked. */
  get locked(): boolean {
    return this.#locked;
  }

  /** Somebody who logged in is or was connected, and it has not been locked since. */
  get entered(): boolean {
    return this.#entered;
  }

  /** logind knows the session. */
  async attach(session: string): Promise<void> {
    this.#session = session;
    const watch = await this.#logind.watchLocked(session, (locked) => {
      if (this.#locked === locked) return;
      this.#locked = locked;
      if (!locked) this.#unlocked();
      this.#changed.locked();
    });
    if (this.#gone) await watch[Symbol.asyncDispose]();
    else this.#watch = watch;
  }

  lock(): Promise<void> {
    return this.#logind.lock(this.#session);
  }

  unlock(): Promise<void> {
    this.#unlocking = this.#locked;
    this.#guard = undefined;
    return this.#logind.unlock(this.#session);
  }

  /** Somebody who logged in is connected; until they leave it is to stay unlocked. */
  enter(): void {
    clearTimeout(this.#late);
    this.#entered = true;
    this.#guard = undefined;
  }

  /**
   * Nobody is connected any more: locks it if somebody had entered, unless `back` says then that somebody is there
   * again. `soon`: they did not leave of their own accord, and are given the time to come back.
   */
  async leave(soon: boolean, back: () => boolean): Promise<void> {
    clearTimeout(this.#late);
    if (!this.#entered || this.#gone) return;
    if (soon) {
      this.#late = setTimeout(() => void this.leave(false, back), COMES_BACK_WITHIN);
      return;
    }
    if (back()) return;
    try {
      // To a shell that asks for the password already, the order to lock takes the keyboard away from the question.
      if (this.#locked && !this.#unlocking) this.#guard = back;
      else await this.lock();
      if (back()) return;
      this.#entered = false;
      this.#changed.entered();
    } catch (error) {
      console.warn(`logind's session ${this.#session} could not be locked: ${(error as Error).message}`);
    }
  }

  #unlocked(): void {
    const guard = this.#guard;
    this.#unlocking = false;
    this.#guard = undefined;
    if (guard === undefined || guard()) return;
    this.#entered = true;
    void this.leave(false, guard);
  }

  /** The session is over. */
  close(): void {
    this.#gone = true;
    clearTimeout(this.#late);
    void this.#watch?.[Symbol.asyncDispose]();
  }
}
