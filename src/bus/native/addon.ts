import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

/**
 * Loads one of the project's own Node-API addons by name. They lie in `native/` beside an installed program (which is
 * one bundled file, or a folder of such), and in `dist/native/` when TypeScript is run from the source tree.
 */
export function loadAddon<T>(name: string): T {
  const places = [`./native/${name}.node`, `../native/${name}.node`, `../../../dist/native/${name}.node`];
  const paths = places.map((place) => fileURLToPath(new URL(place, import.meta.url)));
  const path = paths.find(existsSync);
  if (path === undefined) throw new Error(`${name}.node is not built: run npm run build`);
  const module = { exports: {} };
  // What require() does, without its module, which takes Node.js some milliseconds to load.
  process.dlopen(module, path);
  return module.exports as T;
}
