import DBusBuffer from 'dbus-native/lib/dbus-buffer.js';
import { marshal } from './marshal.js';
import { MAX_RECEIVED, MAX_SENT, MAX_SENT_FDS, type Message } from './message.js';
import { parseType, type TypeNode } from './signature.js';

/**
 * Messages as bytes (D-Bus specification, "Message Format"): the headers are read and written here, since each
 * message has one and they are the same few fields; bodies are written by marshal() and read by dbus-native.
 */

/** Length of the part of the header that says how long the rest is. */
export const PREFIX = 16;

const LITTLE_ENDIAN = 0x6c;
const BIG_ENDIAN = 0x42;
const VERSION = 1;

const FIELDS = [
  undefined,
  'path',
  'interface',
  'member',
  'errorName',
  'replySerial',
  'destination',
  'sender',
  'signature',
] as const;
const UNIX_FDS = 9;

const COPIED = { plainValues: false, variants: 'wrap', returnBigInt: true, ayBuffer: true } as const;
const SHARED = { ...COPIED, ayBuffer: 'view' } as const;

/**
 * How many values a body may have, all containers counted in. A message of 32 MiB has room for eight million,
 * which take five seconds to read, and everybody else waits.
 */
const MAX_VALUES = 64 * 1024;

class ValueReader extends DBusBuffer {
  #values = 0;

