import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { text } from 'node:stream/consumers';
import { fileURLToPath } from 'node:url';
import { NOBODY, type Person } from './person.js';

const PROGRAM = fileURLToPath(new URL('../../dist/bench/first-frame', import.meta.url));

/** A picture that takes longer will not come. */
const DEADLINE_MS = 20_000;

export type Frame = {
  readonly size: readonly [width: number, height: number];
  /** As performance.now() counts. */
  readonly at: number;
};

/** Nanoseconds of CLOCK_MONOTONIC at performance.now() = 0. */
const ORIGIN = Number(process.hrtime.bigint()) - performance.now() * 1e6;

/** Milliseconds as performance.now() counts, of a time in nanoseconds of CLOCK_MONOTONIC. */
export function fromMonotonic(nanoseconds: number): number {
  return (nanoseconds - ORIGIN) / 1e6;
}

/** The first picture over a descriptor of OpenPipeWireRemote, to a process of user nobody. */
export function frameOver(fd: number, node: number): Promise<Frame> {
  return consume([String(node)], NOBODY, fd);
}

/** The first picture of a node, to a process of the session's user; with a size, of a monitor that is to have that size. */
export function frameOf(person: Person, node: number, size?: readonly [number, number]): Promise<Frame> {
  return consume([node, ...(size ?? [])].map(String), person);
}

async function consume(args: readonly string[], { uid, gid, runtime }: Person, fd?: number): Promise<Frame> {
  const environment = { XDG_RUNTIME_DIR: runtime, ...(fd === undefined ? {} : { PIPEWIRE_FD: '3' }) };
  const child = spawn(PROGRAM, args, {
    uid,
    gid,
    env: environment,
    stdio: ['ignore', 'pipe', 'inherit', ...(fd === undefined ? [] : [fd])],
    timeout: DEADLINE_MS,
  });
  if (child.stdout === null) throw new TypeError('stdout is no pipe');
  const [output, [status]] = await Promise.all([text(child.stdout), once(child, 'close')]);
  if (status !== 0) throw new Error(`no picture came (${status ?? 'too late'})`);
  const [width = 0, height = 0, at = 0] = output.trim().split(' ').map(Number);
  return { size: [width, height], at: fromMonotonic(at) };
}
