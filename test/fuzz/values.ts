import { dictionaries } from '../../src/bus/generated/dictionaries.js';
import { parseType, type TypeNode } from '../../src/bus/signature.js';
import { Variant } from '../../src/bus/variant.js';
import type { SeededRandom } from '../unit/seeded-random.js';

/** Containers within each other; a bus takes 32 arrays and 32 structs. */
const DEEPEST = 12;
/** Values in one argument, now and then exceeded by one huge array. */
const MOST_VALUES = 200;
/** More than our own reader takes. */
const HUGE = 70_000;

const ODD_TEXTS = [
  ...['', ' ', '.', '..', '/', '-', '0', '-1', '%s%n', '*', '\u0001', '\t\n', '\u007f', '\u0085', '\ufeff', '\uffff'],
  ...['../../../etc/passwd', '__proto__', 'constructor', 'toString', 'hasOwnProperty', 'null', 'undefined', 'NaN'],
  ...['Ä', 'e\u0301', '漢字', '👩‍💻', '\u202eabc', '\ud800', '\udfff\ud800', 'İ', 'ß', '\u2028'],
  ...['root', 'alice', 'bob', 'nobody', '4294967296', '0x0', '127.0.0.1', '::1', 'text/plain', 'sa{sv}'],
];

const EXTREMES: Record<string, readonly number[]> = {
  y: [0, 1, 127, 128, 255],
  n: [0, 1, -1, 32767, -32768],
  q: [0, 1, 32768, 65535],
  i: [0, 1, -1, 2147483647, -2147483648],
  u: [0, 1, 2, 2147483648, 4294967295],
  d: [0, -0, 1, 1.5, -1, 1e308, 5e-324, Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY, 2 ** 53],
};
const LARGEST: Record<string, number> = { y: 256, n: 32768, q: 65536, i: 2147483647, u: 4294967295, d: 100_000 };
const EXTREMES_64 = [0n, 1n, 2n ** 31n, 2n ** 53n, 2n ** 63n - 1n];
const BASIC = 'ybnqiuxtdsogh';

type Entry = { dbus: string; items?: { $ref?: string; enum?: readonly unknown[] }; enum?: readonly unknown[] };

/** Random values of D-Bus types, in the shapes that marshal() takes: plain ones, extreme ones and odd ones. */
export class RandomValues {
  readonly #random: SeededRandom;
  readonly #texts: readonly string[];
  #left = MOST_VALUES;

  /** `texts`: such as mean something to the receiver. */
  constructor(random: SeededRandom, texts: readonly string[]) {
    this.#random = random;
    this.#texts = texts;
  }

  /** Of one complete type; a `dictionary` says what keys an a{sv} in it should have. */
  value(type: string, dictionary?: string): unknown {
    this.#left = MOST_VALUES;
    return this.#value(parseType(type), 0, dictionary);
  }

  /** One complete type. */
  type(depth = 0): string {
    const kind = depth > 3 ? 0 : this.#random.below(10);
    if (kind < 6) return this.#random.pick(BASIC);
    if (kind === 6) return 'v';
    if (kind === 7) return `a${this.type(depth + 1)}`;
    if (kind === 8) return `a{${this.#random.pick('sisou')}${this.type(depth + 1)}}`;
    return `(${Array.from({ length: 1 + this.#random.below(3) }, () => this.type(depth + 1)).join('')})`;
  }

  text(): string {
    const kind = this.#random.below(100);
    if (kind < 45) return this.#random.pick(this.#texts);
    if (kind < 80) return this.#random.pick(ODD_TEXTS);
    if (kind < 98) return this.#random.text('abcXYZ019-_./:{}\u0007é☕', 24);
    return this.#random.pick(ODD_TEXTS).repeat(this.#random.below(5000));
  }

  path(): string {
    const element = () => this.#random.pick(['org', 'freedesktop', 'RemoteAccess', 'login', 'session', '1', '_', 'x']);
    return `/${Array.from({ length: this.#random.below(6) }, element).join('/')}`;
  }

