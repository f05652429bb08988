import type { Arguments } from './arguments.js';
import type { Context } from './context.js';

/** What a value on the command line stands for: completion offers what there is of it. */
export type ValueKind =
  | 'user'
  | 'session'
  /** The id of a session, or the name of its user. */
  | 'session-or-user'
  | 'token'
  | 'desktop'
  /** Grants, separated by commas. */
  | 'grants'
  | 'file'
  | 'directory'
  /** Nothing that could be completed. */
  | 'text';

export type Value = {
  /** As help shows it, in capitals. */
  readonly metavar: string;
  readonly kind: ValueKind;
  /** If there are no others. */
  readonly choices?: readonly string[];
};

/** A positional argument. Only the last one may be optional or repeated. */
export type Argument = Value & {
  /** One sentence without a full stop. */
  readonly summary: string;
  readonly optional?: true;
  readonly repeated?: true;
};

export type Option = {
  /** Without the dashes. */
  readonly long: string;
  readonly short?: string;
  /** Without it, a flag. */
  readonly value?: Value;
  /** May be given several times. */
  readonly repeated?: true;
  /** One sentence without a full stop. */
  readonly summary: string;
};

/**
 * A command as help, man page, completions and the parser know it. Texts are plain; `code` in backquotes is set off
 * where there is typography.
 */
export type Command = {
  readonly name: string;
  /** One line without a full stop, in the imperative. */
  readonly summary: string;
  /** Paragraphs, separated by empty lines. */
  readonly description: string;
  readonly arguments: readonly Argument[];
  readonly options: readonly Option[];
  /** The keys of each object that --json prints, and what they mean. */
  readonly keys: readonly (readonly [key: string, meaning: string])[];
  /** Exit codes that mean something of their own here. */
  readonly exits?: readonly (readonly [code: number, meaning: string])[];
  readonly examples: readonly { readonly line: string; readonly meaning: string }[];
  /** Loads what does it: commands that are not called cost nothing. */
  readonly load: () => Promise<Implementation>;
};

export type Implementation = {
  /** Resolves with the exit code if it is not 0. */
  run(context: Context, given: Arguments): Promise<number | void>;
};

export type CommandGroup = { readonly title: string; readonly commands: readonly Command[] };
