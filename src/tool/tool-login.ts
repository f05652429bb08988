import type { Bus } from '../bus/bus.js';
import { CallError } from '../bus/call-error.js';
import type { BeginParameters, OpenLoginOptions } from '../bus/generated/dictionaries.js';
import { type Login, login } from '../bus/generated/login.js';
import { remoteAccess } from '../bus/generated/remote-access.js';
import { RemoteObject } from '../bus/remote-object.js';
import { isOurs, RemoteAccessError } from '../errors.js';
import type { Initiator } from './initiator.js';

const SERVICE = 'org.freedesktop.RemoteAccess';

/** An attempt to log in ended with one of the service's named errors. */
export class LoginFailed extends RemoteAccessError {
  override readonly name = 'LoginFailed';
  readonly dbusName: string;
  /** Whether the same login may be begun again. */
  readonly mayRetry: boolean;

  constructor(dbusName: string, message: string, mayRetry: boolean) {
    super(message);
    this.dbusName = dbusName;
    this.mayRetry = mayRetry;
  }
}

/**
 * Answers what a login asks, in a style of `Prompt`; undefined to what is only said, which needs no answer. `over` is
 * aborted when nobody waits for the answer any more.
 */
export type Answer = (style: string, message: string, over: AbortSignal) => Promise<string | undefined>;

/** What a method may need beside its parameters. */
export type Means = {
  /** For `pam` and `password`. A question that nobody answers waits until the login's time is over. */
  readonly answer?: Answer;
  /** For `kerberos`; without it, one with the defaults. It stays the caller's. */
  readonly initiator?: Initiator;
};

type Attempt = {
  readonly answer: Answer | undefined;
  readonly over: AbortController;
  readonly complete: (session: string) => void;
  readonly fail: (error: unknown) => void;
};

/** A login, on which one attempt follows the other until one succeeds or the service has had enough. */
export class ToolLogin implements AsyncDisposable {
  readonly #object: RemoteObject<Login>;
  readonly #subscriptions: AsyncDisposable[] = [];
  #attempt: Attempt | undefined;
  #failure: LoginFailed | undefined;
  #completed = false;
  #owner = '';

  private constructor(bus: Bus, path: string) {
    this.#object = new RemoteObject(bus, login, SERVICE, path);
  }

  static async open(bus: Bus, options: OpenLoginOptions = {}): Promise<ToolLogin> {
    const root = new RemoteObject(bus, remoteAccess, SERVICE, '/org/freedesktop/RemoteAccess');
    const opened = new ToolLogin(bus, await root.methods.openLogin(options));
    try {
      await opened.#listen(bus);
      return opened;
    } catch (error) {
      await opened[Symbol.asyncDispose]();
      throw error;
    }
  }

  /** The methods that both sides can do, the one that the machine prefers first. */
  methods(): Promise<string[]> {
    return this.#object.property('Methods');
  }

  /**
   * Authenticates and resolves with the session's path when it is up. Fails with LoginFailed, with what Begin refuses to
   * try, with what Initiator says, or with what `answer` throws. One attempt at a time.
   */
  async begin(method: string, parameters: BeginParameters = {}, means: Means = {}): Promise<string> {
    const over = new AbortController();
    const ended = new Promise<string>((complete, fail) => {
      this.#attempt = { answer: means.answer, over, complete, fail };
    });
    // Awaited at the end, if it comes to that.
    ended.catch(() => {});
    this.#failure = undefined;
    try {
      if (method === 'kerberos') await this.#exchange(parameters, means.initiator);
      else await this.#object.methods.begin(method, parameters);
      return await ended;
    } catch (error) {
      // What is answered to a later call comes after Failed, which knows more.
      if (error instanceof CallError && isOurs(error.dbusName)) await this.methods().catch(() => {});
      throw this.#failure ?? error;
    } finally {
      this.#attempt = undefined;
      over.abort();
    }
  }

  /** Gives up a login that did not come to its end. */
  async [Symbol.asyncDispose](): Promise<void> {
    // A service that has gone has forgotten it, and shall not be started for this.
    if (!this.#completed && this.#owner !== '') this.#object.methods.cancel().catch(() => {});
    for (const subscription of this.#subscriptions.splice(0)) await subscription[Symbol.asyncDispose]();
  }

  async #exchange(parameters: BeginParameters, given: Initiator | undefined): Promise<void> {
    const initiator = given ?? (await (await import('./initiator.js')).Initiator.start());
    try {
      await this.#object.methods.begin('kerberos', parameters);
      for (let message: Buffer | undefined = initiator.message; message !== undefined; )
        message = await initiator.answer(await this.#object.methods.step(message));
    } finally {
      if (given === undefined) initiator[Symbol.dispose]();
    }
  }

  async #listen(bus: Bus): Promise<void> {
    const object = this.#object;
    this.#subscriptions.push(
      await object.subscribe('Completed', (session) => {
        this.#completed = true;
        this.#attempt?.complete(session);
      }),
      await object.subscribe('Failed', (...failure) => this.#fail(new LoginFailed(...failure))),
      await object.subscribe('Prompt', (...prompt) => this.#ask(...prompt)),
      await bus.subscriptions.watchOwner(SERVICE, (owner) => {
        const ended = this.#owner !== '' && owner !== this.#owner;
        this.#owner = owner;
        // One that leaves in good order has said Failed.
        if (ended) this.#fail(new LoginFailed('org.freedesktop.DBus.Error.NoReply', 'the service has ended', false));
      }),
    );
  }

  #fail(failure: LoginFailed): void {
    this.#failure ??= failure;
    this.#attempt?.fail(failure);
  }

  async #ask(id: number, style: string, message: string): Promise<void> {
    const attempt = this.#attempt;
    if (attempt?.answer === undefined) return;
    try {
      const text = await attempt.answer(style, message, attempt.over.signal);
      if (text !== undefined && !attempt.over.signal.aborted) await this.#object.methods.respond(id, text);
    } catch (error) {
      attempt.fail(error);
    }
  }
}
