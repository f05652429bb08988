import { mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import type { Monitor } from '../bus/generated/dictionaries.js';
import { type PlacedMonitor, placeMonitors } from '../layout/layout.js';

/**
 * The layout of a session beyond its agent's life: an agent that is started again makes the monitors of the one before.
 * A file in XDG_RUNTIME_DIR, which is the user's own and does not outlive their sessions.
 */
export class LayoutMemory {
  readonly #path: string;

  constructor(directory: string, session: string) {
    this.#path = join(directory, 'remote-access', `${session}.json`);
  }

  /** What was kept last; undefined if nothing was, or what is there is no layout. */
  recall(): PlacedMonitor[] | undefined {
    try {
      return placeMonitors(JSON.parse(readFileSync(this.#path, 'utf8')) as Monitor[]);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ENOENT') console.warn(`the kept layout is of no use: ${error}`);
      return undefined;
    }
  }

  /** A disk that is full costs no more than the memory. */
  keep(layout: readonly PlacedMonitor[]): void {
    try {
      mkdirSync(dirname(this.#path), { recursive: true, mode: 0o700 });
      writeFileSync(`${this.#path}.new`, JSON.stringify(layout), { mode: 0o600 });
      renameSync(`${this.#path}.new`, this.#path);
    } catch (error) {
      console.warn(`the layout could not be kept: ${(error as Error).message}`);
    }
  }
}
