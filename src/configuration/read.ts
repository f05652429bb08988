import { FOLDERS, findFiles, readText } from './files.js';
import { type Settings, sections } from './generated/settings.js';
import { Settings as isValid } from './generated/validator.js';
import { type Assignment, type Mistake, parseFile } from './parse.js';
import type { KeySchema, SectionSchema, Violation } from './schema.js';
import { parseValue } from './value.js';

/** Where a value comes from. */
export type Origin = { readonly file: string; readonly line: number };

/** What configuration files say. */
export type Read = {
  readonly settings: Settings;
  /** By `Section.Key`; a key that is not there has its default. */
  readonly origins: ReadonlyMap<string, Origin>;
  readonly mistakes: readonly Mistake[];
  readonly files: readonly string[];
};

/** Reads the files that count in these folders, see remote-access.conf(5). Lines that are wrong change nothing. */
export function readConfiguration(folders: readonly string[] = FOLDERS): Read {
  return readFiles(findFiles(folders));
}

/** Reads these files; what stands in a later one counts. */
export function readFiles(files: readonly string[]): Read {
  const mistakes: Mistake[] = [];
  const origins = new Map<string, Origin>();
  const values = defaults();
  for (const file of files) {
    const text = readText(file);
    if (typeof text !== 'string') {
      mistakes.push(text);
      continue;
    }
    const { assignments, mistakes: wrong } = parseFile(file, text);
    const found = [...wrong];
    for (const assignment of assignments) {
      const { section, key, line } = assignment;
      const value = read(assignment);
      if (value instanceof SyntaxError) found.push({ file, line, key: `${section}.${key}`, message: value.message });
      else {
        Object.assign(values[section] ?? {}, { [key]: value });
        origins.set(`${section}.${key}`, { file, line });
      }
    }
    mistakes.push(...found.sort((one, other) => one.line - other.line));
  }
  // Every value has passed the schema that the type is made from, and every key has one.
  return { settings: values as unknown as Settings, origins, mistakes, files };
}

/** `FILE:LINE: KEY: MESSAGE` */
export function formatMistake({ file, line, key, message }: Mistake): string {
  return [line === 0 ? file : `${file}:${line}`, ...(key === '' ? [] : [key]), message].join(': ');
}

/** Every key with its schema, in the order in which they are documented. */
export function allKeys(): { section: string; key: string; schema: KeySchema }[] {
  return Object.entries(sections).flatMap(([section, { properties }]) =>
    Object.entries(properties).map(([key, schema]) => ({ section, key, schema })),
  );
}

function defaults(): Record<string, Record<string, unknown>> {
  const values: Record<string, Record<string, unknown>> = {};
  for (const { section, key, schema } of allKeys()) values[section] = { ...values[section], [key]: schema.default };
  return values;
}

/** The value, or what is wrong with it. */
function read({ section, key, text }: Assignment): unknown {
  const known: ReadonlyMap<string, SectionSchema> = new Map(Object.entries(sections));
  const keys = known.get(section)?.properties;
  if (keys === undefined) return new SyntaxError(`there is no section [${section}]${hint(section, [...known.keys()])}`);
  const schema = new Map(Object.entries(keys)).get(key);
  if (schema === undefined) return new SyntaxError(`there is no such key${hint(key, Object.keys(keys))}`);
  try {
    const value = parseValue(text, schema);
    return isValid({ [section]: { [key]: value } }) ? value : new SyntaxError(explain(isValid.errors?.[0], schema));
  } catch (error) {
    if (error instanceof SyntaxError) return error;
    throw error;
  }
}

/** Upper and lower case are easily mistaken. */
function hint(name: string, names: readonly string[]): string {
  const meant = names.find((one) => one.toLowerCase() === name.toLowerCase());
  return meant === undefined ? '' : `, but ${meant}`;
}

function explain(violation: Violation | undefined, { not }: KeySchema): string {
  if (violation === undefined) return 'it is not valid';
  const { keyword, params, message = 'is not valid' } = violation;
  if (keyword === 'enum') return `it has to be of ${(params as { allowedValues: unknown[] }).allowedValues.join(', ')}`;
  if (keyword === 'minimum') return `it has to be at least ${params.limit}`;
  if (keyword === 'maximum') return `it has to be at most ${params.limit}`;
  if (keyword === 'minItems') return 'it must not be empty';
  if (keyword === 'uniqueItems') return 'it has something twice';
  if (keyword === 'not') return `${not?.contains.const} has to stand alone`;
  return keyword === 'pattern' ? 'it is not spelled as it has to be' : `it ${message}`;
}
