import type { SessionClient } from '../bus/generated/dictionaries.js';
import type { Settings } from '../configuration/generated/settings.js';
import type { AgentLink } from './agent-link.js';
import type { CloseReason, Connection } from './connection.js';
import { Hooks } from './hooks.js';
import { SessionLimits } from './session-limits.js';
import type { KeptSession } from './session-record.js';

/** What of a session's record they are. */
export type KeptClients = Pick<KeptSession, 'left' | 'joined' | 'lastClient' | 'hooks' | 'connections'>;

type Visited = {
  settings(): Settings['Session'];
  /** Its agent, if it has one and goes on. */
  agent(): AgentLink | undefined;
  /** For how long nobody has put anything into it, in seconds. */
  idleTime(): Promise<number>;
  /** Somebody came or left, so these properties of the session did. */
  changed(properties: readonly ('Client' | 'LastClient')[]): void;
  /** There is more to remember. */
  keep(): void;
  /** It has been without a client for too long. */
  abandoned(): void;
};

/** Who is connected to a session, who was, and what follows from that. */
export class Clients implements Iterable<Connection>, Disposable {
  readonly #session: Visited;
  readonly #open = new Set<Connection>();
  /** Those of them whose way in is over. */
  readonly #in = new WeakSet<Connection>();
  readonly #limits: SessionLimits;
  readonly #hooks: Hooks;
  #last: SessionClient;

  /** `before` is what there was under a daemon before us; its connections are added one by one. */
  constructor(session: Visited, before: Partial<KeptClients>) {
    this.#session = session;
    this.#last = before.lastClient ?? {};
    this.#limits = new SessionLimits(
      {
        settings: () => session.settings(),
        idleTime: () => session.idleTime(),
        abandoned: () => session.abandoned(),
        idle: () => this.#disconnectIdle(),
      },
      before,
    );
    this.#hooks = new Hooks(
      {
        connections: this,
        isIn: (connection) => this.#in.has(connection),
        agent: () => session.agent(),
        timeout: () => session.settings().HookTimeout,
        changed: () => session.keep(),
      },
      before.hooks,
    );
  }

  get size(): number {
    return this.#open.size;
  }

  has(connection: Connection): boolean {
    return this.#open.has(connection);
  }

  /** Those of this moment: they may be closed meanwhile. */
  [Symbol.iterator](): Iterator<Connection> {
    return [...this.#open].values();
  }

  /** Who came last of those who are there. */
  get latest(): SessionClient {
    return [...this.#open].at(-1)?.client ?? {};
  }

  /** Who left last. */
  get last(): SessionClient {
    return this.#last;
  }

  get kept(): KeptClients {
    return {
      left: this.#limits.left,
      joined: this.#limits.joined,
      lastClient: this.#last,
      hooks: this.#hooks.record,
      connections: [...this.#open].map(({ record }) => record),
    };
  }

  /** It is open, maybe since there was another daemon. */
  add(connection: Connection): void {
    this.#open.add(connection);
    this.#limits.connected(true);
    this.#session.changed(['Client']);
  }

  /** It is open since just now, and whom it displaced has left. */
  welcome(connection: Connection): void {
    if (connection.hasInput) this.#limits.join();
    this.resume(connection);
  }

  /** It was in already when there was another daemon. */
  resume(connection: Connection): void {
    this.#in.add(connection);
    this.#hooks.update();
  }

  /** It is closed. */
  remove(connection: Connection, reason: CloseReason): void {
    this.#open.delete(connection);
    this.#last = { ...connection.client, left: Math.floor(Date.now() / 1000) };
    this.#limits.connected(this.size > 0);
    this.#hooks.left(connection, reason);
    this.#session.changed(['Client', 'LastClient']);
    this.#hooks.update();
  }

  /** To be called when limits are configured anew. */
  limit(): void {
    this.#limits.apply();
  }

  /** The session has an agent, maybe again. */
  reached(): void {
    this.#hooks.update();
  }

  /** The session is over. */
  [Symbol.dispose](): void {
    for (const connection of this) void connection.close('session-ended');
    this.#limits[Symbol.dispose]();
  }

  /** Who cannot put anything in stays: nothing can be told from their silence. */
  #disconnectIdle(): void {
    for (const connection of this) if (connection.hasInput) void connection.close('idle');
  }
}
