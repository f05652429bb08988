import type { Systemd } from './systemd.js';

/**
 * The user's own systemd while a session of theirs has no agent: it starts the agent, and starts it again, so if it has
 * ended none will ever come.
 */
export class UserManager {
  readonly #systemd: Systemd;
  readonly #unit: string;
  readonly #ended: (unit: string) => void;
  #watch: Promise<AsyncDisposable> | undefined;

  /** `ended` is called with the unit's name, if it has ended or does so while it is watched. */
  constructor(systemd: Systemd, uid: number, ended: (unit: string) => void) {
    this.#systemd = systemd;
    this.#unit = `user@${uid}.service`;
    this.#ended = ended;
  }

  /** Begins to watch it, or ends that. */
  watch(wanted: boolean): void {
    if (!wanted) this.#leave();
    else this.#watch ??= this.#begin();
  }

  #begin(): Promise<AsyncDisposable> {
    const watch: Promise<AsyncDisposable> = this.#systemd.watchUnit(this.#unit, () => {
      if (this.#watch === watch) this.#ended(this.#unit);
    });
    watch.catch((error) => console.warn(`${this.#unit} cannot be watched: ${error.message}`));
    return watch;
  }

  #leave(): void {
    this.#watch?.then((watch) => watch[Symbol.asyncDispose]()).catch(() => {});
    this.#watch = undefined;
  }
}
