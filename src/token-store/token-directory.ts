import { randomBytes } from 'node:crypto';
import { constants } from 'node:fs';
import { chmod, type FileHandle, lstat, mkdir, open, readdir, rename, stat, unlink } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { Busy, InvalidArgs, NotSupported } from '../errors.js';
import { parseRecord, serialiseRecord, type TokenRecord } from './token-record.js';

const TOKEN_FILE = /^([a-z2-7]{10})\.json$/;
const TEMPORARY_FILE = /^\.[a-z2-7]{10}\.[0-9a-f]{16}\.tmp$/;

/** Milliseconds. Nobody takes so long to write a file: what is older, a crash left. */
const ABANDONED = 60_000;

/** Bytes; a record is below 4 KiB, the rest is room for keys of later versions. */
const LARGEST_FILE = 65_536;

/**
 * The directory with one file for each token. A file is replaced as a whole or not at all, and what a method reports
 * as done is on disk. Files that are not ours to understand are left alone.
 */
export class TokenDirectory {
  readonly #path: string;
  /** Files that cannot be used, and why, as the log has it. */
  readonly #skipped = new Map<string, string>();

  private constructor(path: string) {
    this.#path = path;
  }

  /**
   * Makes the directory if need be, closes it to everybody else, and removes what a crash left half-written. `now` in
   * milliseconds since 1970-01-01 UTC.
   */
  static async open(path: string, now: number): Promise<TokenDirectory> {
    const directory = new TokenDirectory(path);
    await guard('opened', async () => {
      await mkdir(path, { recursive: true, mode: 0o700 });
      const { uid, mode } = await stat(path);
      if (uid !== process.geteuid?.()) throw new NotSupported('the token store belongs to another user');
      if ((mode & 0o077) !== 0) await close(path);
      const names = await readdir(path);
      await Promise.all(names.filter((name) => TEMPORARY_FILE.test(name)).map((name) => tidy(join(path, name), now)));
    });
    return directory;
  }

  /** The ids of all files that should hold a token. Who deleted the directory has deleted them all. */
  async ids(): Promise<string[]> {
    const names = await guard('read', () => orElse('ENOENT', [], readdir(this.#path)));
    return names.flatMap((name) => TOKEN_FILE.exec(name)?.[1] ?? []);
  }

  /** A token's record; undefined if there is no file, or none that can be used, which is logged. */
  async read(id: string): Promise<TokenRecord | undefined> {
    try {
      const record = parseRecord(await guard('read', () => readOwn(this.#file(id))));
      if (record.id !== id) throw new InvalidArgs(`it holds the token ${record.id}`);
      this.#skipped.delete(id);
      return record;
    } catch (error) {
      if (error instanceof NoFile) this.#skipped.delete(id);
      else if (error instanceof InvalidArgs) this.#skip(id, error.message);
      else throw error;
    }
  }

  /** As `read`, but a file that cannot be read now is logged and skipped as well. */
  async find(id: string): Promise<TokenRecord | undefined> {
    try {
      return await this.read(id);
    } catch (error) {
      this.#skip(id, (error as Error).message);
    }
  }

  /** Writes a record in place of the one before. After an error the file is either the old or the new one. */
  write(record: TokenRecord): Promise<void> {
    return guard('written', async () => {
      await mkdir(this.#path, { recursive: true, mode: 0o700 });
      const temporary = join(this.#path, `.${record.id}.${randomBytes(8).toString('hex')}.tmp`);
      try {
        await writeNew(temporary, serialiseRecord(record));
        await rename(temporary, this.#file(record.id));
      } catch (error) {
        await unlink(temporary).catch(() => {});
        throw error;
      }
      await this.#sync();
    });
  }

  remove(id: string): Promise<void> {
    return guard('written', async () => {
      await orElse('ENOENT', undefined, unlink(this.#file(id)));
      await orElse('ENOENT', undefined, this.#sync());
    });
  }

  /** Told once, however often somebody asks. */
  #skip(id: string, cause: string): void {
    if (this.#skipped.get(id) !== cause) console.warn(`token file ${id}.json is skipped: ${cause}`);
    this.#skipped.set(id, cause);
  }

  #file(id: string): string {
    return join(this.#path, `${id}.json`);
  }

  /** Names are data of their directory: without this a rename or unlink may be undone by a power cut. */
  async #sync(): Promise<void> {
    await using(await open(this.#path, constants.O_RDONLY | constants.O_DIRECTORY), (handle) => handle.sync());
  }
}

/** Thrown and caught in this file. */
class NoFile extends Error {}

/** What nobody can write needs no closing: of a secret a file has only the hash. */
async function close(path: string): Promise<void> {
  await orElse('EROFS', undefined, chmod(path, 0o700));
}

/** What the work results in, or `otherwise` if it fails in this way. */
async function orElse<T>(code: string, otherwise: T, work: Promise<T>): Promise<T> {
  try {
    return await work;
  } catch (error) {
    if (errnoOf(error) !== code) throw error;
    return otherwise;
  }
}

/** Removes a file that nobody is writing any more. One that stays does no harm, so that it must not stop anything. */
async function tidy(path: string, now: number): Promise<void> {
  try {
    const { mtimeMs } = await lstat(path);
    if (mtimeMs < now - ABANDONED) await unlink(path);
  } catch (error) {
    console.warn(`${basename(path)} is left in the token store: ${errnoOf(error)}`);
  }
}

async function writeNew(path: string, text: string): Promise<void> {
  const flags = constants.O_WRONLY | constants.O_CREAT | constants.O_EXCL | constants.O_NOFOLLOW;
  await using(await open(path, flags, 0o600), async (handle) => {
    await handle.writeFile(text);
    await handle.sync();
  });
}

/** Reads a regular file that nobody but us can have written. Neither a link nor a FIFO can lead or hold us up. */
async function readOwn(path: string): Promise<string> {
  const flags = constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK;
  return using(await openExisting(path, flags), async (handle) => {
    const stats = await handle.stat();
    const { uid, mode, size } = stats;
    if (!stats.isFile()) throw new InvalidArgs('it is not a regular file');
    if (uid !== process.geteuid?.()) throw new InvalidArgs(`it belongs to uid ${uid}`);
    if ((mode & 0o022) !== 0) throw new InvalidArgs('others can write it');
    if (size > LARGEST_FILE) throw new InvalidArgs(`it has ${size} bytes, more than ${LARGEST_FILE}`);
    return handle.readFile('utf8');
  });
}

async function openExisting(path: string, flags: number): Promise<FileHandle> {
  try {
    return await open(path, flags);
  } catch (error) {
    if (errnoOf(error) === 'ENOENT') throw new NoFile();
    if (errnoOf(error) === 'ELOOP') throw new InvalidArgs('it is a symbolic link');
    throw error;
  }
}

async function using<T>(handle: FileHandle, work: (handle: FileHandle) => Promise<T>): Promise<T> {
  try {
    return await work(handle);
  } finally {
    await handle.close();
  }
}

/**
 * A disk that cannot be written for good is NotSupported, one that is full or failing is Busy: the caller may try
 * again. Both name the system's error code, not the path.
 */
async function guard<T>(what: string, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    const code = errnoOf(error);
    if (code === undefined) throw error;
    const Kind = ['EROFS', 'EACCES', 'EPERM'].includes(code) ? NotSupported : Busy;
    throw new Kind(`the token store cannot be ${what}: ${code}`);
  }
}

function errnoOf(error: unknown): string | undefined {
  return error instanceof Error ? (error as NodeJS.ErrnoException).code : undefined;
}
