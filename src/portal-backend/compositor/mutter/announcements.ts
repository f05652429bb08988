/**
 * How long mutter takes at most for an announcement, in milliseconds. 45 on an idle machine, more than 150 on a busy one;
 * and it crashes if it is not waited for.
 */
const DEADLINE = 5_000;

/**
 * The MonitorsChanged signals that mutter owes for what was done to it. It works on changes from idle handlers, so the
 * last signal, not the reply, says that a change is over.
 */
export class Announcements {
  #owed = 0;
  #wake: (() => void) | undefined;

  /** Something was done that mutter will announce so many times. */
  owe(count: number): void {
    this.#owed += count;
  }

  heard(): void {
    this.#owed -= 1;
    if (this.#owed <= 0) this.#wake?.();
  }

  /** Resolves when mutter has announced everything, or seems to have forgotten it. */
  async quiet(): Promise<void> {
    if (this.#owed > 0) {
      await new Promise<void>((resolve) => {
        const late = setTimeout(() => {
          console.warn(`the compositor did not announce ${this.#owed} changes of its monitors`);
          resolve();
        }, DEADLINE);
        this.#wake = () => {
          clearTimeout(late);
          resolve();
        };
      });
      this.#wake = undefined;
    }
    // Counted anew each time: somebody in the session may change the layout, too.
    this.#owed = 0;
  }
}
