import type { Bus } from '../bus/bus.js';
import { systemd1Manager } from '../bus/generated/systemd1-manager.js';
import { RemoteObject } from '../bus/remote-object.js';
import { Variant } from '../bus/variant.js';

/** A property of a transient unit: name, D-Bus type, value (org.freedesktop.systemd1(5)). */
export type UnitProperty = readonly [name: string, signature: string, value: unknown];

/** The system's service manager. */
export class Systemd {
  readonly #manager;

  constructor(bus: Bus) {
    this.#manager = new RemoteObject(bus, systemd1Manager, 'org.freedesktop.systemd1', '/org/freedesktop/systemd1');
  }

  /** Starts a unit that exists only while it runs. Resolves when systemd has queued the start. */
  async startTransientUnit(name: string, properties: readonly UnitProperty[], signal?: AbortSignal): Promise<void> {
    const values = properties.map(([key, signature, value]): [string, Variant] => [key, new Variant(signature, value)]);
    await this.#manager.methods.startTransientUnit(name, 'fail', values, [], signal === undefined ? {} : { signal });
  }
}
