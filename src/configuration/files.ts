import { readdirSync, readFileSync, realpathSync, statSync } from 'node:fs';
import { basename, join } from 'node:path';
import type { Mistake } from './parse.js';

/** Where configuration is, the folder that counts most first: systemd's order. */
export const FOLDERS = [
  '/etc/remote-access',
  '/run/remote-access',
  '/usr/local/lib/remote-access',
  '/usr/lib/remote-access',
];
const NAME = 'remote-access.conf';

/** Stands for whatever is in a folder that cannot be looked into. */
const UNREADABLE = '*.conf';

/** Bytes. */
const LARGEST_FILE = 262_144;

/**
 * The files that count, in the order in which they do: the first main file there is, then the drop-ins of all folders by
 * name. A drop-in hides those of the same name in later folders, and a link to /dev/null does nothing else.
 */
export function findFiles(folders: readonly string[] = FOLDERS): string[] {
  const main = folders.map((folder) => join(folder, NAME)).find((path) => isThere(path));
  const dropIns = new Map<string, string>();
  for (const folder of folders.map((path) => join(path, `${NAME}.d`)))
    for (const name of namesIn(folder))
      if (name.endsWith('.conf') && !name.startsWith('.') && !dropIns.has(name)) dropIns.set(name, join(folder, name));
  const sorted = [...dropIns.values()].sort((one, other) => (basename(one) < basename(other) ? -1 : 1));
  return [...(main === undefined ? [] : [main]), ...sorted].filter((path) => !isMasked(path));
}

/** A file's text. One that is there and cannot be read is a mistake: it may forbid something. */
export function readText(file: string): string | Mistake {
  const mistake = (message: string) => ({ file, line: 0, key: '', message });
  try {
    const stats = statSync(file);
    // Nothing that would make us wait.
    if (!stats.isFile()) return mistake('it is not a regular file');
    if (stats.size > LARGEST_FILE) return mistake(`it has ${stats.size} bytes, more than ${LARGEST_FILE}`);
    return new TextDecoder('utf-8', { fatal: true }).decode(readFileSync(file));
  } catch (error) {
    if (error instanceof TypeError) return mistake('it is not UTF-8');
    return mistake(`it cannot be read: ${(error as NodeJS.ErrnoException).code}`);
  }
}

function namesIn(folder: string): string[] {
  try {
    return readdirSync(folder);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'ENOENT' || code === 'ENOTDIR') return [];
    // Reading it says why it cannot be read.
    return [UNREADABLE];
  }
}

/** Also what cannot be looked at. */
function isThere(path: string): boolean {
  try {
    statSync(path);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code !== 'ENOENT';
  }
}

function isMasked(path: string): boolean {
  try {
    return realpathSync(path) === '/dev/null';
  } catch {
    return false;
  }
}
