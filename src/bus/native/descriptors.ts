import { closeSync } from 'node:fs';
import { loadAddon } from './addon.js';

export const READABLE = 1;
export const WRITABLE = 2;

type WatchHandle = { readonly __brand: 'watch' };

type Addon = {
  connectUnix(path: Buffer, datagrams?: boolean): number;
  send(fd: number, bytes: Buffer | readonly Buffer[], fds: readonly number[]): number;
  receive(fd: number, into: Buffer, fds: number[]): number;
  peerCredentials(fd: number): { pid: number; uid: number; gid: number };
  socketPair(): [number, number];
  pipe(): [read: number, write: number];
  duplicate(fd: number): number;
  setBlocking(fd: number): void;
  watch(fd: number, callback: (events: number) => void): WatchHandle;
  watchFor(handle: WatchHandle, events: number): void;
  unwatch(handle: WatchHandle): void;
};

const addon = loadAddon<Addon>('descriptors');

/** File descriptors over Unix sockets; see descriptors.c for each function's contract. */
export const { connectUnix, send, receive, peerCredentials, socketPair, pipe, duplicate, setBlocking } = addon;

/** Sends one datagram with copies of these descriptors to a socket; a leading NUL byte names an abstract one. */
export function sendDatagram(address: Buffer, bytes: Buffer, fds: readonly number[] = []): void {
  const socket = connectUnix(address, true);
  try {
    send(socket, bytes, fds);
  } finally {
    closeSync(socket);
  }
}

/**
 * Readiness of a descriptor that somebody else reads (libei, PipeWire, our own socket). The descriptor stays its
 * owner's: dispose of the watch first, then close it.
 */
export class Watch implements Disposable {
  #handle: WatchHandle | undefined;

  constructor(fd: number, ready: (events: number) => void, events = READABLE) {
    this.#handle = addon.watch(fd, ready);
    addon.watchFor(this.#handle, events);
  }

  /** Which events to wait for from now on: READABLE, WRITABLE, both or 0. */
  set events(events: number) {
    if (this.#handle !== undefined) addon.watchFor(this.#handle, events);
  }

  [Symbol.dispose](): void {
    if (this.#handle === undefined) return;
    addon.unwatch(this.#handle);
    this.#handle = undefined;
  }
}
