import { randomBytes } from 'node:crypto';
import type { Caller } from '../bus/caller.js';
import type { BeginParameters } from '../bus/generated/dictionaries.js';
import { AuthenticationFailed, InvalidToken, MethodNotOffered, TooManyAttempts } from '../errors.js';
import { NOT_ACCEPTED } from '../login/failure.js';
import { launchWorker, type Systemd } from '../login/launch.js';
import type { Authenticated } from '../login/worker.js';
import type { TokenStore } from '../token-store/token-store.js';
import { Conversation } from './conversation.js';
import { ALL_GRANTS } from './grants.js';
import type { Prompts } from './prompts.js';
import { RateLimit } from './rate-limit.js';
import { remoteHost } from './remote-host.js';
import type { LoginRight } from './session.js';
import type { Transaction } from './sessions.js';
import { findUser, isName, type User } from './users.js';

/** Failed tries within a minute before a uid or a client address has to wait. */
const MOST_FAILURES = 10;
const WINDOW = 60_000;

/** What PAM is asked about instead of something that is no name: no account is called so (passwd(5)). */
const NO_NAME = ':';

/** One try to authenticate. */
export type Attempt = {
  readonly method: string;
  readonly parameters: BeginParameters;
  readonly caller: Caller;
  readonly clientAddress: string | undefined;
  readonly prompts: Prompts;
  /** The login is gone. */
  readonly signal: AbortSignal;
};

/** Who somebody proved to be, and what that entitles them to. */
export type Identity = {
  readonly user: User;
  readonly right: LoginRight;
  readonly desktop: string | undefined;
  /** PAM's, if it authenticated them. */
  readonly transaction?: Transaction;
};

export type AuthenticatorHost = {
  readonly tokens: TokenStore;
  readonly systemd: Systemd;
  /** The directory of the workers' sockets. */
  readonly workers: string;
};

/** Turns a token, what PAM asks for, or who the bus says the caller is, into a user. */
export class Authenticator {
  /** In order of preference. */
  static readonly METHODS = ['token', 'password', 'pam', 'peer'] as const;

  readonly #host: AuthenticatorHost;
  readonly #failures = new RateLimit({ limit: MOST_FAILURES, window: WINDOW });

  constructor(host: AuthenticatorHost) {
    this.#host = host;
  }

  /** Whether failures are counted that a new daemon would not know. */
  get needed(): boolean {
    return this.#failures.counts;
  }

  /** Every failure reads the same to the caller; the journal has the cause. */
  async authenticate(attempt: Attempt): Promise<Identity> {
    const { method, parameters, caller, clientAddress } = attempt;
    const keys = [`uid ${caller.uid}`, ...(clientAddress === undefined ? [] : [`address ${clientAddress}`])];
    // Root cannot be slowed down by itself; its clients can.
    const limited = caller.uid === 0 ? keys.slice(1) : keys;
    for (const key of limited) this.#failures.check(key);
    if (method === 'password' || method === 'pam') return await this.#byPam(attempt, limited);
    try {
      if (method === 'token') return await this.#byToken(parameters.token ?? '');
      if (method === 'peer') return await this.#byUid(caller.uid);
    } catch (error) {
      for (const key of limited) this.#failures.record(key);
      throw error;
    }
    throw new MethodNotOffered(`no method '${method}'`);
  }

  async #byToken(token: string): Promise<Identity> {
    try {
      const record = await this.#host.tokens.redeem(token, { findUser });
      const user = await findUser(record.user);
      if (user === undefined) throw new InvalidToken(`user ${record.user} is gone`);
      const right = { grants: record.grants, token: record.id };
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

  /** What PAM asks for; all of the user's rights. */
  async #byPam({ parameters, clientAddress, prompts, signal }: Attempt, limited: string[]): Promise<Identity> {
    const begun = performance.now();
    const { user: name = '', password } = parameters;
    const id = randomBytes(4).toString('hex');
    const worker = await launchWorker({ id, directory: this.#host.workers, systemd: this.#host.systemd, signal });
    const conversation = new Conversation(worker, { prompts, password, signal, begun });
    try {
      const account = { user: isName(name) ? name : NO_NAME, rhost: remoteHost(clientAddress) };
      const user = await knownUser(await conversation.authenticate(account));
      // Of guesses that are made at the same time no more count than of those one after another.
      for (const key of limited) this.#failures.check(key);
      return { user, right: { grants: ALL_GRANTS, token: undefined }, desktop: undefined, transaction: { id, worker } };
    } catch (error) {
      worker.release();
      signal.throwIfAborted();
      if (!(error instanceof AuthenticationFailed || error instanceof TooManyAttempts)) throw error;
      for (const key of limited) this.#failures.record(key);
      console.warn(`PAM's refusal of ${JSON.stringify(name)}: ${error.cause ?? error.message}`);
      await conversation.refusal();
      throw new AuthenticationFailed(NOT_ACCEPTED);
    }
  }
}

async function knownUser({ user: name, uid }: Authenticated): Promise<User> {
  const user = await findUser(name);
  if (user?.uid === uid) return user;
  throw new AuthenticationFailed(NOT_ACCEPTED, { cause: `the user database does not know ${name} as ${uid}` });
}
