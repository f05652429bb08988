import { parseSignature, parseType, type TypeNode } from './signature.js';

/** What most bodies fit into. One for all, since a body is written without interruption and then copied out. */
const SCRATCH = Buffer.allocUnsafeSlow(16 * 1024);

/** Shorter texts are copied faster here than by a call out of JavaScript. */
const SHORT = 40;

const PATH = /^\/(?:[A-Za-z0-9_]+(?:\/[A-Za-z0-9_]+)*)?$/;

/** Where values are written to. Alignment counts from the start, which in a message is a multiple of 8. */
class Writer {
  bytes: Buffer = SCRATCH;
  at = 0;

  /** Makes room for `length` bytes at a multiple of `alignment`; returns where that is. */
  room(alignment: 1 | 2 | 4 | 8, length: number): number {
    const padding = -this.at & (alignment - 1);
    const end = this.at + padding + length;
    if (end > this.bytes.length) {
      const larger = Buffer.allocUnsafeSlow(Math.max(end, 2 * this.bytes.length));
      this.bytes.copy(larger, 0, 0, this.at);
      this.bytes = larger;
    }
    for (let i = 0; i < padding; i++) this.bytes[this.at++] = 0;
    this.at = end;
    return end - length;
  }
}

const writer = new Writer();

type Write = (value: unknown) => void;

const writes = new Map<string, readonly Write[]>();
const MAX_WRITES = 1024;

/**
 * The bytes of a message body (D-Bus specification, "Marshaling"). Values have the shapes that a decoded body has:
 * pairs for the entries of a dictionary, objects with signature and value for variants, indices for h. Raises a
 * TypeError that does not quote them, as they may be secret, where they do not fit the signature.
 */
export function marshal(signature: string, values: readonly unknown[]): Buffer {
  let elements = writes.get(signature);
  if (elements === undefined) {
    elements = parseSignature(signature).map(compile);
    // Types in variants are not all our own choice: some pass through from peers.
    if (writes.size >= MAX_WRITES) writes.clear();
    writes.set(signature, elements);
  }
  writer.bytes = SCRATCH;
  writer.at = 0;
  try {
    if (values.length !== elements.length) throw new TypeError('another number of values');
    for (let i = 0; i < elements.length; i++) (elements[i] as Write)(values[i]);
    const { bytes, at } = writer;
    return bytes === SCRATCH ? Buffer.from(bytes.subarray(0, at)) : bytes.subarray(0, at);
  } catch {
    throw new TypeError(`the values do not fit the signature '${signature}'`);
  } finally {
    writer.bytes = SCRATCH;
  }
}

function check(fits: boolean): asserts fits {
  if (!fits) throw new TypeError('the value does not fit its type');
}

function integer(length: 1 | 2 | 4, min: number, max: number, put: (at: number, value: number) => void): Write {
  return (value) => {
    check(typeof value === 'number' && Number.isInteger(value) && value >= min && value <= max);
    put(writer.room(length, length), value);
  };
}

function writeText(value: unknown): void {
  check(typeof value === 'string');
  const at = writer.room(4, 4);
  const start = at + 4;
  writer.room(1, (value.length > 1024 ? Buffer.byteLength(value) : 3 * value.length) + 1);
  const length = copyText(value, start);
  writer.bytes.writeUInt32LE(length, at);
  writer.bytes[start + length] = 0;
  writer.at = start + length + 1;
}

/** Returns how many bytes it took. */
function copyText(text: string, at: number): number {
  const { bytes } = writer;
  if (text.length > SHORT) {
    check(!text.includes('\0'));
    return bytes.utf8Write(text, at);
  }
  for (let i = 0; i < text.length; i++) {
    const code = text.charCodeAt(i);
    check(code !== 0);
    if (code > 0x7f) return copyWide(text, at);
    bytes[at + i] = code;
  }
  return text.length;
}

function copyWide(text: string, at: number): number {
  check(!text.includes('\0'));
  return writer.bytes.utf8Write(text, at);
}

