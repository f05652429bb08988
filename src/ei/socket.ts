import { closeSync } from 'node:fs';
import { duplicate, READABLE, receive, send, Watch, WRITABLE } from '../bus/native/descriptors.js';
import { Message } from './message.js';
import { ProtocolError } from './protocol.js';

/** No message of the protocol comes near; libei's own reader copes with more, ours refuses it. */
const MAX_MESSAGE = 4096;
const MAX_STRING = 256;
/** Room for the longest message that we write. */
const MESSAGE_ROOM = 512;

type Chunk = { bytes: Buffer; descriptors: number[] };

export type SocketEvents = {
  /** One whole message. May throw ProtocolError. */
  message(message: Message): void;
  /** The peer went away (undefined) or broke the protocol; the socket is still open, for a last word. */
  failed(error: ProtocolError | undefined): void;
  /** The peer does not keep up with reading (true), or does again. */
  blocked(blocked: boolean): void;
};

/**
 * One end of an EI connection: whole messages in, whole messages out. Handled synchronously as they arrive, one
 * buffer's worth at a time, so that one busy peer cannot starve the others. libei and libeis forget the start of a
 * message whose end has not arrived, so every send holds whole messages and is small enough to be taken as one.
 */
export class EiSocket implements Disposable {
  readonly #fd: number;
  readonly #events: SocketEvents;
  readonly #limit: number;
  readonly #watch: Watch;
  readonly #received: number[] = [];
  readonly #message = new Message(this.#received);
  readonly #in = Buffer.allocUnsafeSlow(2 * MAX_MESSAGE);
  #inLength = 0;
  readonly #out = Buffer.allocUnsafeSlow(MAX_MESSAGE);
  #outLength = 0;
  #outDescriptors: number[] = [];
  #start = 0;
  #queue: Chunk[] = [];
  #queued = 0;
  #paused = false;
  #closed = false;

  /** Owns `fd`. More than `limit` bytes that the peer does not read count as the peer's failure. */
  constructor(fd: number, events: SocketEvents, limit: number) {
    this.#fd = fd;
    this.#events = events;
    this.#limit = limit;
    this.#watch = new Watch(fd, (ready) => this.#ready(ready));
  }

  get closed(): boolean {
    return this.#closed;
  }

  /** Descriptors received and not claimed by a message. */
  get unclaimed(): number {
    return this.#received.length;
  }

  /** True while the peer does not keep up. */
  get blocked(): boolean {
    return this.#queue.length > 0;
  }

