import type { Grant } from '../bus/generated/dictionaries.js';
import type { Subscriptions } from '../bus/subscriptions.js';

/** What a completed login entitles its bus connection to. */
export type LoginRight = {
  readonly grants: readonly Grant[];
  readonly token: string | undefined;
  /** Nobody has connected with it yet: who does so first finds the screen unlocked. */
  readonly unlocks?: boolean;
};

/** Who completed logins to a session, by bus name. A right lasts as long as its bus connection, whatever becomes of the login. */
export class Rights {
  readonly #subscriptions: Subscriptions;
  readonly #changed: () => void;
  /** A bus connection may complete several logins, the last valid one counts. */
  readonly #rights = new Map<string, readonly LoginRight[]>();

  /** `changed` is called after each change. */
  constructor(subscriptions: Subscriptions, changed: () => void) {
    this.#subscriptions = subscriptions;
    this.#changed = changed;
  }

  has(name: string): boolean {
    return this.#rights.has(name);
  }

  /** The one that counts. */
  of(name: string): LoginRight | undefined {
    return this.#rights.get(name)?.at(-1);
  }

  /** Whether it has neither been taken back nor used up since it was got. */
  holds(name: string, right: LoginRight): boolean {
    return this.#rights.get(name)?.includes(right) === true;
  }

  /** As a session's record has them. */
  get all(): (readonly [name: string, rights: readonly LoginRight[]])[] {
    return [...this.#rights];
  }

  add(name: string, right: LoginRight): void {
    const before = this.#rights.get(name);
    this.#rights.set(name, [...(before ?? []).filter(({ token }) => token !== right.token), right]);
    this.#changed();
    if (before !== undefined) return;
    this.#subscriptions
      .watchName(name, () => {
        this.#rights.delete(name);
        this.#changed();
      })
      .catch((error) => console.warn(`${name} cannot be watched: ${error.message}`));
  }

  /** Its holder has connected with it. */
  use(name: string, right: LoginRight): void {
    this.#replace((one, holder) => (one === right && holder === name ? { ...one, unlocks: false } : one));
  }

  /** Takes back what a token that is void entitled to. */
  voidToken(token: string): void {
    this.#replace((right) => (right.token === token ? undefined : right));
  }

  /** A token that is used up stays good for what it opened: nobody can take it back any more. */
  outliveToken(token: string): void {
    this.#replace((right) => (right.token === token ? { ...right, token: undefined } : right));
  }

  clear(): void {
    this.#rights.clear();
  }

  #replace(change: (right: LoginRight, holder: string) => LoginRight | undefined): void {
    for (const [holder, rights] of this.#rights) {
      const left = rights.flatMap((right) => change(right, holder) ?? []);
      if (left.length > 0) this.#rights.set(holder, left);
      else this.#rights.delete(holder);
    }
    this.#changed();
  }
}
