import native from 'dbus-native/lib/values.js';
import { InvalidArgs } from '../errors.js';
import { codecFor, type Descriptors } from './codec.js';
import { dictionaries } from './generated/dictionaries.js';
import * as generated from './generated/validators.js';
import type { Variant } from './variant.js';

/** What a value does not keep to, as ajv words it. */
type Violation = { instancePath: string; keyword: string; params: Record<string, unknown>; message?: string };
/** What `npm run generate` makes of a schema. */
export type Validator = ((value: unknown) => boolean) & { readonly errors?: readonly Violation[] | null };

/** What a schema of interfaces/dictionaries says of one key; `dbus` is the value's D-Bus type. */
type Property = { dbus: string; items?: { $ref?: string } };
/** The properties by key; a Map, since objects have keys of their own. */
type Schema = ReadonlyMap<string, Property>;

const validators = new Map<string, Validator>(Object.entries(generated));
const schemas = new Map<string, Schema>(
  Object.entries(dictionaries).map(([name, { properties }]) => [name, new Map(Object.entries(properties))]),
);

/**
 * An a{sv} from the wire as a plain object without prototype. Unknown keys, wrong D-Bus types and values outside the
 * schema raise InvalidArgs, which names the key. 64-bit values become numbers.
 */
export function decodeDictionary(
  name: string,
  pairs: readonly [string, Variant][],
  descriptors: Descriptors,
): Record<string, unknown> {
  const object = readDictionary(name, pairs, descriptors);
  const validate = validators.get(name);
  if (validate === undefined) throw new TypeError(`no schema ${name}`);
  if (!validate(object)) throw new InvalidArgs(explain(validate.errors?.[0]));
  return object;
}

function readDictionary(
  name: string,
  pairs: readonly [string, Variant][],
  descriptors: Descriptors,
): Record<string, unknown> {
  const schema = schemas.get(name);
  if (schema === undefined) throw new TypeError(`no schema ${name}`);
  const object: Record<string, unknown> = Object.create(null);
  for (const [key, { signature, value }] of pairs) {
    const property = schema.get(key);
    if (property === undefined) throw new InvalidArgs(`unknown key '${shorten(key)}'`);
    if (key in object) throw new InvalidArgs(`key '${key}' is there twice`);
    if (signature !== property.dbus)
      throw new InvalidArgs(`'${key}' has D-Bus type '${shorten(signature)}', expected '${property.dbus}'`);
    object[key] = readValue(key, property, value, descriptors);
  }
  return object;
}

function readValue(key: string, property: Property, value: unknown, descriptors: Descriptors): unknown {
  const nested = property.items?.$ref;
  if (nested !== undefined)
    return (value as [string, Variant][][]).map((pairs) => readDictionary(nested, pairs, descriptors));
  if (property.dbus !== 't' && property.dbus !== 'x') return codecFor(property.dbus).decode(value, descriptors);
  const number = Number(value);
  if (!Number.isSafeInteger(number)) throw new InvalidArgs(`'${key}' is out of range`);
  return number;
}

/** A plain object as an a{sv} for the wire: keys of the schema that are not undefined, with the schema's types. */
export function encodeDictionary(
  name: string,
  object: Record<string, unknown>,
  descriptors: Descriptors,
): [string, unknown][] {
  const schema = schemas.get(name);
  if (schema === undefined) throw new TypeError(`no schema ${name}`);
  const pairs: [string, unknown][] = [];
  for (const [key, property] of schema) {
    const value = object[key];
    if (value === undefined) continue;
    const nested = property.items?.$ref;
    const encoded =
      nested === undefined
        ? codecFor(property.dbus).encode(value, descriptors)
        : (value as Record<string, unknown>[]).map((item) => encodeDictionary(nested, item, descriptors));
    pairs.push([key, new native.Variant(property.dbus, encoded)]);
  }
  return pairs;
}

/** Says what ajv found, naming the key and never the value: it may be a secret. */
function explain(error: Violation | undefined): string {
  if (error === undefined) return 'the dictionary is not valid';
  const where = error.instancePath.slice(1).replaceAll('/', '.');
  if (error.keyword === 'required') return `key '${error.params.missingProperty}' is missing`;
  if (error.keyword === 'enum')
    return `'${where}' must be one of ${(error.params as { allowedValues: unknown[] }).allowedValues.join(', ')}`;
  return `'${where}' ${error.message ?? 'is not valid'}`;
}

function shorten(text: string): string {
  return text.length > 64 ? `${text.slice(0, 64)}…` : text;
}
