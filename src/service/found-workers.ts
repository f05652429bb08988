import { usersOfWorkers } from '../login/scan.js';
import { CHECK } from './admission.js';
import { findUser } from './users.js';

/** The workers that lived when we began, until all have told what they hold: PAM modules may keep some for a minute. */
export class FoundWorkers {
  readonly #directory: string;
  readonly #ids: Set<string>;

  private constructor(directory: string, ids: Iterable<string>) {
    this.#directory = directory;
    this.#ids = new Set(ids);
  }

  static async in(directory: string): Promise<FoundWorkers> {
    const ids = [...(await usersOfWorkers(directory)).keys()];
    return new FoundWorkers(
      directory,
      ids.filter((id) => !id.startsWith(CHECK)),
    );
  }

  /** This one has told, or is of nobody. */
  told(id: string): void {
    this.#ids.delete(id);
  }

  /** Whether one of the others may hold a session of that uid: an account may have several names. */
  async mayHoldOne(uid: number): Promise<boolean> {
    const users = [...(await usersOfWorkers(this.#directory))].filter(([id]) => this.#ids.has(id));
    const uids = users.map(async ([, name]) => (name === undefined ? undefined : (await findUser(name))?.uid) ?? uid);
    return (await Promise.all(uids)).includes(uid);
  }
}
