import { closeSync } from 'node:fs';
import type { Logind } from './logind.js';

/** Keeps the machine awake while it is wanted. logind lets go of it by itself when we are gone. */
export class SleepInhibitor implements Disposable {
  readonly #logind: Logind;
  readonly #wanted: () => boolean;
  #held: number | undefined;
  #asking = false;

  constructor(logind: Logind, wanted: () => boolean) {
    this.#logind = logind;
    this.#wanted = wanted;
  }

  /** To be called whenever it may have become wanted, or not any more. */
  update(): void {
    if (!this.#wanted()) this[Symbol.dispose]();
    else if (this.#held === undefined && !this.#asking) void this.#take();
  }

  async #take(): Promise<void> {
    this.#asking = true;
    try {
      this.#held = await this.#logind.inhibitSleep('a client is connected to a desktop session');
    } catch (error) {
      console.warn(`suspend cannot be inhibited: ${(error as Error).message}`);
      return;
    } finally {
      this.#asking = false;
    }
    if (!this.#wanted()) this[Symbol.dispose]();
  }

  [Symbol.dispose](): void {
    if (this.#held !== undefined) closeSync(this.#held);
    this.#held = undefined;
  }
}
