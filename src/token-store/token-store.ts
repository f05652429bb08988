import { timingSafeEqual } from 'node:crypto';
import { EventEmitter } from 'node:events';
import type { Grant, TokenInfo } from '../bus/generated/dictionaries.js';
import { Busy, InvalidArgs, InvalidToken, NoSuchToken } from '../errors.js';
import { formatToken, generateToken, type HashedToken, hashSecret, ID, parseToken } from './token.js';
import { TokenDirectory } from './token-directory.js';
import { describeRecord, parseRecord, type TokenRecord } from './token-record.js';

/** What a token is made for. Times are seconds since 1970-01-01 UTC. */
export type Provision = {
  readonly user: string;
  readonly uid: number;
  readonly grants: readonly Grant[];
  readonly label: string;
  readonly appId: string;
  /** From when on it is not accepted; 0: never. */
  readonly expires: number;
  /** How many logins it is good for; 0: any number. */
  readonly uses: number;
  /** Empty for the default. */
  readonly desktop: string;
};

export type RemovalReason = 'revoked' | 'expired' | 'used-up';

/** Looks a name up in the user database; undefined if there is no such user. */
export type FindUser = (name: string) => Promise<{ readonly uid: number } | undefined>;

export const MOST_TOKENS_PER_USER = 1000;

/** Milliseconds. The wall clock may be set meanwhile, so it is looked at again at least this often. */
const LONGEST_WAIT = 60_000;

/** Compared against when there is no token of that id, so that it takes no less work than a wrong secret. */
const NO_HASH = hashSecret(generateToken().secret).toString('hex');

/**
 * The provisioned tokens. They are kept on disk, one file each; what is in memory is what the files say, also after a
 * write that failed. Whoever shows a token's text gets its record; the text itself is kept nowhere.
 *
 * Emits `added` when a token can be used, `removed` when it cannot be any longer.
 */
export class TokenStore extends EventEmitter<{ added: [id: string]; removed: [id: string, reason: RemovalReason] }> {
  readonly #directory: TokenDirectory;
  readonly #now: () => number;
  readonly #records = new Map<string, TokenRecord>();
  #last: Promise<unknown> = Promise.resolve();
  /** Waits for its turn to read the directory. */
  #scan: Promise<void> | undefined;
  #expiry: NodeJS.Timeout | undefined;
  #closed = false;

  private constructor(directory: TokenDirectory, now: () => number) {
    super();
    this.#directory = directory;
    this.#now = now;
  }

  /** Reads the tokens in a directory, which is made if need be. `now` gives milliseconds since 1970-01-01 UTC. */
  static async open(path: string, { now = Date.now }: { now?: () => number } = {}): Promise<TokenStore> {
    const store = new TokenStore(await TokenDirectory.open(path, now()), now);
    for (const id of await store.#directory.ids()) {
      const record = await store.#directory.find(id);
      if (record !== undefined) store.#records.set(id, record);
    }
    await store.#expire();
    return store;
  }

  /** Forgets the timer; the files stay. */
  [Symbol.dispose](): void {
    this.#closed = true;
    clearTimeout(this.#expiry);
  }

  find(id: string): TokenInfo | undefined {
    const record = this.#records.get(id);
    return record === undefined ? undefined : describeRecord(record);
  }

  /** The tokens of one user, or all, also those that others put on disk; the oldest first. */
  async list({ uid }: { uid?: number } = {}): Promise<TokenInfo[]> {
    // Whoever asks while others wait for the same gets the same.
    this.#scan ??= this.#exclusive(() => {
      this.#scan = undefined;
      return this.#takeOver();
    });
    await this.#scan;
    return [...this.#records.values()]
      .filter((record) => uid === undefined || record.uid === uid)
      .sort((a, b) => a.created - b.created || (a.id < b.id ? -1 : 1))
      .map(describeRecord);
  }

