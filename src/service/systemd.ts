import { constants } from 'node:os';
import type { Bus } from '../bus/bus.js';
import { systemd1Manager } from '../bus/generated/systemd1-manager.js';
import { systemd1Unit } from '../bus/generated/systemd1-unit.js';
import { RemoteObject } from '../bus/remote-object.js';
import { Variant } from '../bus/variant.js';

/** A property of a transient unit: name, D-Bus type, value (org.freedesktop.systemd1(5)). */
export type UnitProperty = readonly [name: string, signature: string, value: unknown];

const NAME = 'org.freedesktop.systemd1';

/** The system's service manager. */
export class Systemd {
  readonly #bus: Bus;
  readonly #manager;
  /** That it sends signals at all. */
  #tells: Promise<void> | undefined;

  constructor(bus: Bus) {
    this.#bus = bus;
    this.#manager = new RemoteObject(bus, systemd1Manager, NAME, '/org/freedesktop/systemd1');
  }

  /** Starts a unit that exists only while it runs. Resolves when systemd has queued the start. */
  async startTransientUnit(name: string, properties: readonly UnitProperty[], signal?: AbortSignal): Promise<void> {
    const values = properties.map(([key, signature, value]): [string, Variant] => [key, new Variant(signature, value)]);
    await this.#manager.methods.startTransientUnit(name, 'fail', values, [], signal === undefined ? {} : { signal });
  }

  /** Kills a service's main process. Rejects if there is none. */
  async killUnit(name: string): Promise<void> {
    await this.#manager.methods.killUnit(name, 'main', constants.signals.SIGKILL);
  }

  /** Calls `ended` if a unit has ended, or failed, and when it does, until disposed. It must have been started. */
  async watchUnit(name: string, ended: () => void): Promise<AsyncDisposable> {
    this.#tells ??= this.#manager.methods.subscribe();
    await this.#tells;
    const path = await this.#manager.methods.getUnit(name);
    return await new RemoteObject(this.#bus, systemd1Unit, NAME, path).watch('ActiveState', (state) => {
      if (['inactive', 'failed'].includes(state)) ended();
    });
  }
}
