import { existsSync, readdirSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import type { Figure } from './figure.js';
import { table, writeResults } from './table.js';

/** `npm run bench [-- GROUP...]`: runs the groups (the folders beside this file), prints a table, writes results.json. */

const here = (path: string): string => fileURLToPath(new URL(path, import.meta.url));

const all = readdirSync(here('.')).filter((name) => existsSync(here(`./${name}/bench.ts`)));
const wanted = process.argv.slice(2);
const unknown = wanted.filter((name) => !all.includes(name));
if (unknown.length > 0) {
  console.error(`no such group: ${unknown.join(', ')} (there are: ${all.join(', ')})`);
  process.exit(2);
}

const figures: Figure[] = [];
for (const group of wanted.length > 0 ? wanted : all) {
  console.error(`measuring ${group}`);
  const { run } = (await import(`./${group}/bench.js`)) as { run: () => Promise<Figure[]> };
  figures.push(...(await run()));
}
console.log(table(figures));
writeResults(here('./results.json'), figures);
