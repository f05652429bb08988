import { ProtocolError } from './protocol.js';

/**
 * Reads one received message. Its socket reuses one object for all of them: valid only while the message is handled.
 * Every read is checked against the message's own length.
 */
export class Message {
  id = 0n;
  opcode = 0;
  #bytes: Buffer = Buffer.alloc(0);
  #at = 0;
  #end = 0;
  readonly #descriptors: number[];

  /** `descriptors`: those received and not yet claimed, in order. */
  constructor(descriptors: number[]) {
    this.#descriptors = descriptors;
  }

  /** Points at the message of `length` bytes at `at`. */
  load(bytes: Buffer, at: number, length: number): this {
    this.id = bytes.readBigUInt64LE(at);
    this.opcode = bytes.readUInt32LE(at + 12);
    this.#bytes = bytes;
    this.#at = at + 16;
    this.#end = at + length;
    return this;
  }

  #advance(size: number): number {
    const at = this.#at;
    if (size > this.#end - at) throw new ProtocolError('message too short');
    this.#at = at + size;
    return at;
  }

  u32(): number {
    return this.#bytes.readUInt32LE(this.#advance(4));
  }

  i32(): number {
    return this.#bytes.readInt32LE(this.#advance(4));
  }

  f32(): number {
    return this.#bytes.readFloatLE(this.#advance(4));
  }

  u64(): bigint {
    return this.#bytes.readBigUInt64LE(this.#advance(8));
  }

  /** The empty string where the peer sent none. */
  string(): string {
    const length = this.u32();
    if (length === 0) return '';
    const at = this.#advance(length);
    this.#advance(-length & 3);
    return this.#bytes.toString('utf8', at, at + length - 1);
  }

  /** The next descriptor that came along; belongs to the caller. */
  descriptor(): number {
    const fd = this.#descriptors.shift();
    if (fd === undefined) throw new ProtocolError('message lacks its descriptor');
    return fd;
  }
}
