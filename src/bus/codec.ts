import native from 'dbus-native/lib/values.js';
import { InvalidArgs } from '../errors.js';
import { decodeDictionary, encodeDictionary } from './dictionary.js';
import { parseType, type TypeNode } from './signature.js';
import { Variant } from './variant.js';

/** Descriptors that travel beside a message body; `h` values are indices into the list. */
export type Descriptors = {
  fds: number[];
  /** Those that decoding came upon. With it, no descriptor is given out twice. */
  claimed?: Set<number>;
  /** Those in variants are refused: nobody sees by the types of an interface that they are there, and for how long. */
  noneInVariants?: true;
};

type Convert = (value: unknown, descriptors: Descriptors) => unknown;

/**
 * Converts values of one complete D-Bus type between the wire library's shapes and ours:
 * numbers for y n q i u d, bigint for x t, string for s o g, boolean for b, a descriptor's number for h, Buffer for
 * ay, arrays for other arrays, tuples for structs, Variant for v, Map for dictionaries, and plain objects for a{sv}
 * whose keys a schema of interfaces/dictionaries describes.
 */
export type Codec = { decode: Convert; encode: Convert };

const codecs = new Map<string, Codec>();
/** Types in variants are the peer's choice: only so many are remembered, apart from the interfaces' own. */
const variantCodecs = new Map<string, Codec>();
const MAX_VARIANT_CODECS = 256;

export function codecFor(type: string, dictionary?: string): Codec {
  const key = dictionary === undefined ? type : `${type} ${dictionary}`;
  let codec = codecs.get(key);
  if (codec === undefined) {
    codec = compile(parseType(type), dictionary);
    codecs.set(key, codec);
  }
  return codec;
}

function variantCodecFor(type: string): Codec {
  let codec = variantCodecs.get(type);
  if (codec === undefined) {
    codec = compile(parseType(type));
    if (variantCodecs.size >= MAX_VARIANT_CODECS) variantCodecs.clear();
    variantCodecs.set(type, codec);
  }
  return codec;
}

const same: Codec = { decode: (value) => value, encode: (value) => value };

const descriptor: Codec = {
  decode: (index, { fds, claimed }) => {
    const fd = fds[index as number];
    if (fd === undefined) throw new InvalidArgs('the message names a file descriptor that it does not carry');
    if (claimed?.has(fd)) throw new InvalidArgs('the message names a file descriptor twice');
    claimed?.add(fd);
    return fd;
  },
  encode: (fd, { fds }) => fds.push(fd as number) - 1,
};

const variant: Codec = {
  decode: (value, descriptors) => {
    const { signature, value: inner } = value as Variant;
    if (descriptors.noneInVariants && signature.includes('h'))
      throw new InvalidArgs('a variant holds a file descriptor');
    return new Variant(signature, variantCodecFor(signature).decode(inner, descriptors));
  },
  encode: (value, descriptors) => {
    const { signature, value: inner } = value as Variant;
    return new native.Variant(signature, variantCodecFor(signature).encode(inner, descriptors));
  },
};

function compile({ type, child }: TypeNode, dictionary?: string): Codec {
  if (type === 'h') return descriptor;
  if (type === 'v') return variant;
  if (type === '(') return struct(child.map((element) => compile(element, dictionary)));
  if (type !== 'a') return same;
  const element = child[0] as TypeNode;
  if (element.type === 'y') return same;
  if (element.type === '{') {
    const [key, value] = element.child as [TypeNode, TypeNode];
    return dictionary !== undefined && value.type === 'v' ? described(dictionary) : map(compile(key), compile(value));
  }
  const codec = compile(element, dictionary);
  if (codec === same) return same;
  return {
    decode: (values, descriptors) => (values as unknown[]).map((value) => codec.decode(value, descriptors)),
    encode: (values, descriptors) => (values as unknown[]).map((value) => codec.encode(value, descriptors)),
  };
}

function struct(members: readonly Codec[]): Codec {
  if (members.every((member) => member === same)) return same;
  return {
    decode: (values, descriptors) => members.map((member, i) => member.decode((values as unknown[])[i], descriptors)),
    encode: (values, descriptors) => members.map((member, i) => member.encode((values as unknown[])[i], descriptors)),
  };
}

// Entries, not object properties: a peer may name a key `__proto__`.
function map(key: Codec, value: Codec): Codec {
  return {
    decode: (pairs, descriptors) =>
      new Map(
        (pairs as [unknown, unknown][]).map(([k, v]) => [key.decode(k, descriptors), value.decode(v, descriptors)]),
      ),
    encode: (entries, descriptors) =>
      [...(entries as Map<unknown, unknown>)].map(([k, v]) => [
        key.encode(k, descriptors),
        value.encode(v, descriptors),
      ]),
  };
}

function described(dictionary: string): Codec {
  return {
    decode: (pairs, descriptors) => decodeDictionary(dictionary, pairs as [string, Variant][], descriptors),
    encode: (object, descriptors) => encodeDictionary(dictionary, object as Record<string, unknown>, descriptors),
  };
}

type Argument = { type: string; dictionary?: string | undefined };

/** The arguments or results of a method, or those of a signal, as one. */
export type BodyCodec = {
  /** The types one after the other, as in a message's header. */
  readonly signature: string;
  decode(values: readonly unknown[], descriptors: Descriptors): unknown[];
  encode(values: readonly unknown[], descriptors: Descriptors): unknown[];
};

const bodies = new WeakMap<readonly Argument[], BodyCodec>();

/** Remembered by identity: argument lists belong to interface descriptors, which are there for good. */
export function bodyCodecFor(args: readonly Argument[]): BodyCodec {
  let body = bodies.get(args);
  if (body === undefined) {
    const codecs = args.map(({ type, dictionary }) => codecFor(type, dictionary));
    body = {
      signature: args.map(({ type }) => type).join(''),
      decode: (values, descriptors) => codecs.map((codec, i) => codec.decode(values[i], descriptors)),
      encode: (values, descriptors) => codecs.map((codec, i) => codec.encode(values[i], descriptors)),
    };
    bodies.set(args, body);
  }
  return body;
}