  /** Makes a token, which is on disk when the promise resolves. Busy: the user has too many. */
  async provision(request: Provision): Promise<{ id: string; token: string }> {
    const token = generateToken();
    await this.place(request, { id: token.id, hash: hashSecret(token.secret).toString('hex') });
    return { id: token.id, token: formatToken(token) };
  }

  /**
   * Takes in a token that was made elsewhere, of whose secret only the hash is known. Doing it again replaces what was
   * said of it. Busy: the user has too many. InvalidArgs: another token has that id.
   */
  place(request: Provision, { id, hash }: HashedToken): Promise<void> {
    return this.#exclusive(async () => {
      await this.#expire();
      const known = await this.#discover(id);
      if (known !== undefined && known.hash !== hash) throw new InvalidArgs(`there is another token ${id}`);
      const own = [...this.#records.values()].filter((record) => record.uid === request.uid && record !== known);
      if (own.length >= MOST_TOKENS_PER_USER)
        throw new Busy(`${request.user} has ${own.length} tokens: revoke some first`);
      const { appId, ...rest } = request;
      const created = this.#seconds();
      // Read back as if from disk: what could not be read later is refused now.
      const record = parseRecord(
        JSON.stringify({ format: 1, id, hash, ...rest, 'app-id': appId, created, 'last-used': 0 }),
      );
      try {
        await this.#directory.write(record);
      } catch (error) {
        if (known === undefined) await this.#directory.remove(id).catch(() => {});
        throw error;
      }
      this.#records.set(id, record);
      this.emit('added', id);
      this.#arm();
    });
  }

  /** Takes a token back for good. NoSuchToken if there is none. */
  revoke(id: string, reason: RemovalReason = 'revoked'): Promise<void> {
    return this.#exclusive(async () => {
      if ((await this.#discover(id)) === undefined) throw new NoSuchToken('there is no such token');
      await this.#remove(id, reason);
    });
  }

  /**
   * Uses a token once, and returns it as it was before. The use is on disk by then. InvalidToken, each cause with a
   * message of its own that is for the journal only: not a token, unknown, wrong secret, the user is gone or is
   * somebody else by now, expired, used up. Busy, NotSupported: the use cannot be written; it does not count. Nor does one
   * that `admit` throws at, which is called for a token that is good.
   */
  async redeem(
    text: string,
    { findUser, admit = () => {} }: { findUser: FindUser; admit?: (token: TokenInfo) => void },
  ): Promise<TokenInfo> {
    const { id, secret } = parseToken(text);
    const known = this.#records.get(id) ?? (await this.#exclusive(() => this.#discover(id)));
    const matches = timingSafeEqual(hashSecret(secret), Buffer.from(known?.hash ?? NO_HASH, 'hex'));
    if (known === undefined) throw new InvalidToken(`there is no token ${id}`);
    if (!matches) throw new InvalidToken(`that is not the secret of token ${id}`);
    // Not in the queue: a slow directory service must not hold up everybody else's tokens.
    const user = await findUser(known.user);
    if (user === undefined) throw new InvalidToken(`the user of token ${id}, ${known.user}, is gone`);
    if (user.uid !== known.uid)
      throw new InvalidToken(`the user of token ${id}, ${known.user}, had uid ${known.uid} and now has ${user.uid}`);
    return this.#exclusive(() => this.#use(known, admit));
  }

  /** Others may have put a file into the directory, or mended one. */
  async #discover(id: string): Promise<TokenRecord | undefined> {
    if (this.#records.has(id) || !ID.test(id)) return this.#records.get(id);
    const record = await this.#directory.find(id);
    if (record === undefined || this.#isExpired(record)) return undefined;
    this.#records.set(id, record);
    this.emit('added', id);
    this.#arm();
    return record;
  }

  /** What others put into the directory, and what they deleted. */
  async #takeOver(): Promise<void> {
    try {
      const ids = new Set(await this.#directory.ids());
      for (const id of ids) await this.#discover(id);
      for (const id of [...this.#records.keys()]) if (!ids.has(id)) this.#forget(id, 'revoked');
    } catch (error) {
      console.warn(`tokens are listed from memory: ${error instanceof Error ? error.message : error}`);
    }
    await this.#expire();
  }

  async #use(known: TokenRecord, admit: (token: TokenInfo) => void): Promise<TokenInfo> {
    const { id } = known;
    // Somebody may have deleted or edited the file, which counts.
    const record = this.#records.has(id) ? await this.#refresh(id, 'revoked') : undefined;
    if (record === undefined) throw new InvalidToken(`token ${id} was used up or revoked meanwhile`);
    if (record.hash !== known.hash || record.user !== known.user || record.uid !== known.uid)
      throw new InvalidToken(`token ${id} was changed meanwhile`);
    if (this.#isExpired(record)) {
      await this.#expire();
      throw new InvalidToken(`token ${id} expired`);
    }
    admit(describeRecord(record));
    if (record.uses === 1) await this.#remove(id, 'used-up');
    else await this.#count({ ...record, 'last-used': this.#seconds() });
    return describeRecord(record);
  }

  async #count(record: TokenRecord): Promise<void> {
    const limited = record.uses !== 0;
    const used = { ...record, uses: limited ? record.uses - 1 : 0 };
    try {
      await this.#directory.write(used);
      this.#records.set(used.id, used);
    } catch (error) {
      await this.#refresh(used.id, 'revoked');
      // A full disk is when somebody has to get in: only what must be counted needs the disk.
      if (limited) throw error;
      console.warn(`the use of token ${used.id} is not noted: ${error instanceof Error ? error.message : error}`);
    }
  }

  async #remove(id: string, reason: RemovalReason): Promise<void> {
    try {
      await this.#directory.remove(id);
    } catch (error) {
      await this.#refresh(id, reason);
      throw error;
    }
    this.#forget(id, reason);
  }

  /** What an expired token opened has to end, whether or not its file can be deleted: it stays expired. */
  async #expire(): Promise<void> {
    for (const record of [...this.#records.values()].filter((record) => this.#isExpired(record))) {
      await this.#directory
        .remove(record.id)
        .catch((error) => console.warn(`token ${record.id} expired, but its file is still there: ${error.message}`));
      this.#forget(record.id, 'expired');
    }
    this.#arm();
  }

  /** Takes over what the file says; if it cannot be read now, what it said before still counts. */
  async #refresh(id: string, reason: RemovalReason): Promise<TokenRecord | undefined> {
    const record = await this.#directory.read(id).catch((error) => {
      console.warn(`token ${id} is taken from memory: ${error.message}`);
      return this.#records.get(id);
    });
    if (record === undefined) this.#forget(id, reason);
    else this.#records.set(id, record);
    return record;
  }

  #forget(id: string, reason: RemovalReason): void {
    if (this.#records.delete(id)) this.emit('removed', id, reason);
  }

  #arm(): void {
    clearTimeout(this.#expiry);
    let next = Number.POSITIVE_INFINITY;
    for (const { expires } of this.#records.values()) if (expires !== 0) next = Math.min(next, expires);
    if (this.#closed || next === Number.POSITIVE_INFINITY) return;
    const wait = Math.min(Math.max(next * 1000 - this.#now(), 1), LONGEST_WAIT);
    this.#expiry = setTimeout(() => void this.#exclusive(() => this.#expire()), wait).unref();
  }

  #isExpired({ expires }: TokenRecord): boolean {
    return expires !== 0 && expires * 1000 <= this.#now();
  }

  #seconds(): number {
    return Math.floor(this.#now() / 1000);
  }

  /** One change at a time: what one reads and writes back, no other may change between. */
  #exclusive<Result>(work: () => Promise<Result>): Promise<Result> {
    const result = this.#last.then(work);
    this.#last = result.catch(() => {});
    return result;
  }
}
