import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { DictionarySchema, EntrySchema } from '../../src/bus/descriptor.js';
import { parseType, type TypeNode } from '../../src/bus/signature.js';

/** A schema as read from interfaces/dictionaries/; its $id is any string here. */
export type Dictionary = Omit<DictionarySchema, '$id'> & { readonly $id: string };

/** The JSON type that a D-Bus type needs. A double has none: NaN is no number for JSON Schema. */
const JSON_TYPES: Record<string, string | undefined> = {
  ...Object.fromEntries([...'ynqiuxt'].map((code) => [code, 'integer'])),
  ...Object.fromEntries([...'sog'].map((code) => [code, 'string'])),
  b: 'boolean',
  d: undefined,
};

/** Whether the type is an a{sv}. */
export function isDictionary({ type, child: [entry] }: TypeNode): boolean {
  return type === 'a' && entry?.type === '{' && entry.child.map((node) => node.type).join('') === 'sv';
}

/** Whether an a{sv} is in the type. */
export function holdsDictionary(type: TypeNode): boolean {
  return isDictionary(type) || type.child.some(holdsDictionary);
}

/** Every schema, by name; an Error names the key that is wrong. */
export function readDictionaries(folder: string): Dictionary[] {
  const files = readdirSync(folder).sort();
  const dictionaries = files.map((file): Dictionary => {
    const schema = JSON.parse(readFileSync(join(folder, file), 'utf8')) as Dictionary;
    if (`${schema.$id}.json` !== file) throw new Error(`${file}: $id must be its name`);
    if (schema.type !== 'object' || schema.additionalProperties !== false || !schema.description)
      throw new Error(`${file}: must be a described object without additional properties`);
    return schema;
  });
  const names = new Set(dictionaries.map(({ $id }) => $id));
  for (const { $id, properties, required } of dictionaries) {
    for (const [key, entry] of Object.entries(properties)) checkEntry(`${$id}.${key}`, entry, names);
    for (const key of required ?? []) if (!(key in properties)) throw new Error(`${$id}: requires unknown ${key}`);
  }
  return dictionaries;
}

function checkEntry(where: string, entry: EntrySchema, names: ReadonlySet<string>): void {
  if (!entry.description) throw new Error(`${where}: is not described`);
  const type = parseType(entry.dbus);
  const expected = type.child.length > 0 ? 'array' : JSON_TYPES[type.type];
  if (entry.type !== expected) throw new Error(`${where}: ${entry.dbus} needs the type ${expected ?? 'left out'}`);
  if (holdsDictionary(type) && !names.has(reference(entry) ?? '')) throw new Error(`${where}: refers to no dictionary`);
}

/** The dictionary that the items of an array entry are. */
export function reference(entry: EntrySchema): string | undefined {
  const items = entry.items as { $ref?: string } | undefined;
  return items?.$ref;
}

/** A closed set of strings: an entry's value, or each item of it. With a title it is a type of that name. */
interface Words {
  enum: string[];
  title?: string;
}

function words(entry: EntrySchema): Words | undefined {
  return [entry, entry.items].find((schema): schema is Words & EntrySchema => schema !== undefined && 'enum' in schema);
}

const union = ({ enum: choices }: Words) => choices.map((word) => `'${word}'`).join(' | ');

/** What an entry's type is in TypeScript. */
export function entryType(entry: EntrySchema, translate: (type: TypeNode, dictionary?: string) => string): string {
  const set = words(entry);
  if (set === undefined) return translate(parseType(entry.dbus), reference(entry)).replaceAll('bigint', 'number');
  return entry.dbus === 's' ? (set.title ?? union(set)) : `${set.title ?? `(${union(set)})`}[]`;
}

/** TypeScript types for the sets that have a title. */
export function namedWords(dictionaries: readonly Dictionary[]): string[] {
  const sets = dictionaries.flatMap(({ properties }) =>
    Object.values(properties).flatMap((entry) => words(entry) ?? []),
  );
  const types = sets.flatMap((set) => (set.title === undefined ? [] : `export type ${set.title} = ${union(set)};\n`));
  return [...new Set(types)].sort();
}
