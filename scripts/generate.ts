import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { readDictionaries } from './generate/dictionary.js';
import { manualPage } from './generate/manual.js';
import { contentsPage, interfacePage } from './generate/markdown.js';
import { readInterfaces } from './generate/read.js';
import { dictionariesModule, interfaceModule, moduleName } from './generate/typescript.js';
import { validatorsModule, validatorTypes } from './generate/validators.js';

/**
 * Makes src/bus/generated/ and docs/api/ from interfaces/. With --check nothing is written: the names of the files
 * that would change are printed, and the exit status is 1 if there are any.
 */
const root = join(dirname(fileURLToPath(import.meta.url)), '..');
const GENERATED = ['src/bus/generated', 'docs/api'];

const dictionaries = readDictionaries(join(root, 'interfaces/dictionaries'));
const interfaces = readInterfaces(join(root, 'interfaces'), dictionaries);
const documented = interfaces.filter(({ role }) => role === 'public');
const errorsSource = readFileSync(join(root, 'src/errors.ts'), 'utf8');

const files = new Map<string, string>([
  ['src/bus/generated/dictionaries.ts', dictionariesModule(dictionaries)],
  ['src/bus/generated/validators.js', validatorsModule(dictionaries)],
  ['src/bus/generated/validators.d.ts', validatorTypes(dictionaries)],
  ...interfaces.map((one): [string, string] => [`src/bus/generated/${moduleName(one.name)}.ts`, interfaceModule(one)]),
  ['docs/api/README.md', contentsPage(documented, dictionaries, errorsSource)],
  ['docs/api/org.freedesktop.RemoteAccess.5', manualPage(documented, dictionaries, errorsSource)],
  ...documented.map((one): [string, string] => [`docs/api/${one.name}.md`, interfacePage(one, dictionaries)]),
]);

const present = GENERATED.flatMap((folder) =>
  existsSync(join(root, folder)) ? readdirSync(join(root, folder)).map((file) => `${folder}/${file}`) : [],
);
const changed = [...files]
  .filter(([path, text]) => !present.includes(path) || readFileSync(join(root, path), 'utf8') !== text)
  .map(([path]) => path);
const stale = present.filter((path) => !files.has(path));

if (process.argv.includes('--check')) {
  for (const path of [...changed, ...stale]) console.log(path);
  process.exitCode = changed.length + stale.length > 0 ? 1 : 0;
} else {
  for (const path of changed) {
    mkdirSync(dirname(join(root, path)), { recursive: true });
    writeFileSync(join(root, path), files.get(path) ?? '');
  }
  for (const path of stale) rmSync(join(root, path));
}
