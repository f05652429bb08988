import { randomBytes } from 'node:crypto';
import type { Caller } from '../bus/caller.js';
import type { BeginParameters, TokenInfo } from '../bus/generated/dictionaries.js';
import type { Method } from '../configuration/generated/settings.js';
import { AuthenticationFailed, InvalidToken, MethodNotOffered } from '../errors.js';
import { NOT_ACCEPTED } from '../login/failure.js';
import { launchWorker, type Systemd } from '../login/launch.js';
import type { Authenticated } from '../login/worker.js';
import type { TokenStore } from '../token-store/token-store.js';
import { clientKey, remoteHost } from './client-address.js';
import type { Configuration } from './configuration.js';
import { Conversation } from './conversation.js';
import type { Exchange } from './exchange.js';
import { ALL_GRANTS } from './grants.js';
import type { Prompts } from './prompts.js';
import { RateLimit } from './rate-limit.js';
import type { LoginRight } from './rights.js';
import type { Transaction } from './sessions.js';
import { findUser, isName, type User } from './users.js';

/** For how long a failed try counts against a uid or a client address, in milliseconds. */
const WINDOW = 60_000;

/** What PAM is asked about instead of something that is no name: no account is called so (passwd(5)). */
const NO_NAME = ':';

/** Users may do everything in a session of their own. */
const OWN_RIGHT: LoginRight = { grants: ALL_GRANTS, token: undefined };

/** One try to authenticate. */
export type Attempt = {
  readonly method: string;
  readonly parameters: BeginParameters;
  readonly caller: Caller;
  readonly clientAddress: string | undefined;
  readonly prompts: Prompts;
  readonly exchange: Exchange;
  /** The login is gone. */
  readonly signal: AbortSignal;
  /** Throws at a token that would be used in vain. */
  readonly admit: (token: TokenInfo) => void;
};

/** Who somebody proved to be, and what that entitles them to. */
export type Identity = {
  readonly user: User;
  readonly right: LoginRight;
  readonly desktop: string | undefined;
  /** Kerberos' name for them, if it authenticated them. */
  readonly principal?: string | undefined;
  /** PAM's, if it or Kerberos authenticated them. */
  readonly transaction?: Transaction;
};

export type AuthenticatorHost = {
  readonly configuration: Configuration;
  readonly tokens: TokenStore;
  readonly systemd: Systemd;
  /** The directory of the workers' sockets. */
  readonly workers: string;
  /** Whether the machine can do it. */
  readonly kerberos: boolean;
};

/** Turns a token, a Kerberos ticket, what PAM asks for, or who the bus says the caller is, into a user. */
export class Authenticator {
  readonly #host: AuthenticatorHost;
  readonly #failures: RateLimit;

  constructor(host: AuthenticatorHost) {
    this.#host = host;
    const limit = () => host.configuration.settings.Login.MaxFailuresPerMinute;
    this.#failures = new RateLimit({ limit, window: WINDOW });
  }

  /** What is offered, in order of preference. */
  get methods(): readonly Method[] {
    const { configuration, kerberos } = this.#host;
    return configuration.methods.filter((method) => method !== 'kerberos' || kerberos);
  }

  /** Whether failures are counted that a new daemon would not know. */
  get needed(): boolean {
    return this.#failures.counts;
  }

  /** Every failure reads the same to the caller; the journal has the cause. */
  async authenticate(attempt: Attempt): Promise<Identity> {
    const { method, caller, clientAddress } = attempt;
    // What was offered when the login was opened may have been taken back.
    if (!this.methods.some((offered) => offered === method))
      throw new MethodNotOffered(`'${method}' is not offered any more`);
    const uid = caller.uid === 0 ? [] : [`uid ${caller.uid}`];
    const address = clientAddress === undefined ? [] : [`address ${clientKey(clientAddress)}`];
    for (const key of [...uid, ...address]) this.#failures.check(key);
    // Root cannot be slowed down by itself; its clients can. Others could name the address of somebody else.
    const counted = caller.uid === 0 ? address : uid;
    if (method === 'password' || method === 'pam') return await this.#byPam(attempt, counted);
    if (method === 'kerberos') return await this.#byKerberos(attempt, counted);
    try {
      if (method === 'token') return await this.#byToken(attempt);
      if (method === 'peer') return await this.#byUid(caller.uid);
    } catch (error) {
      if (error instanceof AuthenticationFailed) this.#count(counted);
      throw error;
    }
    throw new MethodNotOffered(`no method '${method}'`);
  }

