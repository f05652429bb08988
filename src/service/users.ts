import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { Busy } from '../errors.js';

/** An entry of the user database (passwd(5)) without the password. */
export type User = {
  readonly name: string;
  readonly uid: number;
  readonly gid: number;
  readonly home: string;
  readonly shell: string;
  readonly gecos: string;
};

/** Milliseconds for one look-up: a directory server may have to be asked. */
const DEADLINE = 10_000;
/** Bytes; an entry is one line. */
const LARGEST_ENTRY = 65_536;
/** Look-ups at once of names that one uid makes up. */
const MOST_LOOKUPS = 8;
/** getent(1) exits with this if there is no such key. */
const NOT_FOUND = 2;
const LARGEST_ID = 0xff_ff_ff_fe;
/** -1 of the 16 bits that uids once had: systemd takes it for nobody, and no session can be theirs. */
const NO_UID_OF_16_BITS = 0xff_ff;

const run = promisify(execFile);
type Lookup = Promise<User | undefined>;
const running = new Map<string, Lookup>();
/** Which of them are for whom. */
const asked = new Map<number, Set<Lookup>>();

/**
 * Looks a user up by name or uid; undefined if there is none. The answer is never kept: a user may be removed at any
 * time. Node has no getpwnam, and the NSS modules behind it, which may block or crash, are better off in getent(1).
 * The name found may be spelled otherwise than the one asked for, where the database has aliases or ignores case.
 * `asker` is the uid that chose the name, if anybody did: it has to wait for its own look-ups, and nobody else does.
 * Busy: the database does not answer, or the asker asks too much.
 */
export function findUser(
  user: string | number,
  { asker = 0, command = 'getent', deadline = DEADLINE }: { asker?: number; command?: string; deadline?: number } = {},
): Lookup {
  if (!(typeof user === 'number' ? isUid(user) : isName(user))) return Promise.resolve(undefined);
  const key = String(user);
  // Whoever asks the same at the same time gets the same answer.
  const same = running.get(key);
  if (same !== undefined) return same;
  const own = asked.get(asker) ?? new Set();
  // Root's tools ask for many people.
  if (asker !== 0 && own.size >= MOST_LOOKUPS) return Promise.reject(new Busy('too many users are being looked up'));
  const lookup = getent(command, key, deadline)
    .then((entry) => (typeof user === 'number' && entry?.uid !== user ? undefined : entry))
    .finally(() => {
      running.delete(key);
      own.delete(lookup);
      if (own.size === 0) asked.delete(asker);
    });
  running.set(key, lookup);
  asked.set(asker, own.add(lookup));
  return lookup;
}

async function getent(command: string, key: string, deadline: number): Promise<User | undefined> {
  try {
    const { stdout } = await run(command, ['passwd', '--', key], {
      encoding: 'utf8',
      env: { PATH: process.env.PATH, LC_ALL: 'C' },
      killSignal: 'SIGKILL',
      maxBuffer: LARGEST_ENTRY,
      // Unlike `timeout` this does not wait for a child that cannot be killed.
      signal: AbortSignal.timeout(deadline),
    });
    return parseEntry(stdout);
  } catch (error) {
    const { code, name } = error as { code?: unknown; name?: unknown };
    if (code === NOT_FOUND) return undefined;
    const cause = name === 'AbortError' ? `no answer within ${deadline / 1000} s` : `getent failed: ${code}`;
    throw new Busy(`the user database cannot be read: ${cause}`);
  }
}

/** One line: name:password:uid:gid:gecos:home:shell. */
function parseEntry(text: string): User | undefined {
  const fields = text.replace(/\n$/, '').split(':');
  const [name, , uid, gid, gecos, home, shell] = fields;
  if (fields.length !== 7 || text.trimEnd().includes('\n')) return undefined;
  if (name === undefined || gecos === undefined || home === undefined || shell === undefined) return undefined;
  const ids = { uid: parseId(uid), gid: parseId(gid) };
  if (!isName(name) || ids.uid === undefined || ids.gid === undefined || !isUid(ids.uid)) return undefined;
  return { name, uid: ids.uid, gid: ids.gid, home, shell, gecos };
}

function parseId(text: string | undefined): number | undefined {
  const id = text !== undefined && /^\d{1,10}$/.test(text) ? Number(text) : undefined;
  return id !== undefined && isId(id) ? id : undefined;
}

/** Larger numbers must not reach getent: it would take them modulo 2^32, and 4294967296 for root. */
function isId(id: number): boolean {
  return Number.isInteger(id) && id >= 0 && id <= LARGEST_ID;
}

function isUid(uid: number): boolean {
  return isId(uid) && uid !== NO_UID_OF_16_BITS;
}

/**
 * Whether somebody may be called so. getent takes anything that strtoul(3) reads as a uid, so that no name may look like
 * one; the rest is what logind makes no session for (https://systemd.io/USER_NAMES, "relaxed mode").
 */
export function isName(name: string): boolean {
  return (
    /^[^\p{Cc}\p{Cs}:/-][^\p{Cc}\p{Cs}:/]{0,255}$/u.test(name) &&
    !/^\s*[+-]?\d+$/.test(name) &&
    !/^ | $|^\.{1,2}$/.test(name)
  );
}
