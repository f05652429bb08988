import { type Capability, capabilities } from './protocol.js';
import type { Region } from './regions.js';

/** A device of the compositor, as it announced it. */
export class SenderDevice {
  readonly id: bigint;
  readonly interfaces = new Map<Capability, bigint>();
  readonly regions: Region[] = [];
  /** Of the region that is announced next. */
  mappingId = '';
  /** Events sent that its next frame will deliver. */
  dirty = false;
  /** Resumed, and told that input is coming. */
  usable = false;

  constructor(id: bigint) {
    this.id = id;
  }

  has(capability: Capability): boolean {
    return this.usable && this.interfaces.has(capability);
  }

  /** The object to send that capability's requests to, undefined while it cannot take them. */
  object(capability: Capability): bigint | undefined {
    return this.usable ? this.interfaces.get(capability) : undefined;
  }

  region(mappingId: string): Region | undefined {
    return this.regions.find((region) => region.mappingId === mappingId);
  }

  get capabilities(): Capability[] {
    return capabilities.filter((capability) => this.interfaces.has(capability));
  }
}
