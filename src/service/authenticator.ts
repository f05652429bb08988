import type { Caller } from '../bus/caller.js';
import type { BeginParameters } from '../bus/generated/dictionaries.js';
import { AuthenticationFailed, InvalidToken, MethodNotOffered } from '../errors.js';
import type { TokenStore } from '../token-store/token-store.js';
import { clientKey } from './client-address.js';
import { ALL_GRANTS } from './grants.js';
import { RateLimit } from './rate-limit.js';
import type { LoginRight } from './session.js';
import { findUser, type User } from './users.js';

/** Failed tries within a minute before a uid or a client address has to wait. */
const MOST_FAILURES = 10;
const WINDOW = 60_000;

/** Who somebody proved to be, and what that entitles them to. */
export type Identity = { readonly user: User; readonly right: LoginRight; readonly desktop: string | undefined };

/** Turns a token, or who the bus says the caller is, into a user. */
export class Authenticator {
  /** In order of preference. */
  static readonly METHODS = ['token', 'peer'] as const;

  readonly #tokens: TokenStore;
  readonly #failures = new RateLimit({ limit: MOST_FAILURES, window: WINDOW });

  constructor(tokens: TokenStore) {
    this.#tokens = tokens;
  }

  /** Whether failures are counted that a new daemon would not know. */
  get needed(): boolean {
    return this.#failures.counts;
  }

  /** Every failure reads the same to the caller; the journal has the cause. */
  async authenticate(
    method: string,
    parameters: BeginParameters,
    caller: Caller,
    clientAddress: string | undefined,
  ): Promise<Identity> {
    const uid = caller.uid === 0 ? [] : [`uid ${caller.uid}`];
    const address = clientAddress === undefined ? [] : [`address ${clientKey(clientAddress)}`];
    for (const key of [...uid, ...address]) this.#failures.check(key);
    try {
      if (method === 'token') return await this.#byToken(parameters.token ?? '');
      if (method === 'peer') return await this.#byUid(caller.uid);
    } catch (error) {
      // Root cannot be slowed down by itself; its clients can. Others could name the address of somebody else.
      if (error instanceof AuthenticationFailed) this.#count(caller.uid === 0 ? address : uid);
      throw error;
    }
    throw new MethodNotOffered(`no method '${method}'`);
  }

  /** Of many tries at the same time, no more than the limit get to know that they were wrong. */
  #count(keys: readonly string[]): void {
    for (const key of keys) this.#failures.check(key);
    for (const key of keys) this.#failures.record(key);
  }

  async #byToken(token: string): Promise<Identity> {
    try {
      const record = await this.#tokens.redeem(token, { findUser });
      const user = await findUser(record.user);
      if (user === undefined) throw new InvalidToken(`user ${record.user} is gone`);
      // A token that this used up stays good for it: nobody can take it back any more.
      const right = { grants: record.grants, token: record.uses === 1 ? undefined : record.id };
      return { user, right, desktop: record.desktop };
    } catch (error) {
      if (!(error instanceof InvalidToken)) throw error;
      console.warn(`a token was refused: ${error.message}`);
      throw new AuthenticationFailed('the token was not accepted');
    }
  }

  async #byUid(uid: number): Promise<Identity> {
    const user = await findUser(uid);
    if (user === undefined) throw new AuthenticationFailed('the caller is not a user of this machine');
    return { user, right: { grants: ALL_GRANTS, token: undefined }, desktop: undefined };
  }
}
