import { fileURLToPath } from 'node:url';
import { readDictionaries } from '../../scripts/generate/dictionary.js';
import { readInterfaces } from '../../scripts/generate/read.js';
import * as errors from '../../src/errors.js';

/** What interfaces/ promises about answers: which errors, and of what type. */

const OURS = 'org.freedesktop.RemoteAccess';
const folder = fileURLToPath(new URL('../../interfaces', import.meta.url));

/** Every error that docs/api lists, by its short name. */
const NAMES = new Map(
  Object.values(errors).flatMap((value) => {
    if (typeof value !== 'function' || !(value.prototype instanceof errors.RemoteAccessError)) return [];
    const { name, dbusName } = new (value as new (message: string) => errors.RemoteAccessError)('');
    return [[name, dbusName]];
  }),
);

/** What any call may be answered with: its caller, its path, its names or its arguments are wrong. */
const ALWAYS = [
  ...['NotAuthorized', 'InvalidArgs', 'GrantMissing'],
  ...['UnknownMethod', 'UnknownObject', 'UnknownInterface', 'UnknownProperty', 'PropertyReadOnly'],
];

const named = (names: readonly string[]): ReadonlySet<string> => new Set(names.map((name) => NAMES.get(name) ?? name));

export const ALL_ERRORS = named([...NAMES.keys()]);
export const COMMON_ERRORS = named(ALWAYS);

/** By interface and member: the errors that its documentation names. */
const documented = new Map<string, ReadonlySet<string>>();
for (const { name, methods } of readInterfaces(folder, readDictionaries(`${folder}/dictionaries`)))
  if (name.startsWith(OURS))
    for (const method of methods) {
      const told = [...(method.doc.split('Errors:')[1] ?? '').matchAll(/`(\w+)`/g)].map(([, word]) => word ?? '');
      documented.set(`${name}.${method.name}`, named([...ALWAYS, ...told.filter((word) => NAMES.has(word))]));
    }

/** The errors that a member of ours may answer, all of them full names. */
export function errorsOf(iface: string, member: string): ReadonlySet<string> {
  return documented.get(`${iface}.${member}`) ?? COMMON_ERRORS;
}
