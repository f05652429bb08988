import { mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { Bus } from '../bus/bus.js';
import { dropDescriptor, keepDescriptor, takeDescriptor } from './descriptor-store.js';

const NAME = 'anchor';

/** The bus answers within a millisecond, unless what we took over is of no use. */
const DEADLINE = 1_000;

/**
 * A connection to the user's bus that outlives the agent: what a compositor ties to whoever asked for it stays while
 * systemd starts the agent again. Only short messages go over it, which are written and read whole. What the next agent
 * has to know of it is in a file in XDG_RUNTIME_DIR, which is the user's own and does not outlive their sessions.
 */
export class Anchor {
  readonly bus: Bus;
  /** Whether it is that of an agent before us. */
  readonly inherited: boolean;
  readonly #path: string;

  private constructor(bus: Bus, inherited: boolean, path: string) {
    this.bus = bus;
    this.inherited = inherited;
    this.#path = path;
  }

  /** The one that the agent before us left for this session, or a new one. Fails if that is of no use; it is dropped. */
  static async hold(directory: string, session: string): Promise<Anchor> {
    const path = join(directory, 'remote-access', `${session}.anchor.json`);
    const kept = takeDescriptor(NAME);
    if (kept === undefined) {
      const bus = await Bus.session();
      keepDescriptor(NAME, bus.descriptor);
      return new Anchor(bus, false, path);
    }
    try {
      return new Anchor(await Bus.adopt(kept, { timeout: DEADLINE }), true, path);
    } catch (error) {
      dropDescriptor(NAME);
      throw error;
    }
  }

  /** What was noted last over this same connection. */
  recall(): unknown {
    try {
      const { holder, notes } = JSON.parse(readFileSync(this.#path, 'utf8'));
      return holder === this.bus.name ? notes : undefined;
    } catch {
      return undefined;
    }
  }

  /** For the next agent. A disk that is full costs no more than the memory. */
  note(notes: unknown): void {
    try {
      mkdirSync(dirname(this.#path), { recursive: true, mode: 0o700 });
      writeFileSync(`${this.#path}.new`, JSON.stringify({ holder: this.bus.name, notes }), { mode: 0o600 });
      renameSync(`${this.#path}.new`, this.#path);
    } catch (error) {
      console.warn(`what was made could not be noted: ${(error as Error).message}`);
    }
  }

  /** The next agent begins anew. */
  abandon(): void {
    dropDescriptor(NAME);
  }
}
