import { execFile } from 'node:child_process';
import { promisify } from 'node:util';

/** What a person does when the pattern appears: types, or has a signal sent to the program. */
export type Step = { readonly after: string; readonly text?: string; readonly signal?: NodeJS.Signals };

export type Shown = { readonly shown: string; readonly status: number; readonly echo: boolean };

/**
 * Runs a command at a terminal of that user's: what it showed, the exit status (that of a signal is negative), and
 * whether the terminal echoes in the end.
 */
export async function atTerminal(
  user: string,
  command: readonly string[],
  steps: readonly Step[],
  env: Readonly<Record<string, string>> = {},
): Promise<Shown> {
  const session = ['--quiet', '--pipe', '--wait', '--collect', `--uid=${user}`, '--property=PAMName=login'];
  const variables = Object.entries(env).map(([name, value]) => `--setenv=${name}=${value}`);
  const terminal = ['/src/test/system/clients/terminal.py', JSON.stringify(steps)];
  const { stdout } = await promisify(execFile)('systemd-run', [...session, ...variables, ...terminal, ...command]);
  return JSON.parse(stdout);
}
