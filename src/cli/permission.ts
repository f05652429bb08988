import type { Readable } from 'node:stream';
import { CallError } from '../bus/call-error.js';
import type { CallOptions } from '../bus/descriptor.js';
import { isTerminal, STDERR, STDIN } from './write.js';

const AGENT = '/usr/bin/pkttyagent';
/** Milliseconds: polkit gives up after two minutes. */
const DEADLINE = 150_000;

/**
 * Calls something that polkit may guard. If it is refused and a person sits at our terminal, they are asked for a
 * password by polkit's own agent for terminals, and it is called once more: what was refused has done nothing.
 */
export async function withPermission<Result>(
  call: (options: CallOptions) => Promise<Result>,
  options: CallOptions = {},
): Promise<Result> {
  try {
    return await call(options);
  } catch (error) {
    if (!isRefusal(error) || process.geteuid?.() === 0 || !isTerminal(STDIN) || !isTerminal(STDERR)) throw error;
    using agent = await startAgent();
    if (agent === undefined) throw error;
    return await call({ timeout: DEADLINE, ...options, interactive: true });
  }
}

function isRefusal(error: unknown): boolean {
  return error instanceof CallError && error.dbusName === 'org.freedesktop.RemoteAccess.Error.NotAuthorized';
}

/** Undefined if it is not installed, or polkit does not want it. */
async function startAgent(): Promise<Disposable | undefined> {
  const { spawn } = await import('node:child_process');
  return new Promise((resolve) => {
    // It closes its descriptor when it is ready. --fallback: a desktop's own agent comes first.
    const agent = spawn(AGENT, ['--notify-fd=3', '--fallback'], { stdio: ['inherit', 'inherit', 'inherit', 'pipe'] });
    agent.on('error', () => resolve(undefined));
    agent.on('exit', () => resolve(undefined));
    const ready = agent.stdio[3] as Readable;
    ready.on('close', () => resolve({ [Symbol.dispose]: () => agent.kill() })).resume();
  });
}
