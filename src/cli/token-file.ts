import { open, unlink } from 'node:fs/promises';
import { InvalidArgs } from '../errors.js';

/**
 * Writes a token to a new file that only its owner can read. The file is made first: a token that could not be kept
 * is not asked for. InvalidArgs: the file exists; it may be somebody's trap, or another token.
 */
export async function writeTokenFile(path: string, make: () => Promise<string>): Promise<void> {
  await using file = await open(path, 'wx', 0o600).catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'EEXIST') throw new InvalidArgs(`${path} exists; it is not overwritten`);
    throw error;
  });
  try {
    await file.writeFile(`${await make()}\n`);
    await file.sync();
  } catch (error) {
    await unlink(path);
    throw error;
  }
}
