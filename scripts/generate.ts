import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { exampleFile, readConfigurationSchema, settingsModule } from './generate/configuration.js';
import { configurationManual } from './generate/configuration-manual.js';
import { readDictionaries } from './generate/dictionary.js';
import { manualPage } from './generate/manual.js';
import { contentsPage, interfacePage } from './generate/markdown.js';
import { readInterfaces } from './generate/read.js';
import { dictionariesModule, interfaceModule, moduleName } from './generate/typescript.js';
import { validatorsModule, validatorTypes } from './generate/validators.js';

/**
 * Makes the folders below from interfaces/. With --check nothing is written: the names of the files
 * that would change are printed, and the exit status is 1 if there are any.
 */
const root = join(dirname(fileURLToPath(import.meta.url)), '..');
const GENERATED = ['src/bus/generated', 'src/configuration/generated', 'docs/api', 'docs/configuration'];

const CONFIGURATION = 'interfaces/configuration.json';

const dictionaries = readDictionaries(join(root, 'interfaces/dictionaries'));
const interfaces = readInterfaces(join(root, 'interfaces'), dictionaries);
const documented = interfaces.filter(({ role }) => role === 'public');
const configuration = readConfigurationSchema(join(root, CONFIGURATION));
const errorsSource = readFileSync(join(root, 'src/errors.ts'), 'utf8');

const files = new Map<string, string>([
  ['src/bus/generated/dictionaries.ts', dictionariesModule(dictionaries)],
  ['src/bus/generated/validators.js', validatorsModule(dictionaries, 'interfaces/dictionaries/', '..')],
  ['src/bus/generated/validators.d.ts', validatorTypes(dictionaries, 'interfaces/dictionaries/', '../dictionary.js')],
  ...interfaces.map((one): [string, string] => [`src/bus/generated/${moduleName(one.name)}.ts`, interfaceModule(one)]),
  ['src/configuration/generated/settings.ts', settingsModule(configuration)],
  ['src/configuration/generated/validator.js', validatorsModule([configuration], CONFIGURATION, '../../bus')],
  ['src/configuration/generated/validator.d.ts', validatorTypes([configuration], CONFIGURATION, '../schema.js')],
  ['docs/configuration/remote-access.conf', exampleFile(configuration)],
  ['docs/configuration/remote-access.conf.5', configurationManual(configuration)],
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
