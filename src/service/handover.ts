import { closeSync, fstatSync } from 'node:fs';
import type { Bus } from '../bus/bus.js';
import type { Caller } from '../bus/caller.js';
import type { Handlers } from '../bus/descriptor.js';
import type { ExportedObject } from '../bus/exported-object.js';
import { type Handover as HandoverInterface, handover } from '../bus/generated/handover.js';
import { duplicate } from '../bus/native/descriptors.js';
import type { Variant } from '../bus/variant.js';
import { Busy, InvalidArgs, NotSupported } from '../errors.js';

type Metadata = Map<string, Variant>;

/** Passes a tool's socket from its system process to its process inside the session. */
export class Handover implements Handlers<HandoverInterface, Caller> {
  readonly #bus: Bus;
  readonly #object: ExportedObject;
  readonly #running: () => Promise<unknown>;
  #offer: { fd: number; metadata: Metadata; watch: Disposable | undefined } | undefined;

  constructor(bus: Bus, object: ExportedObject, running: () => Promise<unknown>) {
    this.#running = running;
    this.#bus = bus;
    this.#object = object;
    object.implement(handover, this, { version: () => 1 });
  }

  async offer(caller: Caller, fd: number, metadata: Metadata): Promise<void> {
    await this.#running();
    if (this.#offer !== undefined) throw new Busy('another connection waits to be taken');
    if (!fstatSync(fd).isSocket()) throw new InvalidArgs('the connection is not a socket');
    const offer = { fd: duplicate(fd), metadata, watch: undefined as Disposable | undefined };
    this.#offer = offer;
    const watch = await this.#bus.subscriptions.watchName(caller.name, () => this.#withdraw(offer));
    if (this.#offer !== offer) return watch[Symbol.dispose]();
    offer.watch = watch;
    this.#object.emit(handover, 'Waiting', []);
  }

  /** The descriptor goes out with the reply. */
  take(): [number, Metadata] {
    const offer = this.#offer;
    if (offer === undefined) throw new NotSupported('no connection waits');
    this.#offer = undefined;
    offer.watch?.[Symbol.dispose]();
    return [offer.fd, offer.metadata];
  }

  /** The session is over. */
  close(): void {
    this.#withdraw(this.#offer);
  }

  #withdraw(offer: { fd: number; watch: Disposable | undefined } | undefined): void {
    if (offer === undefined || this.#offer !== offer) return;
    this.#offer = undefined;
    offer.watch?.[Symbol.dispose]();
    closeSync(offer.fd);
  }
}
