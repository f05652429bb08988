import {
  allKeys,
  formatMistake,
  type Origin,
  type Read,
  readConfiguration,
  readFiles,
} from '../../configuration/read.js';
import { formatValue } from '../../configuration/value.js';
import type { Arguments } from '../arguments.js';
import type { Context } from '../context.js';
import { EXIT } from '../exit-code.js';
import type { Output } from '../output.js';
import { type Column, visible } from '../table.js';
import { UsageError } from '../usage-error.js';

export async function run({ output }: Context, given: Arguments): Promise<number> {
  const [action, ...files] = given.positionals;
  if (action === 'check') return check(output, files.length > 0 ? readFiles(files) : readConfiguration());
  if (files.length > 0) throw new UsageError(`unexpected argument '${files[0]}'`, 'config');
  return show(output, readConfiguration());
}

function check(output: Output, { mistakes, files }: Read): number {
  for (const mistake of mistakes)
    if (output.json) output.object(mistake);
    else output.line(visible(formatMistake(mistake)));
  if (!output.json && output.legend)
    output.line(`${plural(files.length, 'file')}, ${plural(mistakes.length, 'mistake')}.`);
  return mistakes.length === 0 ? EXIT.ok : EXIT.failed;
}

type Setting = {
  readonly section: string;
  readonly key: string;
  readonly value: unknown;
  readonly text: string;
  readonly origin: Origin | undefined;
};

const COLUMNS: readonly Column<Setting>[] = [
  { title: 'KEY', text: ({ section, key }) => `${section}.${key}` },
  { title: 'VALUE', text: ({ text }) => text },
  { title: 'FROM', text: ({ origin }) => (origin === undefined ? 'default' : `${origin.file}:${origin.line}`) },
];

function show(output: Output, { settings, origins, mistakes }: Read): number {
  const sections = new Map(Object.entries(settings).map(([name, values]) => [name, new Map(Object.entries(values))]));
  const all = allKeys().map(({ section, key, schema }): Setting => {
    const value: unknown = sections.get(section)?.get(key);
    return { section, key, value, text: formatValue(value, schema), origin: origins.get(`${section}.${key}`) };
  });
  if (!output.json) output.list(all, COLUMNS, 'settings');
  // JSON has no infinity.
  else
    for (const { section, key, value, text, origin } of all)
      output.object({ section, key, value: value === Number.POSITIVE_INFINITY ? text : value, ...origin });
  for (const mistake of mistakes) output.note(visible(formatMistake(mistake)));
  return mistakes.length === 0 ? EXIT.ok : EXIT.failed;
}

function plural(count: number, noun: string): string {
  return `${count} ${noun}${count === 1 ? '' : 's'}`;
}
