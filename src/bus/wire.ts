import DBusBuffer from 'dbus-native/lib/dbus-buffer.js';
import marshall from 'dbus-native/lib/marshall.js';
import { MAX_RECEIVED, MAX_SENT, MAX_SENT_FDS, type Message } from './message.js';

/**
 * Messages as bytes (D-Bus specification, "Message Format"): the headers are read and written here, since each
 * message has one and they are the same few fields; bodies are dbus-native's matter.
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
 * Reads one whole message. With `shared`, byte arrays in the body share memory with `bytes`. A body that cannot be
 * read makes the message `malformed`; only a broken header raises ProtocolError.
 */
export function decodeMessage(bytes: Buffer, shared: boolean, takeFds: (count: number) => number[]): Message {
  const little = bytes[0] === LITTLE_ENDIAN;
  const uint32 = (at: number): number => (little ? bytes.readUInt32LE(at) : bytes.readUInt32BE(at));
  const message: Message = { type: bytes[1] as number, flags: bytes[2] as number, serial: uint32(8) };
  const end = PREFIX + uint32(12);
  const fds = readFields(bytes, end, uint32, message);
  if (fds > 0) message.fds = takeFds(fds);
  const { signature } = message;
  const start = align8(end);
  if (signature === undefined || signature === '' || start === bytes.length) return message;
  const options = {
    plainValues: false,
    variants: 'wrap',
    returnBigInt: true,
    ayBuffer: shared ? 'view' : true,
  } as const;
  try {
    message.body = new DBusBuffer(bytes.subarray(start), 0, options, bytes[0] as number).read(signature);
  } catch {
    message.malformed = true;
  }
  return message;
}

/** Reads the header fields into the message; returns how many descriptors it has. */
function readFields(bytes: Buffer, end: number, uint32: (at: number) => number, message: Message): number {
  let fds = 0;
  let at = PREFIX;
  const text = (start: number, length: number): string => {
    at = start + length + 1;
    if (at > end) throw new ProtocolError('a header field is longer than the header');
    return bytes.toString('latin1', start, start + length);
  };
  while (at < end) {
    at = align8(at);
    if (at + 5 > end) throw new ProtocolError('a header field is cut off');
    const code = bytes[at] as number;
    const type = text(at + 2, bytes[at + 1] as number);
    let value: string | number;
    if (type === 'g') value = text(at + 1, bytes[at] as number);
    else if (type === 's' || type === 'o' || type === 'u') {
      at = align4(at);
      const number = at + 4 > end ? end : uint32(at);
      if (type === 'u') {
        value = number;
        at += 4;
      } else value = text(at + 4, number);
    } else throw new ProtocolError(`a header field has type '${type}'`);
    if (code === UNIX_FDS) fds = Number(value);
    const field = FIELDS[code];
    if (field !== undefined) (message as Record<string, unknown>)[field] = value;
  }
  return fds;
}

/**
 * The bytes of a message in one or two pieces. Throws a plain Error where values do not fit the signature, names are
 * not valid, or the bus would not carry it: all of them mistakes of ours.
 */
export function encodeMessage(message: Message): Buffer[] {
  const { signature, body, fds } = message;
  const encoded = signature !== undefined && signature !== '' ? encodeBody(signature, body ?? []) : undefined;
  const length = encoded?.length ?? 0;
  let room = PREFIX + 16 + 8;
  for (let code = 1; code < FIELDS.length; code++)
    room += 16 + ((message[FIELDS[code] as 'path'] as string | undefined)?.length ?? 0);
  const header = Buffer.allocUnsafe(room);
  header[0] = LITTLE_ENDIAN;
  header[1] = message.type;
  header[2] = message.flags ?? 0;
  header[3] = VERSION;
  header.writeUInt32LE(length, 4);
  header.writeUInt32LE(message.serial, 8);
  let at = PREFIX;
  for (let code = 1; code < FIELDS.length; code++) {
    const value = message[FIELDS[code] as 'path'] as string | number | undefined;
    if (value !== undefined && value !== '') at = writeField(header, at, code, value);
  }
  if (fds !== undefined && fds.length > 0) at = writeField(header, at, UNIX_FDS, fds.length);
  header.writeUInt32LE(at - PREFIX, 12);
  const start = align8(at);
  header.fill(0, at, start);
  if (start + length > MAX_SENT || (fds?.length ?? 0) > MAX_SENT_FDS)
    throw new RangeError(`a message of ${start + length} bytes and ${fds?.length ?? 0} descriptors`);
  return encoded === undefined ? [header.subarray(0, start)] : [header.subarray(0, start), encoded];
}

// The library's errors quote the values, which may be secret.
function encodeBody(signature: string, body: readonly unknown[]): Buffer {
  try {
    return marshall(signature, body);
  } catch {
    throw new TypeError(`the values do not fit the signature '${signature}'`);
  }
}

const PATH = /^\/(?:[A-Za-z0-9_]+(?:\/[A-Za-z0-9_]+)*)?$/;
const NAME = /^[A-Za-z0-9_.:-]{1,255}$/;

function writeField(header: Buffer, from: number, code: number, value: string | number): number {
  let at = align8(from);
  header.fill(0, from, at);
  header[at] = code;
  header[at + 1] = 1;
  header[at + 3] = 0;
  if (typeof value === 'number') {
    header[at + 2] = 0x75;
    header.writeUInt32LE(value, at + 4);
    return at + 8;
  }
  const field = FIELDS[code];
  if (field === 'signature') {
    header[at + 2] = 0x67;
    header[at + 4] = value.length;
    at += 5;
  } else {
    if (!(field === 'path' ? PATH : NAME).test(value)) throw new TypeError(`not a valid ${field}`);
    header[at + 2] = field === 'path' ? 0x6f : 0x73;
    header.writeUInt32LE(value.length, at + 4);
    at += 8;
  }
  header.write(value, at, 'latin1');
  header[at + value.length] = 0;
  return at + value.length + 1;
}

function align8(length: number): number {
  return Math.ceil(length / 8) * 8;
}

function align4(length: number): number {
  return Math.ceil(length / 4) * 4;
}
