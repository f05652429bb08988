import { type ParseArgsConfig, parseArgs } from 'node:util';
import type { Argument, Command, Option, Value } from './command.js';
import { findCommand, GLOBAL_OPTIONS } from './command-table.js';
import { UsageError } from './usage-error.js';

type Values = Readonly<Record<string, string | boolean | (string | boolean)[] | undefined>>;

/** What was given on a command line, checked against the command's table. */
export class Arguments {
  readonly positionals: readonly string[];
  readonly #values: Values;

  constructor(positionals: readonly string[], values: Values) {
    this.positionals = positionals;
    this.#values = values;
  }

  flag(long: string): boolean {
    return this.#values[long] === true;
  }

  /** An option's value; undefined if it was not given. */
  text(long: string): string | undefined {
    const value = this.#values[long];
    return typeof value === 'string' ? value : undefined;
  }

  /** An option's value as a whole number from 0 to `largest`. */
  number(long: string, largest: number = Number.MAX_SAFE_INTEGER): number | undefined {
    const text = this.text(long);
    if (text === undefined) return undefined;
    const number = /^\d{1,16}$/.test(text) ? Number(text) : Number.NaN;
    if (!(number <= largest)) throw new UsageError(`--${long} takes a whole number from 0 to ${largest}`);
    return number;
  }

  /** The values of a repeated option. */
  list(long: string): readonly string[] {
    const value = this.#values[long];
    return Array.isArray(value) ? value.map(String) : [];
  }
}

export type CommandLine = { readonly command: Command | undefined; readonly given: Arguments };

/** Reads a command line. Raises UsageError, which names what is wrong; `--help` and `--version` excuse what is missing. */
export function parseCommandLine(args: readonly string[]): CommandLine {
  const at = args.findIndex((arg) => !arg.startsWith('-'));
  const name = at < 0 ? undefined : args[at];
  const command = name === undefined ? undefined : findCommand(name);
  if (name !== undefined && command === undefined)
    throw new UsageError(`unknown command '${name}'; remoteaccessctl --help lists them`);
  const rest = at < 0 ? [...args] : [...args.slice(0, at), ...args.slice(at + 1)];
  const options = [...GLOBAL_OPTIONS, ...(command?.options ?? [])];
  const { values, positionals } = parse(rest, options, command);
  const given = new Arguments(positionals, values);
  if (given.flag('help') || given.flag('version')) return { command, given };
  if (command === undefined) throw new UsageError('a command is missing; remoteaccessctl --help lists them');
  for (const { long, value } of command.options) {
    if (value === undefined) continue;
    for (const text of [given.text(long) ?? given.list(long)].flat()) checkChoice(`--${long}`, value, text, name);
  }
  checkPositionals(command, positionals);
  return { command, given };
}

function parse(args: string[], options: readonly Option[], command: Command | undefined) {
  const config: NonNullable<ParseArgsConfig['options']> = {};
  for (const { long, short, value, repeated } of options)
    config[long] = {
      type: value === undefined ? 'boolean' : 'string',
      ...(short === undefined ? {} : { short }),
      ...(repeated === undefined ? {} : { multiple: true }),
    };
  try {
    return parseArgs({ args, options: config, allowPositionals: true, strict: true });
  } catch (error) {
    throw new UsageError(explain(error as Error & { code?: string }), command?.name);
  }
}

/** parseArgs has more to say than the first sentence, and a capital letter. */
function explain(error: Error & { code?: string }): string {
  if (!error.code?.startsWith('ERR_PARSE_ARGS_')) throw error;
  const [line = ''] = error.message.split('\n');
  const sentence = line.replace(/\.( .*)?$/s, '').replace(/ <value>/, '');
  return sentence.charAt(0).toLowerCase() + sentence.slice(1);
}

function checkPositionals({ name, arguments: expected }: Command, given: readonly string[]): void {
  const missing = expected[given.length];
  if (missing !== undefined && missing.optional === undefined)
    throw new UsageError(`${missing.metavar} is missing: ${decapitalise(missing.summary)}`, name);
  const last: Argument | undefined = expected.at(-1);
  const surplus = given[expected.length];
  if (surplus !== undefined && last?.repeated === undefined)
    throw new UsageError(`unexpected argument '${surplus}'`, name);
  for (const [index, text] of given.entries()) {
    const argument = expected[index] ?? last;
    if (argument !== undefined) checkChoice(argument.metavar, argument, text, name);
  }
}

function checkChoice(what: string, { choices }: Value, text: string, command?: string): void {
  if (choices !== undefined && !choices.includes(text))
    throw new UsageError(`${what} is '${text}', and has to be one of ${choices.join(', ')}`, command);
}

function decapitalise(text: string): string {
  return text.charAt(0).toLowerCase() + text.slice(1);
}
