import { once } from 'node:events';
import type { Bus } from '../bus/bus.js';
import type { Caller } from '../bus/caller.js';
import type { Handlers } from '../bus/descriptor.js';
import { ExportedObject } from '../bus/exported-object.js';
import type { BeginParameters, Grant, OpenLoginOptions, TokenInfo } from '../bus/generated/dictionaries.js';
import { type Login as LoginInterface, login as loginInterface } from '../bus/generated/login.js';
import {
  AuthenticationFailed,
  Busy,
  InvalidArgs,
  MethodNotOffered,
  RemoteAccessError,
  SessionFailed,
  TooManyAttempts,
} from '../errors.js';
import { type AuditFields, audit } from './audit.js';
import type { Authenticator, Identity } from './authenticator.js';
import type { Configuration } from './configuration.js';
import { Exchange } from './exchange.js';
import { LOGINS_PATH } from './paths.js';
import { checkAnswer, Prompts } from './prompts.js';
import type { Request } from './rejoin.js';
import type { Session } from './session.js';
import type { Sessions } from './sessions.js';

/** Where the methods say which keys of Begin's parameters belong to them. */
const PARAMETERS: Record<string, readonly (keyof BeginParameters)[]> = {
  token: ['token'],
  kerberos: [],
  password: ['user', 'password'],
  pam: ['user'],
  peer: [],
};

/** The methods that may ask more. */
const ASKING = ['kerberos', 'password', 'pam'];

/** Begin answers after so many milliseconds, whether or not anything has come of it: callers do not wait forever. */
const BEGIN_ANSWERS = 5000;

/** For whoever still waits in a login that is over. */
const GIVEN_UP = new Busy('the login was given up');

type LoginState = 'open' | 'prompting' | 'starting' | 'completed' | 'failed';

/** What is left of a login when its daemon leaves, for the next one: it knows no secret. */
export type KeptLogin = {
  readonly number: number;
  readonly owner: string;
  readonly options: OpenLoginOptions;
  readonly tries: number;
};

export type LoginHost = {
  readonly bus: Bus;
  readonly sessions: Sessions;
  readonly authenticator: Authenticator;
  readonly configuration: Configuration;
  forget(login: Login): void;
};

/** One attempt to get into a session: for the bus connection that opened it, and gone with it. */
export class Login implements Handlers<LoginInterface, Caller> {
  readonly owner: Caller;
  readonly object: ExportedObject;
  readonly number: number;
  /** For whom it counts; undefined for nobody. */
  readonly openedBy: string | undefined;
  readonly #host: LoginHost;
  readonly #options: OpenLoginOptions;
  readonly #methods: readonly string[];
  readonly #idle: NodeJS.Timeout;
  readonly #prompts: Prompts;
  readonly #exchange = new Exchange();
  /** Ends a conversation that nobody is there for any more. */
  readonly #left = new AbortController();
  #state: LoginState = 'open';
  #session: Session | undefined;
  #tries: number;
  #gone = false;
  /** The token that it is begun with. */
  #token: string | undefined;
  /** What it is begun with, for the records. */
  #begun: { method: string; user?: string | undefined } | undefined;

  constructor(
    host: LoginHost,
    number: number,
    owner: Caller,
    methods: readonly string[],
    options: OpenLoginOptions,
    tries: number,
    openedBy: string | undefined,
  ) {
    this.#host = host;
    this.number = number;
    this.owner = owner;
    this.#tries = tries;
    this.openedBy = openedBy;
    this.#options = options;
    this.#methods = methods;
    this.object = new ExportedObject(host.bus, `${LOGINS_PATH}/${number}`, () => {
      this.#idle.refresh();
      return { owner: owner.name };
    }).implement(loginInterface, this, {
      version: () => 1,
      State: () => this.#state,
      Methods: () => [...methods],
      Session: () => this.#session?.object.path ?? '/',
      GreeterSession: () => '/',
    });
    this.#prompts = new Prompts((...prompt) => this.object.emit(loginInterface, 'Prompt', prompt, owner.name));
    this.#idle = setTimeout(() => this.#expire(), host.configuration.settings.Login.IdleTimeout * 1000);
    this.#idle.unref();
  }

