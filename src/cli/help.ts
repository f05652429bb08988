import type { Argument, Command, Option } from './command.js';
import { COMMAND_GROUPS, GLOBAL_OPTIONS } from './command-table.js';

/** How wide the left column may become. */
const LEFT = 30;

/** `remoteaccessctl --help`. */
export function globalHelp(): string {
  return [
    'remoteaccessctl [OPTIONS...] COMMAND ...',
    '',
    'Let remote desktop tools reach headless desktop sessions of this machine.',
    ...COMMAND_GROUPS.flatMap(({ title, commands }) => [
      '',
      `${title}:`,
      // All groups with the same columns.
      ...twoColumns(
        commands.map((command) => [synopsis(command), command.summary]),
        LEFT,
      ),
    ]),
    '',
    'Options:',
    ...optionLines(GLOBAL_OPTIONS),
    '',
    'remoteaccessctl COMMAND --help says more of a command; see also remoteaccessctl(1).',
    '',
  ].join('\n');
}

/** `remoteaccessctl COMMAND --help`. */
export function commandHelp(command: Command): string {
  const section = (title: string, lines: readonly string[]) => (lines.length === 0 ? [] : ['', `${title}:`, ...lines]);
  return [
    `remoteaccessctl ${synopsis(command)}`,
    '',
    wrap(plain(command.description), 78).join('\n'),
    ...section('Arguments', twoColumns(command.arguments.map(({ metavar, summary }) => [metavar, plain(summary)]))),
    ...section('Options', optionLines([...command.options, ...GLOBAL_OPTIONS])),
    ...section('JSON keys', twoColumns(command.keys.map(([key, meaning]) => [key, plain(meaning)]))),
    ...section('Exit codes', twoColumns((command.exits ?? []).map(([code, meaning]) => [`${code}`, plain(meaning)]))),
    ...section(
      'Examples',
      command.examples.flatMap(({ line, meaning }) => [
        `  ${line}`,
        ...wrap(plain(meaning), 72).map((l) => `      ${l}`),
      ]),
    ),
    '',
  ].join('\n');
}

/** The command with its arguments, as in `revoke ID...`. */
export function synopsis({ name, options, arguments: args }: Command): string {
  return [name, ...(options.length > 0 ? ['[OPTIONS...]'] : []), ...args.map(argumentText)].join(' ');
}

function argumentText({ metavar, choices, optional, repeated }: Argument): string {
  const text = `${choices?.join('|') ?? metavar}${repeated ? '...' : ''}`;
  return optional ? `[${text}]` : text;
}

/** `-j --json`, or `--label=TEXT`. */
export function optionText({ long, short, value }: Option): string {
  return `${short === undefined ? '  ' : `-${short}`} --${long}${value === undefined ? '' : `=${value.metavar}`}`;
}

function optionLines(options: readonly Option[]): string[] {
  return twoColumns(options.map((option) => [optionText(option), plain(option.summary)]));
}

function twoColumns(rows: readonly (readonly [string, string])[], least = 0): string[] {
  const width = Math.min(LEFT, Math.max(least, ...rows.map(([left]) => left.length)));
  return rows.flatMap(([left, right]) => {
    const [first = '', ...more] = wrap(right, 78 - width - 3);
    const indent = ' '.repeat(width + 3);
    const start = left.length > width ? [`  ${left}`, indent + first] : [`  ${left.padEnd(width)} ${first}`];
    return [...start, ...more.map((line) => indent + line)];
  });
}

/** Lines no longer than the width, where words allow; empty lines stay. */
function wrap(text: string, width: number): string[] {
  return text.split('\n\n').flatMap((paragraph, index) => {
    const lines: string[] = [];
    let line = '';
    for (const word of paragraph.split(/\s+/)) {
      if (line !== '' && line.length + 1 + word.length > width) {
        lines.push(line);
        line = word;
      } else line = line === '' ? word : `${line} ${word}`;
    }
    return index === 0 ? [...lines, line] : ['', ...lines, line];
  });
}

function plain(text: string): string {
  return text.replaceAll('`', '');
}
