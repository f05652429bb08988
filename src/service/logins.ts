import type { Bus } from '../bus/bus.js';
import type { Caller } from '../bus/caller.js';
import type { OpenLoginOptions } from '../bus/generated/dictionaries.js';
import type { ObjectTree } from '../bus/object-tree.js';
import { Busy, MethodNotOffered } from '../errors.js';
import { placeMonitors } from '../layout/layout.js';
import type { Authenticator } from './authenticator.js';
import { clientKey } from './client-address.js';
import type { Configuration } from './configuration.js';
import { type KeptLogin, Login } from './login.js';
import { RateLimit } from './rate-limit.js';
import type { Sessions } from './sessions.js';

/** For how long an opened login counts, in milliseconds. */
const WINDOW = 60_000;

export type LoginsHost = {
  readonly bus: Bus;
  readonly tree: ObjectTree;
  readonly sessions: Sessions;
  readonly authenticator: Authenticator;
  readonly configuration: Configuration;
};

/**
 * All open logins. Each dies with its owner on the bus. How many may be open counts by uid; root's tools serve many users
 * at once: theirs count for the client address that they name.
 */
export class Logins {
  readonly #host: LoginsHost;
  readonly #logins = new Map<Login, Disposable>();
  readonly #opened: RateLimit;
  #last = 0;

  constructor(host: LoginsHost) {
    this.#host = host;
    this.#opened = new RateLimit({ limit: () => host.configuration.settings.Login.MaxPerMinute, window: WINDOW });
  }

  /** What is offered, in order of preference. */
  get methods(): readonly string[] {
    return this.#host.authenticator.methods;
  }

  async open(caller: Caller, options: OpenLoginOptions): Promise<Login> {
    if (options.monitors !== undefined) placeMonitors(options.monitors);
    const methods = this.#offered(options);
    if (methods.length === 0)
      throw new MethodNotOffered(`none of those methods is offered: there is ${this.methods.join(', ') || 'none'}`);
    const { MaxOpen: most, MaxUnderWay: mostInAll } = this.#host.configuration.settings.Login;
    const underWay = [...this.#logins.keys()].filter((login) => login.isUnderWay).length;
    if (underWay >= mostInAll)
      throw new Busy(`${underWay} logins are under way, and no more may be on this machine (MaxUnderWay=${mostInAll})`);
    const key = openedBy(caller, options);
    if (key !== undefined) {
      this.#opened.check(key);
      // Root's tools let many in from one address, and need not cancel what is done.
      const counts = (login: Login) => caller.uid !== 0 || login.isUnderWay;
      const own = [...this.#logins.keys()].filter((login) => login.openedBy === key && counts(login));
      if (own.length >= most) throw new Busy(`${own.length} logins are open: cancel some first (MaxOpen=${most})`);
      this.#opened.record(key);
    }
    return this.#add(caller, methods, options);
  }

  /** The daemon is about to leave. */
  interrupt(): void {
    for (const login of this.#logins.keys()) login.interrupt();
  }

  /** What the next daemon has to know of the logins that are open, when this one leaves. */
  leave(): KeptLogin[] {
    return [...this.#logins.keys()].flatMap((login) => login.leave() ?? []);
  }

  /** Goes on with a login of the daemon before, if its owner is still there. */
  async resume({ number, owner, options, tries }: KeptLogin): Promise<void> {
    const caller = await this.#host.tree.callers.identify(owner).catch(() => undefined);
    if (caller !== undefined) await this.#add(caller, this.#offered(options), options, { number, tries });
  }

  async #add(
    caller: Caller,
    methods: readonly string[],
    options: OpenLoginOptions,
    { number = this.#last + 1, tries = 0 } = {},
  ): Promise<Login> {
    const { bus, tree, sessions, authenticator, configuration } = this.#host;
    this.#last = Math.max(this.#last, number);
    const login = new Login(
      { bus, sessions, authenticator, configuration, forget: (closed) => this.#forget(closed) },
      number,
      caller,
      methods,
      options,
      tries,
      openedBy(caller, options),
    );
    this.#logins.set(login, { [Symbol.dispose]: () => {} });
    tree.add(login.object, caller.name);
    const watch = await bus.subscriptions.watchName(caller.name, () => login.close());
    if (this.#logins.has(login)) this.#logins.set(login, watch);
    else watch[Symbol.dispose]();
    return login;
  }

  get needed(): boolean {
    return this.#logins.size > 0;
  }

  /** Ends the logins that were made with a token that is void. */
  voidToken(token: string): void {
    for (const login of [...this.#logins.keys()]) login.voidToken(token);
  }

  /** The methods that both sides can do. */
  #offered({ methods }: OpenLoginOptions): readonly string[] {
    return this.methods.filter((method) => methods?.includes(method) ?? true);
  }

  #forget(login: Login): void {
    this.#logins.get(login)?.[Symbol.dispose]();
    this.#logins.delete(login);
    this.#host.tree.remove(login.object, login.owner.name);
  }
}

/** For whom a login counts; undefined for nobody. */
function openedBy(caller: Caller, { 'client-address': address }: OpenLoginOptions): string | undefined {
  if (caller.uid !== 0) return `uid ${caller.uid}`;
  return address === undefined ? undefined : `address ${clientKey(address)}`;
}
