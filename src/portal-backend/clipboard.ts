import { closeSync } from 'node:fs';
import { pipe } from '../bus/native/descriptors.js';
import { InvalidArgs, NotSupported, StaleSerial } from '../errors.js';
import type { CompositorClipboard } from './compositor/compositor.js';

/** An application or a viewer that asked for our selection waits no longer (mutter gives up after 15 s, too). */
const TRANSFER_DEADLINE = 15_000;

/** Transfers that one viewer has not answered yet: more are refused, so that nobody makes us hold descriptors. */
const MOST_TRANSFERS = 64;

/** What xdg-desktop-portal allows for one type, and more types than any application offers. */
const MOST_TYPES = 256;
const LONGEST_TYPE = 4096;

/** Who shares the clipboard, and what it hears. */
export type ClipboardPeer = {
  selectionOwnerChanged(mimeTypes: readonly string[], isOwner: boolean): void;
  selectionTransfer(mimeType: string, serial: number): void;
};

/** A request for the owner's selection: from the compositor by its serial, or from another viewer by a pipe. */
type Transfer = {
  owner: ClipboardPeer;
  timer: NodeJS.Timeout;
  compositor: number | undefined;
  pipe: number | undefined;
};

/**
 * The session's one clipboard shared among all viewers. To the compositor all of them are one client, which cannot
 * read its own selection: what one viewer offers, others get from it directly.
 */
export class Clipboard {
  readonly #compositor: CompositorClipboard;
  readonly #peers = new Set<ClipboardPeer>();
  readonly #transfers = new Map<number, Transfer>();
  #offered: readonly string[] = [];
  #owner: ClipboardPeer | undefined;
  #serial = 0;

  constructor(compositor: CompositorClipboard) {
    this.#compositor = compositor;
    compositor.on('offer', (mimeTypes) => this.#changed(mimeTypes, undefined));
    compositor.on('transfer', (mimeType, serial) => {
      if (this.#owner === undefined || !this.#ask(this.#owner, mimeType, { compositor: serial, pipe: undefined }))
        compositor.writeDone(serial, false).catch(() => {});
    });
  }

  /** The peer hears at once what there is. */
  join(peer: ClipboardPeer): void {
    this.#peers.add(peer);
    this.tell(peer);
  }

  /** Says again what there is, to one that shares the clipboard. */
  tell(peer: ClipboardPeer): void {
    if (this.#peers.has(peer) && this.#offered.length > 0)
      peer.selectionOwnerChanged(this.#offered, peer === this.#owner);
  }

  leave(peer: ClipboardPeer): void {
    this.#peers.delete(peer);
    for (const [serial, { owner }] of this.#transfers) if (owner === peer) this.#end(serial, false);
    if (this.#owner !== peer) return;
    this.#changed([], undefined);
    this.#compositor.offer([]).catch(() => {});
  }

  async setSelection(peer: ClipboardPeer, mimeTypes: readonly string[]): Promise<void> {
    if (mimeTypes.length > MOST_TYPES) throw new InvalidArgs(`a selection has at most ${MOST_TYPES} types`);
    if (mimeTypes.some((type) => Buffer.byteLength(type) > LONGEST_TYPE))
      throw new InvalidArgs(`a type has at most ${LONGEST_TYPE} bytes`);
    // Before the compositor answers it may ask for the data, or have something else for a clipboard without owner.
    this.#changed(mimeTypes, mimeTypes.length > 0 ? peer : undefined);
    try {
      await this.#compositor.offer(mimeTypes);
    } catch (error) {
      if (this.#owner === peer) this.#changed([], undefined);
      throw error;
    }
  }

  /** The descriptor becomes the caller's. */
  async read(peer: ClipboardPeer, mimeType: string): Promise<number> {
    if (!this.#offered.includes(mimeType)) throw new NotSupported(`the clipboard does not offer '${mimeType}'`);
    if (this.#owner === undefined) return this.#compositor.read(mimeType);
    if (this.#owner === peer) throw new NotSupported('the selection is your own');
    const [readEnd, writeEnd] = pipe();
    if (this.#ask(this.#owner, mimeType, { compositor: undefined, pipe: writeEnd })) return readEnd;
    closeSync(readEnd);
    closeSync(writeEnd);
    throw new NotSupported('the owner of the selection does not keep up');
  }

  /** Where the owner writes the data that a transfer asked for; the descriptor becomes the caller's. */
  async write(peer: ClipboardPeer, serial: number): Promise<number> {
    const transfer = this.#transferOf(peer, serial);
    if (transfer.compositor !== undefined) return this.#compositor.write(transfer.compositor);
    const fd = transfer.pipe;
    if (fd === undefined) throw new StaleSerial(`transfer ${serial} has its descriptor already`);
    transfer.pipe = undefined;
    return fd;
  }

  async writeDone(peer: ClipboardPeer, serial: number, success: boolean): Promise<void> {
    this.#transferOf(peer, serial);
    await this.#end(serial, success);
  }

  #transferOf(peer: ClipboardPeer, serial: number): Transfer {
    const transfer = this.#transfers.get(serial);
    if (transfer === undefined || transfer.owner !== peer)
      throw new StaleSerial(`there is no transfer ${serial} any more`);
    return transfer;
  }

  #ask(
    owner: ClipboardPeer,
    mimeType: string,
    by: { compositor: number | undefined; pipe: number | undefined },
  ): boolean {
    const waiting = [...this.#transfers.values()].filter((transfer) => transfer.owner === owner);
    if (waiting.length >= MOST_TRANSFERS) return false;
    this.#serial = this.#serial === 0xffff_ffff ? 1 : this.#serial + 1;
    const serial = this.#serial;
    const timer = setTimeout(() => this.#end(serial, false), TRANSFER_DEADLINE);
    timer.unref();
    this.#transfers.set(serial, { owner, timer, ...by });
    owner.selectionTransfer(mimeType, serial);
    return true;
  }

  async #end(serial: number, success: boolean): Promise<void> {
    const transfer = this.#transfers.get(serial);
    if (transfer === undefined) return;
    this.#transfers.delete(serial);
    clearTimeout(transfer.timer);
    if (transfer.pipe !== undefined) closeSync(transfer.pipe);
    if (transfer.compositor !== undefined)
      await this.#compositor.writeDone(transfer.compositor, success).catch(() => {});
  }

  #changed(mimeTypes: readonly string[], owner: ClipboardPeer | undefined): void {
    this.#offered = [...mimeTypes];
    this.#owner = owner;
    for (const peer of this.#peers) peer.selectionOwnerChanged(mimeTypes, peer === owner);
  }
}