  override readTree(tree: TypeNode): unknown {
    if (++this.#values > MAX_VALUES) throw new RangeError('too many values');
    return super.readTree(tree);
  }
}

/** What arrived is not the D-Bus protocol: where the next message begins is anybody's guess. */
export class ProtocolError extends Error {
  override readonly name = 'ProtocolError';
}

/** The length in bytes of the message that begins with these PREFIX bytes. */
export function messageLength(bytes: Buffer, at: number): number {
  const order = bytes[at];
  if ((order !== LITTLE_ENDIAN && order !== BIG_ENDIAN) || bytes[at + 3] !== VERSION)
    throw new ProtocolError('not a D-Bus message');
  const little = order === LITTLE_ENDIAN;
  const body = little ? bytes.readUInt32LE(at + 4) : bytes.readUInt32BE(at + 4);
  const fields = little ? bytes.readUInt32LE(at + 12) : bytes.readUInt32BE(at + 12);
  const length = PREFIX + align8(fields) + body;
  if (length > MAX_RECEIVED) throw new ProtocolError(`a message of ${length} bytes`);
  return length;
}

/**
 * Reads the message that takes up `length` bytes from `start`. With `shared`, byte arrays in the body share memory
 * with `bytes`. A body that cannot be read makes the message `malformed`; only a broken header raises ProtocolError.
 */
export function decodeMessage(
  bytes: Buffer,
  start: number,
  length: number,
  shared: boolean,
  takeFds: (count: number) => number[],
): Message {
  const little = bytes[start] === LITTLE_ENDIAN;
  const end = start + PREFIX + (little ? bytes.readUInt32LE(start + 12) : bytes.readUInt32BE(start + 12));
  const fields = headerFields(bytes, start + PREFIX, end, little);
  const message: Message = {
    type: bytes[start + 1] as number,
    flags: bytes[start + 2] as number,
    serial: little ? bytes.readUInt32LE(start + 8) : bytes.readUInt32BE(start + 8),
    ...fields.named,
  };
  if (fields.descriptors > 0) message.fds = takeFds(fields.descriptors);
  const { signature } = message;
  const body = start + align8(end - start);
  if (signature === undefined || signature === '' || body === start + length) return message;
  const options = shared ? SHARED : COPIED;
  try {
    message.body = new ValueReader(bytes.subarray(body, start + length), 0, options, bytes[start] as number).read(
      signature,
    );
  } catch {
    message.malformed = true;
  }
  return message;
}

type Fields = { named: Partial<Message>; descriptors: number };

/**
 * Header fields that were read lately, by their length: all calls of one method by one caller have the same, since
 * the serial is not among them.
 */
const recent: { bytes: Buffer; little: boolean; fields: Fields }[] = [];
const MAX_RECENT_LENGTH = 512;

function headerFields(bytes: Buffer, start: number, end: number, little: boolean): Fields {
  const length = end - start;
  const known = recent[length];
  if (known !== undefined && known.little === little && bytes.compare(known.bytes, 0, length, start, end) === 0)
    return known.fields;
  const fields = readFields(bytes, start, end, little);
  // Replies differ from each other; remembering them would only drive out others.
  if (length < MAX_RECENT_LENGTH && fields.named.replySerial === undefined)
    recent[length] = { bytes: Buffer.from(bytes.subarray(start, end)), little, fields };
  return fields;
}

function readFields(bytes: Buffer, start: number, end: number, little: boolean): Fields {
  const named: Partial<Message> = {};
  let descriptors = 0;
  // Alignment counts from the start of the message, which is PREFIX before; that is a multiple of 8 itself.
  let at = start;
  const pad = (to: 4 | 8): void => {
    at += -(at - start) & (to - 1);
  };
  const text = (length: number): string => {
    const from = at;
    at += length + 1;
    if (at > end) throw new ProtocolError('a header field is longer than the header');
    return bytes.latin1Slice(from, from + length);
  };
  while (at < end) {
    pad(8);
    if (at + 5 > end) throw new ProtocolError('a header field is cut off');
    const code = bytes[at] as number;
    const typeLength = bytes[at + 1] as number;
    at += 2;
    const type = text(typeLength);
    // Of later versions of the protocol, to be passed over (D-Bus specification, "Header Fields").
    if (code > UNIX_FDS) {
      at = afterValue(bytes, start, at, end, type, little);
      continue;
    }
    let value: string | number;
    if (type === 'g') value = text(bytes[at++] as number);
    else if (type === 's' || type === 'o' || type === 'u') {
      pad(4);
      if (at + 4 > end) throw new ProtocolError('a header field is cut off');
      const number = little ? bytes.readUInt32LE(at) : bytes.readUInt32BE(at);
      at += 4;
      value = type === 'u' ? number : text(number);
    } else throw new ProtocolError(`a header field has type '${type}'`);
    if (code === UNIX_FDS) descriptors = Number(value);
    const field = FIELDS[code];
    if (field !== undefined) (named as Record<string, unknown>)[field] = value;
  }
  return { named, descriptors };
}

/** Where a value of any type that begins at `at` ends. */
function afterValue(bytes: Buffer, start: number, at: number, end: number, type: string, little: boolean): number {
  const reader = new ValueReader(bytes.subarray(start, end), 0, SHARED, little ? LITTLE_ENDIAN : BIG_ENDIAN);
  reader.pos = at - start;
  try {
    reader.readTree(parseType(type));
  } catch {
    throw new ProtocolError('a header field cannot be read');
  }
  return start + reader.pos;
}

/**
 * The bytes of a message in one or two pieces. Throws a plain Error where values do not fit the signature, names are
 * not valid, or the bus would not carry it: all of them mistakes of ours.
 */
export function encodeMessage(message: Message): Buffer[] {
  const { path = '', interface: iface = '', member = '', errorName = '', destination = '', signature = '' } = message;
  const { body = [], fds = [] } = message;
  const encoded = signature === '' ? undefined : marshal(signature, body);
  const length = encoded?.length ?? 0;
  const names = path.length + iface.length + member.length + errorName.length + destination.length;
  const header = Buffer.allocUnsafe(PREFIX + 9 * MAX_FIELD_OVERHEAD + names + signature.length);
  header[0] = LITTLE_ENDIAN;
  header[1] = message.type;
  header[2] = message.flags ?? 0;
  header[3] = VERSION;
  header.writeUInt32LE(length, 4);
  header.writeUInt32LE(message.serial, 8);
  let at = PREFIX;
  if (path !== '') at = writeText(header, at, 1, 0x6f, PATH, path);
  if (iface !== '') at = writeText(header, at, 2, 0x73, NAME, iface);
  if (member !== '') at = writeText(header, at, 3, 0x73, NAME, member);
  if (errorName !== '') at = writeText(header, at, 4, 0x73, NAME, errorName);
  if (message.replySerial !== undefined) at = writeNumber(header, at, 5, message.replySerial);
  if (destination !== '') at = writeText(header, at, 6, 0x73, NAME, destination);
  if (signature !== '') at = writeSignature(header, at, 8, signature);
  if (fds.length > 0) at = writeNumber(header, at, UNIX_FDS, fds.length);
  header.writeUInt32LE(at - PREFIX, 12);
  at = padded(header, at);
  if (at + length > MAX_SENT || fds.length > MAX_SENT_FDS)
    throw new RangeError(`a message of ${at + length} bytes and ${fds.length} descriptors`);
  return encoded === undefined ? [header.subarray(0, at)] : [header.subarray(0, at), encoded];
}

const PATH = /^\/(?:[A-Za-z0-9_]+(?:\/[A-Za-z0-9_]+)*)?$/;
const NAME = /^[A-Za-z0-9_.:-]{1,255}$/;

/** Padding, code, type, length and the byte that ends a text. */
const MAX_FIELD_OVERHEAD = 16;

// Each writes a field, its value a variant, and returns where the next may begin.

function writeText(header: Buffer, from: number, code: number, type: number, valid: RegExp, text: string): number {
  if (!valid.test(text)) throw new TypeError(`not a valid ${FIELDS[code]}`);
  const at = writeStart(header, from, code, type);
  header.writeUInt32LE(text.length, at);
  header.latin1Write(text, at + 4);
  const end = at + 4 + text.length;
  header[end] = 0;
  return end + 1;
}

function writeSignature(header: Buffer, from: number, code: number, signature: string): number {
  const at = writeStart(header, from, code, 0x67);
  header[at] = signature.length;
  header.latin1Write(signature, at + 1);
  const end = at + 1 + signature.length;
  header[end] = 0;
  return end + 1;
}

function writeNumber(header: Buffer, from: number, code: number, value: number): number {
  const at = writeStart(header, from, code, 0x75);
  header.writeUInt32LE(value, at);
  return at + 4;
}

function writeStart(header: Buffer, from: number, code: number, type: number): number {
  const at = padded(header, from);
  header[at] = code;
  header[at + 1] = 1;
  header[at + 2] = type;
  header[at + 3] = 0;
  return at + 4;
}

/** Pads with zeros to a multiple of 8. */
function padded(header: Buffer, from: number): number {
  let at = from;
  while (at % 8 !== 0) header[at++] = 0;
  return at;
}

function align8(length: number): number {
  return Math.ceil(length / 8) * 8;
}
