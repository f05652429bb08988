import { createReadStream } from 'node:fs';
import { UsageError } from './usage-error.js';

/** All of standard input. UsageError if it is more than so many bytes. */
export async function readIn(limit: number): Promise<Buffer> {
  const parts: Buffer[] = [];
  let length = 0;
  for await (const part of createReadStream('', { fd: 0, autoClose: false }) as AsyncIterable<Buffer>) {
    length += part.length;
    if (length > limit) throw new UsageError(`standard input has more than ${limit} bytes`);
    parts.push(part);
  }
  return Buffer.concat(parts);
}

/** Returns when standard output has taken the bytes. */
export function writeOut(bytes: Uint8Array): Promise<void> {
  return new Promise((resolve, reject) => {
    process.stdout.write(bytes, (error) => (error ? reject(error) : resolve()));
  });
}
