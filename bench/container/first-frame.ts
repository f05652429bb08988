import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
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

/** When each picture comes over a descriptor of OpenPipeWireRemote, as performance.now() counts, until disposed. */
export class FrameTimes implements Disposable {
  readonly all: number[] = [];
  readonly #child;

  constructor(fd: number, node: number) {
    this.#child = start([String(node), 'all'], NOBODY, fd);
    createInterface(this.#child.stdout).on('line', (line) => this.all.push(fromMonotonic(Number(line.split(' ')[2]))));
  }

  [Symbol.dispose](): void {
    this.#child.kill();
  }
}

async function consume(args: readonly string[], person: Person, fd?: number): Promise<Frame> {
  const child = start(args, person, fd);
  const late = setTimeout(() => child.kill(), DEADLINE_MS);
  const [output, [status]] = await Promise.all([text(child.stdout), once(child, 'close')]);
  clearTimeout(late);
  if (status !== 0) throw new Error(`no picture came (${status ?? 'too late'})`);
  const [width = 0, height = 0, at = 0] = output.trim().split(' ').map(Number);
  return { size: [width, height], at: fromMonotonic(at) };
}

function start(args: readonly string[], { uid, gid, runtime }: Person, fd?: number) {
  const env = { XDG_RUNTIME_DIR: runtime, ...(fd === undefined ? {} : { PIPEWIRE_FD: '3' }) };
  const stdio = ['ignore', 'pipe', 'inherit', ...(fd === undefined ? [] : [fd])] as const;
  const child = spawn(PROGRAM, args, { uid, gid, env, stdio: [...stdio] });
  if (child.stdout === null) throw new TypeError('stdout is no pipe');
  return Object.assign(child, { stdout: child.stdout });
}
