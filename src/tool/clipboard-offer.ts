import { createWriteStream } from 'node:fs';
import { finished } from 'node:stream/promises';
import type { ToolConnection } from './tool-connection.js';

/** Data that a connection has on the clipboard. Takes the grants `clipboard-read` and `clipboard-write`. */
export class ClipboardOffer implements AsyncDisposable {
  /** Somebody has got the data: an application, or the compositor for later. */
  readonly taken: Promise<void>;
  /** Somebody else copied something. */
  readonly replaced: Promise<void>;
  readonly #clipboard: ToolConnection['clipboard'];
  readonly #types: readonly string[];
  readonly #data: Uint8Array;
  #take: () => void = () => {};
  #replace: () => void = () => {};
  readonly #subscriptions: AsyncDisposable[] = [];
  /** True from the moment on in which the clipboard is ours. */
  #owner = false;

  private constructor({ clipboard }: ToolConnection, types: readonly string[], data: Uint8Array) {
    this.#clipboard = clipboard;
    this.#types = types;
    this.#data = data;
    this.taken = new Promise((resolve) => {
      this.#take = resolve;
    });
    this.replaced = new Promise((resolve) => {
      this.#replace = resolve;
    });
  }

  /** Offers the same data as each of these types. */
  static async make(connection: ToolConnection, types: readonly string[], data: Uint8Array): Promise<ClipboardOffer> {
    const offer = new ClipboardOffer(connection, types, data);
    offer.#subscriptions.push(
      await connection.clipboard.subscribe('SelectionTransfer', (_type, serial) => {
        offer.#answer(serial).catch(() => {});
      }),
      await connection.clipboard.subscribe('SelectionOwnerChanged', (_types, isOwner) => {
        if (offer.#owner && !isOwner) offer.#replace();
        offer.#owner = isOwner;
      }),
    );
    await offer.renew();
    return offer;
  }

  async renew(): Promise<void> {
    await this.#clipboard.methods.setSelection([...this.#types]);
  }

  /** Gives the clipboard up. Resolves with the types that are on it then: a compositor may have kept a copy. */
  async withdraw(): Promise<readonly string[]> {
    this.#owner = false;
    await this.#clipboard.methods.setSelection([]);
    return this.#clipboard.property('MimeTypes');
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const subscription of this.#subscriptions) await subscription[Symbol.asyncDispose]();
  }

  /** Who pastes may lose interest, and close the pipe. */
  async #answer(serial: number): Promise<void> {
    const { selectionWrite, selectionWriteDone } = this.#clipboard.methods;
    const stream = createWriteStream('', { fd: await selectionWrite(serial) });
    stream.end(this.#data);
    const success = await finished(stream).then(
      () => true,
      () => false,
    );
    await selectionWriteDone(serial, success);
    if (success) this.#take();
  }
}
