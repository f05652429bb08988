/**
 * Keys or buttons that are down, counted by how many hold each: several tools press the same key, and it comes up
 * when the last one lets go.
 */
export class Held {
  readonly #counts = new Map<number, number>();

  /** True if the compositor has to be told. */
  change(code: number, pressed: boolean): boolean {
    const count = this.#counts.get(code) ?? 0;
    if (pressed) {
      this.#counts.set(code, count + 1);
      return count === 0;
    }
    if (count > 1) this.#counts.set(code, count - 1);
    else this.#counts.delete(code);
    return count === 1;
  }

  /** The compositor released everything by itself. */
  clear(): void {
    this.#counts.clear();
  }
}
