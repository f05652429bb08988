import { DeadlineExceeded } from '../bus/call-error.js';
import type { Service } from './service.js';

/** Milliseconds: systemd kills what does not end by itself after a minute and a half. */
const DEADLINE = 120_000;

/** Sessions that end. To be asked for before they are ended, or their end might be missed. */
export class Departures {
  readonly #gone = new Set<string>();
  readonly #waiting = new Map<string, () => void>();

  private constructor() {}

  static async watch(service: Service): Promise<Departures> {
    const departures = new Departures();
    await service.root.subscribe('SessionRemoved', (_id, path) => {
      departures.#gone.add(path);
      departures.#waiting.get(path)?.();
    });
    return departures;
  }

  /** Resolves when the session of that path is gone. */
  async of(path: string): Promise<void> {
    if (this.#gone.has(path)) return;
    let late: NodeJS.Timeout | undefined;
    await new Promise<void>((resolve, reject) => {
      this.#waiting.set(path, resolve);
      late = setTimeout(() => reject(new DeadlineExceeded('the session is ending, but takes too long')), DEADLINE);
    });
    clearTimeout(late);
  }
}
