import { fstatSync, writeSync } from 'node:fs';

export const STDIN = 0;
export const STDOUT = 1;
export const STDERR = 2;

/** Milliseconds until a full pipe is tried again that somebody made non-blocking. */
const PAUSE = 5;

/**
 * Writes a text, all of it, before it returns; throws the system's error. process.stdout could do it as well, but to
 * load it takes longer than most commands run.
 */
export function write(fd: typeof STDOUT | typeof STDERR, text: string): void {
  const bytes = Buffer.from(text);
  for (let written = 0; written < bytes.length; ) {
    try {
      written += writeSync(fd, bytes, written);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EAGAIN') throw error;
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, PAUSE);
    }
  }
}

/** Whether a descriptor leads to a terminal, or to another device that minds nothing, as /dev/null. */
export function isTerminal(fd: number): boolean {
  try {
    return fstatSync(fd).isCharacterDevice();
  } catch {
    return false;
  }
}
