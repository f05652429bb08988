import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { run, uidOf } from './fixture.js';

/** remoteaccessctl as the tests call it: the installed one, in an environment of its own. */

export type Result = { readonly code: number | null; readonly stdout: string; readonly stderr: string };

export type Caller = {
  /** Who runs it; root without this. */
  readonly user?: string;
  readonly input?: string;
  readonly cwd?: string;
  readonly env?: Record<string, string>;
};

const PATH = '/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin';

/** Starts remoteaccessctl. */
export function start(args: readonly string[], { user = 'root', cwd = '/', env = {} }: Caller = {}): ChildProcess {
  // Node's own options take no uid above 2^31.
  const identity = [`--reuid=${uidOf(user)}`, `--regid=${run('id', '--group', user)}`, '--clear-groups'];
  return spawn('setpriv', [...identity, '--', 'remoteaccessctl', ...args], {
    cwd,
    env: { PATH, LC_ALL: 'C.UTF-8', TZ: 'UTC', ...env },
    stdio: ['pipe', 'pipe', 'pipe'],
  });
}

/** Runs remoteaccessctl to its end. */
export async function command(args: readonly string[], caller: Caller = {}): Promise<Result> {
  const child = start(args, caller);
  let stdout = '';
  let stderr = '';
  child.stdout?.setEncoding('utf8').on('data', (text: string) => {
    stdout += text;
  });
  child.stderr?.setEncoding('utf8').on('data', (text: string) => {
    stderr += text;
  });
  // It may end without reading.
  child.stdin?.on('error', () => {});
  child.stdin?.end(caller.input ?? '');
  const [code] = (await once(child, 'close')) as [number | null];
  return { code, stdout, stderr };
}

/** The objects that a command printed with --json. */
export function objectsIn(text: string): Record<string, unknown>[] {
  return text
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line));
}