  /** Of many tries at the same time, no more than the limit get to know that they were wrong. */
  #count(keys: readonly string[]): void {
    for (const key of keys) this.#failures.check(key);
    for (const key of keys) this.#failures.record(key);
  }

  async #byToken({ parameters: { token = '' }, admit }: Attempt): Promise<Identity> {
    try {
      const record = await this.#host.tokens.redeem(token, { findUser, admit });
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
    return { user, right: OWN_RIGHT, desktop: undefined };
  }

  /** What PAM asks for; all of the user's rights. */
  async #byPam({ parameters, clientAddress, prompts, signal }: Attempt, counted: readonly string[]): Promise<Identity> {
    const begun = performance.now();
    const { user: name = '', password } = parameters;
    // Also for somebody who leaves meanwhile: then it is told so at once, instead of waiting for us in vain.
    const transaction = await this.#launch();
    const { worker } = transaction;
    const conversation = new Conversation(worker, { prompts, password, signal, begun });
    try {
      const account = { user: isName(name) ? name : NO_NAME, rhost: remoteHost(clientAddress) };
      const user = await knownUser(await conversation.authenticate(account));
      for (const key of counted) this.#failures.check(key);
      return { user, right: OWN_RIGHT, desktop: undefined, transaction };
    } catch (error) {
      worker.release();
      signal.throwIfAborted();
      const told = this.#told(error, counted);
      if (told !== error) {
        console.warn(`PAM's refusal of ${JSON.stringify(name)}: ${causeOf(error)}`);
        await conversation.refusal();
      }
      throw told;
    }
  }

  /** The client's GSSAPI messages, which its worker answers; all of the user's rights. */
  async #byKerberos({ clientAddress, exchange, signal }: Attempt, counted: readonly string[]): Promise<Identity> {
    const transaction = await this.#launch();
    const { worker } = transaction;
    try {
      await worker.beginKerberos({ rhost: remoteHost(clientAddress), signal });
      for (;;) {
        const { output, authenticated } = await worker.step(await exchange.receive(signal), { signal });
        if (authenticated !== undefined) {
          const user = await knownUser(authenticated);
          for (const key of counted) this.#failures.check(key);
          exchange.answer(output);
          const { principal } = authenticated;
          return { user, right: OWN_RIGHT, desktop: undefined, principal, transaction };
        }
        exchange.answer(output);
      }
    } catch (error) {
      worker.release();
      const told = signal.aborted ? signal.reason : this.#told(error, counted);
      if (told !== error && !signal.aborted) console.warn(`a login with Kerberos was refused: ${causeOf(error)}`);
      exchange.fail(told);
      throw told;
    }
  }

  /** A worker for this one try; whatever comes of it, it has to be released or opened. */
  async #launch(): Promise<Transaction> {
    const { workers: directory, systemd } = this.#host;
    const id = randomBytes(4).toString('hex');
    return { id, worker: await launchWorker({ id, directory, systemd }) };
  }

  /** What the caller is told of an error. Nor does anybody get to know that a guess too many was right. */
  #told(error: unknown, counted: readonly string[]): unknown {
    try {
      if (error instanceof AuthenticationFailed) this.#count(counted);
      else for (const key of counted) this.#failures.check(key);
    } catch (tooMany) {
      return tooMany;
    }
    return error instanceof AuthenticationFailed ? new AuthenticationFailed(NOT_ACCEPTED) : error;
  }
}

/** What the journal has of a refusal, and the caller has not. */
function causeOf(error: unknown): unknown {
  const { cause = error } = error as Error;
  return cause instanceof Error ? cause.message : cause;
}

async function knownUser({ user: name, uid }: Authenticated): Promise<User> {
  const user = await findUser(name);
  if (user?.uid === uid) return user;
  throw new AuthenticationFailed(NOT_ACCEPTED, { cause: `the user database does not know ${name} as ${uid}` });
}
