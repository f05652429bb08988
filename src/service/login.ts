import type { Bus } from '../bus/bus.js';
import type { Caller } from '../bus/caller.js';
import type { Handlers } from '../bus/descriptor.js';
import { ExportedObject } from '../bus/exported-object.js';
import type { BeginParameters, OpenLoginOptions } from '../bus/generated/dictionaries.js';
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
import type { Authenticator, Identity } from './authenticator.js';
import { LOGINS_PATH } from './paths.js';
import type { Session } from './session.js';
import type { Sessions } from './sessions.js';

/** Wrong tokens that one login takes before it fails for good. */
const MOST_TRIES = 3;

/** A login that nobody touches for so long is forgotten, in milliseconds (docs/api, Login). */
const IDLE = 120_000;

/** Where the methods say which keys of Begin's parameters belong to them. */
const PARAMETERS: Record<string, readonly (keyof BeginParameters)[]> = { token: ['token'], peer: [] };

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
  #state: LoginState = 'open';
  #session: Session | undefined;
  #tries: number;
  #gone = false;
  /** The token that it is begun with. */
  #token: string | undefined;

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
    this.#idle = setTimeout(() => this.close(), IDLE);
    this.#idle.unref();
  }

  /**
   * Authenticates, which is quick, and answers; the session starts afterwards, which Completed or Failed tells.
   * Failed is sent for a failed authentication, too, for tools that only listen.
   */
  async begin(caller: Caller, method: string, parameters: BeginParameters): Promise<void> {
    if (this.#state !== 'open') throw new Busy(`the login is ${this.#state}`);
    const allowed = PARAMETERS[method];
    if (allowed === undefined || !this.#methods.includes(method))
      throw new MethodNotOffered(`'${method.slice(0, 32)}' is not one of ${this.#methods.join(', ') || 'no methods'}`);
    for (const key of Object.keys(parameters))
      if (!allowed.includes(key as keyof BeginParameters)) throw new InvalidArgs(`'${key}' is not for '${method}'`);
    for (const key of allowed) if (parameters[key] === undefined) throw new InvalidArgs(`'${key}' is missing`);
    this.#setState('starting');
    try {
      const identity = await this.#host.authenticator.authenticate(
        method,
        parameters,
        caller,
        this.#options['client-address'],
      );
      void this.#start(identity);
    } catch (error) {
      this.#fail(error, !(error instanceof TooManyAttempts) && ++this.#tries < MOST_TRIES);
      throw error;
    }
  }

  /** Nobody is in yet. */
  get isUnderWay(): boolean {
    return this.#state !== 'completed';
  }

  respond(): void {
    throw new MethodNotOffered('no prompt is open');
  }

  step(): Buffer {
    throw new MethodNotOffered('no GSSAPI exchange is open');
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

  /** The daemon leaves: what the next one goes on with. One that is just starting its session has to begin again. */
  leave(): KeptLogin | undefined {
    if (this.#state === 'starting') this.#fail(new Busy('the service is being restarted: log in again'), false);
    if (this.#state !== 'open') return undefined;
    return { number: this.number, owner: this.owner.name, options: this.#options, tries: this.#tries };
  }

  /** Takes the login off the bus. A session that it completed stays. */
  close(): void {
    if (this.#gone) return;
    this.#gone = true;
    clearTimeout(this.#idle);
    this.#host.forget(this);
  }

  async #start({ user, right, desktop }: Identity): Promise<void> {
    this.#token = right.token;
    try {
      const session = await this.#host.sessions.obtain(user, {
        desktop: this.#options.desktop ?? desktop,
        monitors: this.#options.monitors,
        clientAddress: this.#options['client-address'],
        login: true,
      });
      // Who left meanwhile, or whose token is void, must not leave a right behind.
      if (this.#gone || this.#state !== 'starting') return;
      session.addRight(this.owner.name, right);
      this.#session = session;
      this.object.changed(loginInterface, ['Session'], this.owner.name);
      this.#setState('completed');
      this.object.emit(loginInterface, 'Completed', [session.object.path], this.owner.name);
    } catch (error) {
      this.#fail(error, false);
    }
  }

  #fail(error: unknown, mayRetry: boolean): void {
    if (this.#gone || this.#state === 'failed') return;
    const told = error instanceof RemoteAccessError ? error : new SessionFailed('the session could not be started');
    if (told !== error) console.error(error);
    this.#setState(mayRetry ? 'open' : 'failed');
    this.object.emit(loginInterface, 'Failed', [told.dbusName, told.message, mayRetry], this.owner.name);
  }

  #setState(state: LoginState): void {
    this.#state = state;
    this.object.changed(loginInterface, ['State'], this.owner.name);
  }
}