  /** While paused nothing is read, so the peer has to wait. */
  set paused(paused: boolean) {
    if (this.#paused === paused || this.#closed) return;
    this.#paused = paused;
    this.#listen();
  }

  /** Begins a message; arguments follow, then end(). */
  begin(id: bigint, opcode: number): this {
    if (this.#outLength > MAX_MESSAGE - MESSAGE_ROOM) this.flush();
    this.#start = this.#outLength;
    this.#out.writeBigUInt64LE(id, this.#start);
    this.#out.writeUInt32LE(opcode, this.#start + 12);
    this.#outLength += 16;
    return this;
  }

  u32(value: number): this {
    this.#outLength = this.#out.writeUInt32LE(value >>> 0, this.#outLength);
    return this;
  }

  i32(value: number): this {
    this.#outLength = this.#out.writeInt32LE(value | 0, this.#outLength);
    return this;
  }

  f32(value: number): this {
    this.#outLength = this.#out.writeFloatLE(value, this.#outLength);
    return this;
  }

  u64(value: bigint): this {
    this.#outLength = this.#out.writeBigUInt64LE(value, this.#outLength);
    return this;
  }

  /** At most MAX_STRING bytes; what is longer is cut. */
  string(value: string | undefined): this {
    if (value === undefined) return this.u32(0);
    const at = this.#outLength + 4;
    const length = this.#out.write(value, at, MAX_STRING, 'utf8') + 1;
    this.u32(length);
    const end = at + length + (-length & 3);
    this.#out.fill(0, at + length - 1, end);
    this.#outLength = end;
    return this;
  }

  /** Stays the caller's, and must stay open until flush(). */
  descriptor(fd: number): this {
    this.#outDescriptors.push(fd);
    return this;
  }

  end(): void {
    this.#out.writeUInt32LE(this.#outLength - this.#start, this.#start + 8);
  }

  /** Sends what was written since the last flush. */
  flush(): void {
    const length = this.#outLength;
    if (length === 0) return;
    const descriptors = this.#outDescriptors;
    this.#outLength = 0;
    if (descriptors.length > 0) this.#outDescriptors = [];
    if (this.#closed) return;
    if (this.#queue.length === 0) {
      const sent = this.#send(this.#out.subarray(0, length), descriptors);
      if (sent === length || sent === undefined) return;
      this.#enqueue(Math.max(sent, 0), length, sent < 0 ? descriptors : []);
      this.#events.blocked(true);
      this.#listen();
    } else {
      this.#enqueue(0, length, descriptors);
    }
  }

  [Symbol.dispose](): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#watch[Symbol.dispose]();
    for (const fd of this.#received.splice(0)) closeSync(fd);
    for (const chunk of this.#queue.splice(0)) for (const fd of chunk.descriptors) closeSync(fd);
    closeSync(this.#fd);
  }

  #enqueue(from: number, to: number, descriptors: readonly number[]): void {
    this.#queued += to - from;
    if (this.#queued > this.#limit) {
      this.#fail(new ProtocolError('peer does not read'));
      return;
    }
    this.#queue.push({ bytes: Buffer.from(this.#out.subarray(from, to)), descriptors: descriptors.map(duplicate) });
  }

  /** Bytes taken, -1 where it would block, undefined when the peer is gone. */
  #send(bytes: Buffer, descriptors: readonly number[]): number | undefined {
    try {
      return send(this.#fd, bytes, descriptors);
    } catch {
      this.#fail(undefined);
      return undefined;
    }
  }

  #listen(): void {
    if (this.#closed) return;
    this.#watch.events = (this.#paused ? 0 : READABLE) | (this.#queue.length > 0 ? WRITABLE : 0);
  }

  #ready(ready: number): void {
    if (ready > 0 && (ready & WRITABLE) !== 0) this.#drain();
    if (this.#closed || (ready > 0 && (ready & READABLE) === 0)) return;
    try {
      this.#read();
    } catch (error) {
      if (!(error instanceof ProtocolError)) throw error;
      this.#fail(error);
    }
  }

  #drain(): void {
    for (let chunk = this.#queue[0]; chunk !== undefined; chunk = this.#queue[0]) {
      const sent = this.#send(chunk.bytes, chunk.descriptors);
      if (sent === undefined) return;
      if (sent < 0) return;
      for (const fd of chunk.descriptors.splice(0)) closeSync(fd);
      this.#queued -= sent;
      if (sent < chunk.bytes.length) {
        chunk.bytes = chunk.bytes.subarray(sent);
        return;
      }
      this.#queue.shift();
    }
    this.#listen();
    this.#events.blocked(false);
  }

  #read(): void {
    const room = this.#inLength === 0 ? this.#in : this.#in.subarray(this.#inLength);
    let got: number;
    try {
      got = receive(this.#fd, room, this.#received);
    } catch {
      this.#fail(undefined);
      return;
    }
    if (got < 0) return;
    if (got === 0) {
      this.#fail(undefined);
      return;
    }
    this.#inLength += got;
    let at = 0;
    while (this.#inLength - at >= 16) {
      const length = this.#in.readUInt32LE(at + 8);
      if (length < 16 || length > MAX_MESSAGE) throw new ProtocolError(`message of ${length} bytes`);
      if (this.#inLength - at < length) break;
      this.#events.message(this.#message.load(this.#in, at, length));
      if (this.#closed) return;
      at += length;
    }
    if (at > 0) this.#in.copyWithin(0, at, this.#inLength);
    this.#inLength -= at;
  }

  #fail(error: ProtocolError | undefined): void {
    if (!this.#closed) this.#events.failed(error);
  }
}