  /** A name that is valid where the bus wants one. */
  name(): string {
    return this.#random.pick(['A', 'Begin', 'Get', 'constructor', '__proto__', 'toString', 'x9', '_', 'Ping2']);
  }

  #value({ type, child }: TypeNode, depth: number, dictionary?: string): unknown {
    const random = this.#random;
    this.#left--;
    switch (type) {
      case 's':
        return this.text();
      case 'o':
        return random.below(3) === 0 ? '/' : this.path();
      case 'g':
        return random.below(4) === 0 ? '' : this.type(2);
      case 'b':
        return random.below(2) === 0;
      case 'h':
        return random.below(8) === 0 ? random.below(300) : 0;
      case 't':
        return random.pick([...EXTREMES_64, 2n ** 64n - 1n]);
      case 'x':
        return random.pick([...EXTREMES_64, -1n, -(2n ** 63n)]);
      case 'v':
        return this.#variant(depth);
      case '(':
        return child.map((element) => this.#value(element, depth + 1, dictionary));
      case 'a':
        return this.#array(child[0] as TypeNode, depth, dictionary);
    }
    const kind = random.below(3);
    if (kind === 0) return random.pick(EXTREMES[type] ?? []);
    const largest = LARGEST[type] ?? 1;
    return random.below(kind === 1 ? largest : Math.min(largest, 2000));
  }

  #variant(depth: number): Variant {
    const type = depth > DEEPEST || this.#left < 0 ? 'u' : this.#random.below(4) === 0 ? 'v' : this.type(depth);
    return new Variant(type, this.#value(parseType(type), depth + 1));
  }

  #array(element: TypeNode, depth: number, dictionary?: string): unknown {
    const huge = depth === 0 && this.#random.below(400) === 0;
    if (element.type === 'y') return Buffer.alloc(this.#random.below(huge ? 1 << 21 : 64), this.#random.below(256));
    if (element.type === '{' && dictionary !== undefined) return this.#dictionary(dictionary, depth);
    if (huge && 'ybnqiudo'.includes(element.type)) return Array(HUGE).fill(this.#value(element, depth));
    const length = depth > DEEPEST || this.#left < 0 ? 0 : this.#random.below(this.#random.below(20) === 0 ? 100 : 4);
    const pair = ([key, value]: TypeNode[]) => [
      this.#value(key as TypeNode, depth + 1),
      this.#value(value as TypeNode, depth + 1),
    ];
    return Array.from({ length }, () =>
      element.type === '{' ? pair(element.child) : this.#value(element, depth + 1, dictionary),
    );
  }

  /** Nearly what a schema of interfaces/dictionaries asks for. */
  #dictionary(name: string, depth: number): [string, Variant][] {
    const schema = Object.values(dictionaries).find(({ $id }) => $id === name);
    const known = Object.entries((schema?.properties ?? {}) as Record<string, Entry>);
    const needed = this.#random.below(8) > 0 ? (schema?.required ?? []) : [];
    const pairs = known
      .filter(([key]) => this.#random.below(3) === 0 || needed.includes(key))
      .map(([key, entry]): [string, Variant] => [key, this.#entry(entry, depth + 1)]);
    if (this.#random.below(12) === 0) pairs.push([this.text(), this.#variant(depth)]);
    if (this.#random.below(30) === 0 && pairs[0] !== undefined) pairs.push(pairs[0]);
    return pairs;
  }

  #entry({ dbus, items, enum: choice }: Entry, depth: number): Variant {
    if (this.#random.below(15) === 0) return this.#variant(depth);
    const choices = choice ?? items?.enum;
    const value =
      choices === undefined || this.#random.below(10) === 0
        ? this.#value(parseType(dbus), depth, items?.$ref)
        : dbus === 'as'
          ? choices.filter(() => this.#random.below(2) === 0)
          : this.#random.pick(choices);
    return new Variant(dbus, value);
  }
}