function writeSignature(value: unknown): void {
  check(typeof value === 'string' && value.length < 256);
  parseSignature(value);
  const at = writer.room(1, value.length + 2);
  writer.bytes[at] = value.length;
  writer.bytes.latin1Write(value, at + 1);
  writer.bytes[at + 1 + value.length] = 0;
}

function writeVariant(value: unknown): void {
  const { signature, value: inner } = value as { signature: string; value: unknown };
  let write = variants.get(signature);
  if (write === undefined) {
    write = compile(parseType(signature));
    if (variants.size >= MAX_WRITES) variants.clear();
    variants.set(signature, write);
  }
  writeSignature(signature);
  write(inner);
}

const variants = new Map<string, Write>();

function writeBytes(value: unknown): void {
  check(ArrayBuffer.isView(value));
  const at = writer.room(4, 4);
  const start = writer.room(1, value.byteLength);
  writer.bytes.writeUInt32LE(value.byteLength, at);
  writer.bytes.set(new Uint8Array(value.buffer, value.byteOffset, value.byteLength), start);
}

const BASIC: Record<string, Write> = {
  y: integer(1, 0, 0xff, (at, value) => writer.bytes.writeUInt8(value, at)),
  n: integer(2, -0x8000, 0x7fff, (at, value) => writer.bytes.writeInt16LE(value, at)),
  q: integer(2, 0, 0xffff, (at, value) => writer.bytes.writeUInt16LE(value, at)),
  i: integer(4, -0x8000_0000, 0x7fff_ffff, (at, value) => writer.bytes.writeInt32LE(value, at)),
  u: integer(4, 0, 0xffff_ffff, (at, value) => writer.bytes.writeUInt32LE(value, at)),
  h: integer(4, 0, 0xffff_ffff, (at, value) => writer.bytes.writeUInt32LE(value, at)),
  b: (value) => {
    check(typeof value === 'boolean');
    const at = writer.room(4, 4);
    writer.bytes.writeUInt32LE(value ? 1 : 0, at);
  },
  x: (value) => {
    const at = writer.room(8, 8);
    writer.bytes.writeBigInt64LE(large(value), at);
  },
  t: (value) => {
    const at = writer.room(8, 8);
    writer.bytes.writeBigUInt64LE(large(value), at);
  },
  d: (value) => {
    check(typeof value === 'number');
    const at = writer.room(8, 8);
    writer.bytes.writeDoubleLE(value, at);
  },
  s: writeText,
  o: (value) => {
    check(typeof value === 'string' && PATH.test(value));
    writeText(value);
  },
  g: writeSignature,
  v: writeVariant,
};

/** A 64-bit integer, which dictionaries with a schema have as a number. */
function large(value: unknown): bigint {
  if (typeof value === 'bigint') return value;
  check(typeof value === 'number' && Number.isSafeInteger(value));
  return BigInt(value);
}

function compile({ type, child }: TypeNode): Write {
  if (type === 'a') {
    const element = child[0] as TypeNode;
    return element.type === 'y' ? writeBytes : array(compile(element), 'xtd({'.includes(element.type));
  }
  if (type === '(' || type === '{') return struct(child.map(compile));
  const write = BASIC[type];
  if (write === undefined) throw new TypeError(`no type '${type}'`);
  return write;
}

/** The length of an array leaves out the padding before its first element. */
function array(write: Write, aligned: boolean): Write {
  return (values) => {
    check(Array.isArray(values));
    const at = writer.room(4, 4);
    const start = writer.room(aligned ? 8 : 1, 0);
    for (const value of values) write(value);
    writer.bytes.writeUInt32LE(writer.at - start, at);
  };
}

function struct(members: readonly Write[]): Write {
  return (values) => {
    check(Array.isArray(values) && values.length === members.length);
    writer.room(8, 0);
    for (let i = 0; i < members.length; i++) (members[i] as Write)(values[i]);
  };
}
