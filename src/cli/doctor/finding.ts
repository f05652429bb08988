import { execFile } from 'node:child_process';
import { stat } from 'node:fs/promises';
import type { Bus } from '../../bus/bus.js';

/** What a check found. `unknown`: it could not be seen, mostly because we are not root. */
export type Finding = {
  readonly state: 'ok' | 'warning' | 'problem' | 'unknown';
  readonly message: string;
  /** What to do about it: commands, or a sentence. */
  readonly remedy?: string;
};

/** Where a check looks, apart from the file system. */
export type Surroundings = {
  /** The system bus, or why it cannot be reached. */
  readonly bus: Bus | Error;
};

/** Something that remote access needs. What it finds wrong; or one finding that all is well. */
export type Check = {
  readonly name: string;
  look(surroundings: Surroundings): Promise<Finding[]>;
};

export const REINSTALL = 'apt install --reinstall remote-access';

export function ok(message: string): Finding {
  return { state: 'ok', message };
}

export function problem(message: string, remedy: string): Finding {
  return { state: 'problem', message, remedy };
}

export function warning(message: string, remedy: string): Finding {
  return { state: 'warning', message, remedy };
}

export function unknown(message: string, remedy = 'run it as root'): Finding {
  return { state: 'unknown', message, remedy };
}

/** What is wrong, or if nothing is, that all is well. */
export function unlessWrong(wrong: readonly Finding[], message: string): Finding[] {
  return wrong.length > 0 ? [...wrong] : [ok(message)];
}

export async function exists(path: string): Promise<boolean> {
  return stat(path).then(
    () => true,
    () => false,
  );
}

/** Those of the paths where nothing is. */
export async function missing(paths: readonly string[]): Promise<string[]> {
  const there = await Promise.all(paths.map(exists));
  return paths.filter((_, index) => !there[index]);
}

/** Milliseconds for a program that only tells something. */
const DEADLINE = 10_000;

/** What a program prints on standard output, whatever its exit status; undefined if it cannot be run. */
export function ask(program: string, ...args: string[]): Promise<string | undefined> {
  return new Promise((resolve) => {
    const options = {
      encoding: 'utf8',
      signal: AbortSignal.timeout(DEADLINE),
      env: { ...process.env, LC_ALL: 'C' },
    } as const;
    execFile(program, args, options, (error, stdout) =>
      resolve(error === null || typeof error.code === 'number' ? stdout : undefined),
    );
  });
}

/** Properties of a systemd unit. */
export async function unitProperties(unit: string, ...names: string[]): Promise<Map<string, string>> {
  const text = (await ask('systemctl', 'show', ...names.map((name) => `--property=${name}`), '--', unit)) ?? '';
  return new Map(
    text
      .split('\n')
      .filter((line) => line.includes('='))
      .map((line) => [line.slice(0, line.indexOf('=')), line.slice(line.indexOf('=') + 1)]),
  );
}
