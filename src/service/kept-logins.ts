import { writeFileSync } from 'node:fs';
import { readFile, rm } from 'node:fs/promises';
import type { KeptLogin } from './login.js';

/**
 * The open logins of a daemon that leaves in order, for the next one: a call that opened one may have been the last
 * that it answered. They count on the message bus where they were opened only.
 */
export class KeptLogins {
  readonly #path: string;
  readonly #bus: string;

  /** A file that only root can read, and the bus's id: another bus gives the same unique names to others. */
  constructor(path: string, bus: string) {
    this.#path = path;
    this.#bus = bus;
  }

  put(logins: readonly KeptLogin[]): void {
    if (logins.length > 0) writeFileSync(this.#path, JSON.stringify({ bus: this.#bus, logins }), { mode: 0o600 });
  }

  /** Can be taken once. */
  async take(): Promise<readonly KeptLogin[]> {
    const text = await readFile(this.#path, 'utf8').catch(() => undefined);
    if (text === undefined) return [];
    await rm(this.#path, { force: true });
    try {
      const { bus, logins } = JSON.parse(text) as { bus: string; logins: KeptLogin[] };
      return bus === this.#bus ? logins : [];
    } catch (error) {
      console.warn(`what the daemon before left cannot be read: ${(error as Error).message}`);
      return [];
    }
  }
}
