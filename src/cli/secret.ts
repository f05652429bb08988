import { fstatSync, readSync } from 'node:fs';
import { open } from 'node:fs/promises';
import type { Arguments } from './arguments.js';
import type { Option } from './command.js';
import { UsageError } from './usage-error.js';

/** Bytes; what we read has a few dozen. */
const LARGEST_SECRET = 4096;

/** How a command is given a token. Never as an argument or in the environment: other users can read the one, other programs the other. */
export const TOKEN_OPTIONS: readonly Option[] = [
  {
    long: 'token-file',
    value: { metavar: 'FILE', kind: 'file' },
    summary: 'Read the token from this file; `-` is standard input',
  },
  {
    long: 'token-fd',
    value: { metavar: 'N', kind: 'text' },
    summary: 'Read the token from this file descriptor, which the caller opened',
  },
];

/** The token that --token-file or --token-fd leads to; undefined if neither was given. */
export async function readToken(given: Arguments): Promise<string | undefined> {
  const file = given.text('token-file');
  const descriptor = given.number('token-fd', 1_048_576);
  if (file !== undefined && descriptor !== undefined)
    throw new UsageError('--token-file and --token-fd exclude each other');
  if (descriptor !== undefined) return readSecret('--token-fd', descriptor);
  if (file === undefined) return undefined;
  return readSecretFile('--token-file', file);
}

/** The first line of a file, or of standard input for `-`. */
export async function readSecretFile(option: string, file: string): Promise<string> {
  if (file === '-') return readSecret(option, 0);
  await using handle = await open(file, 'r');
  return readSecret(option, handle.fd);
}

function readSecret(option: string, fd: number): string {
  if (fd < 0) throw new UsageError(`${option} takes a descriptor`);
  // A terminal would show it to whoever looks on.
  fstatSync(fd);
  const buffer = Buffer.alloc(LARGEST_SECRET + 1);
  let length = 0;
  while (length < buffer.length && !buffer.subarray(0, length).includes(0x0a)) {
    const read = readSync(fd, buffer, length, buffer.length - length, null);
    if (read === 0) break;
    length += read;
  }
  const [line = ''] = buffer.toString('utf8', 0, length).split('\n');
  buffer.fill(0);
  const secret = line.replace(/\r$/, '');
  if (secret === '') throw new UsageError(`${option}: there is nothing to read`);
  if (secret.length > LARGEST_SECRET) throw new UsageError(`${option}: the first line is too long to be a token`);
  return secret;
}