  /**
   * Answers when the user is authenticated, was refused, or is asked for more; the session starts afterwards, which
   * Completed or Failed tells. Failed is sent for a failed authentication, too, for tools that only listen.
   */
  async begin(caller: Caller, method: string, parameters: BeginParameters): Promise<void> {
    if (this.#state !== 'open') throw new Busy(`the login is ${this.#state}`);
    const allowed = PARAMETERS[method];
    if (allowed === undefined || !this.#methods.includes(method))
      throw new MethodNotOffered(`'${method.slice(0, 32)}' is not one of ${this.#methods.join(', ') || 'no methods'}`);
    for (const key of Object.keys(parameters))
      if (!allowed.includes(key as keyof BeginParameters)) throw new InvalidArgs(`'${key}' is not for '${method}'`);
    for (const key of allowed) if (parameters[key] === undefined) throw new InvalidArgs(`'${key}' is missing`);
    checkAnswer(parameters.password ?? '', "'password'");
    this.#begun = { method, user: parameters.user };
    const asks = ASKING.includes(method);
    this.#setState(asks ? 'prompting' : 'starting');
    const asked = Promise.race([this.#prompts.asked(), this.#exchange.asked()]);
    const authenticated = this.#authenticate(caller, method, parameters);
    if (!asks) return await authenticated;
    // Failed tells it, when nobody waits here any more.
    authenticated.catch(() => {});
    await Promise.race([authenticated, asked, once(AbortSignal.timeout(BEGIN_ANSWERS), 'abort')]);
  }

  /** Nobody is in yet. */
  get isUnderWay(): boolean {
    return this.#state !== 'completed';
  }

  respond(_caller: Caller, id: number, answer: string): void {
    if (!this.#prompts.used) throw new MethodNotOffered('nothing was asked');
    this.#prompts.respond(id, answer);
  }

  step(_caller: Caller, input: Buffer): Promise<Buffer> {
    return this.#exchange.step(input);
  }

  cancel(): void {
    this.close();
  }

  /** The token is void: what it opened is over. */
  voidToken(token: string): void {
    if (this.#token !== token) return;
    if (this.#state === 'completed') return this.close();
    this.#fail(new AuthenticationFailed('the token was taken back'), false);
  }

  /** The daemon is about to leave: whoever is at work has to begin again, and must hear it while its name is ours. */
  interrupt(): void {
    if (this.#state !== 'starting' && this.#state !== 'prompting') return;
    this.#fail(new Busy('the service is being restarted: log in again'), false);
    this.#left.abort(GIVEN_UP);
  }

  /** The daemon leaves: what the next one goes on with. */
  leave(): KeptLogin | undefined {
    this.interrupt();
    if (this.#state !== 'open') return undefined;
    return { number: this.number, owner: this.owner.name, options: this.#options, tries: this.#tries };
  }

  /** Takes the login off the bus. A session that it completed stays. */
  close(): void {
    if (this.#gone) return;
    this.#gone = true;
    clearTimeout(this.#idle);
    this.#left.abort(GIVEN_UP);
    this.#host.forget(this);
  }

  /** Its tool has been silent for long. It need not say anything while its session starts. */
  #expire(): void {
    if (this.#state === 'starting') this.#idle.refresh();
    else this.close();
  }

  async #authenticate(caller: Caller, method: string, parameters: BeginParameters): Promise<void> {
    const clientAddress = this.#options['client-address'];
    const more = { prompts: this.#prompts, exchange: this.#exchange, signal: this.#left.signal };
    try {
      const admit = ({ uid, grants, desktop }: TokenInfo) =>
        this.#host.sessions.check(uid, this.#request(grants, desktop));
      const attempt = { method, parameters, caller, clientAddress, admit, ...more };
      void this.#start(await this.#host.authenticator.authenticate(attempt));
    } catch (error) {
      this.#fail(
        error,
        !(error instanceof TooManyAttempts) && ++this.#tries < this.#host.configuration.settings.Login.MaxTries,
      );
      throw error;
    }
  }

  /** Which session is asked for by somebody with these grants, and maybe a desktop that is not asked for here. */
  #request(grants: readonly Grant[], desktop: string | undefined): Request {
    const { desktop: wanted = desktop, monitors, 'client-address': clientAddress } = this.#options;
    return { desktop: wanted === '' ? undefined : wanted, monitors, clientAddress, grants };
  }

  async #start({ user, right, desktop, principal, transaction }: Identity): Promise<void> {
    this.#token = right.token;
    if (this.#state === 'prompting') this.#setState('starting');
    try {
      const request = this.#request(right.grants, desktop);
      const session = await this.#host.sessions.obtain(user, { ...request, login: true, transaction });
      // Who left meanwhile, or whose token is void, must not leave a right behind.
      if (this.#gone || this.#state !== 'starting') return;
      session.rights.add(this.owner.name, { ...right, unlocks: true });
      this.#session = session;
      this.object.changed(loginInterface, ['Session'], this.owner.name);
      this.#setState('completed');
      this.#record('login', { user: user.name, session: session.record.id, token: right.token, principal });
      this.object.emit(loginInterface, 'Completed', [session.object.path], this.owner.name);
    } catch (error) {
      this.#fail(error, false);
    } finally {
      transaction?.worker.release();
    }
  }

  #fail(error: unknown, mayRetry: boolean): void {
    if (this.#gone || this.#state === 'failed') return;
    const told = error instanceof RemoteAccessError ? error : new SessionFailed('the session could not be started');
    if (told !== error) console.error(error);
    // Who is told to wait has been recorded with what led to it.
    if (!(told instanceof TooManyAttempts)) this.#record('login-failed', { reason: told.dbusName, token: this.#token });
    this.#setState(mayRetry ? 'open' : 'failed');
    this.object.emit(loginInterface, 'Failed', [told.dbusName, told.message, mayRetry], this.owner.name);
  }

  #record(event: 'login' | 'login-failed', fields: AuditFields): void {
    audit(event, {
      ...this.#begun,
      ...fields,
      'client-name': this.#options['client-name'],
      'client-address': this.#options['client-address'],
      'caller-uid': this.owner.uid,
      'caller-pid': this.owner.pid,
    });
  }

  #setState(state: LoginState): void {
    this.#state = state;
    this.object.changed(loginInterface, ['State'], this.owner.name);
  }
}
