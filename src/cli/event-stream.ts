import { CallError, ConnectionLost, DeadlineExceeded } from '../bus/call-error.js';
import { session as sessionInterface } from '../bus/generated/session.js';
import { BUS_NAME, type Service } from './service.js';
import { readSession, type SessionInfo } from './session-info.js';

type SessionState = Pick<SessionInfo, 'user' | 'state' | 'locked' | 'client'>;

/** What happened; `id` is a session's or a token's. */
export type Event =
  | { readonly event: 'ready' | 'service-started' | 'service-stopped' }
  | ({ readonly event: 'session-new' | 'session-changed'; readonly id: string } & Partial<SessionState>)
  | { readonly event: 'session-removed'; readonly id: string; readonly user?: string }
  | { readonly event: 'token-added'; readonly id: string }
  | { readonly event: 'token-removed'; readonly id: string; readonly reason: string };

type Known = { readonly path: string; last: SessionState | undefined; watch: AsyncDisposable | undefined };

/**
 * What the service tells, as events, also over its end and its new beginning. It is never started for this. The values
 * of a session's properties are asked for when it says that they changed; two quick changes may become one event.
 */
export class EventStream implements AsyncDisposable {
  readonly #service: Service;
  readonly #emit: (event: Event) => void;
  /** The sessions that were told of, by id. */
  readonly #sessions = new Map<string, Known>();
  readonly #subscriptions: AsyncDisposable[] = [];
  #running = false;
  /** One thing after the other, as they came. */
  #last: Promise<void> = Promise.resolve();

  private constructor(service: Service, emit: (event: Event) => void) {
    this.#service = service;
    this.#emit = emit;
  }

  static async open(service: Service, emit: (event: Event) => void): Promise<EventStream> {
    const stream = new EventStream(service, emit);
    const { root, tokens, bus } = service;
    stream.#subscriptions.push(
      await root.subscribe('SessionNew', (id, path) => stream.#then(() => stream.#add(id, path))),
      await root.subscribe('SessionRemoved', (id) => stream.#then(() => stream.#remove(id))),
      await tokens.subscribe('TokenAdded', (id) => stream.#then(() => emit({ event: 'token-added', id }))),
      await tokens.subscribe('TokenRemoved', (id, reason) =>
        stream.#then(() => emit({ event: 'token-removed', id, reason })),
      ),
    );
    let first = true;
    const changed = (owner: string): void => {
      const quiet = first;
      stream.#then(() => stream.#ownerChanged(owner !== '', quiet));
    };
    stream.#subscriptions.push(await bus.subscriptions.watchOwner(BUS_NAME, changed));
    first = false;
    stream.#then(() => emit({ event: 'ready' }));
    return stream;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all(this.#subscriptions.map((one) => one[Symbol.asyncDispose]()));
  }

  #then(work: () => Promise<void> | void): void {
    this.#last = this.#last.then(work).catch((error) => {
      // The service went away in the middle of it, which is told on its own.
      if (![CallError, ConnectionLost, DeadlineExceeded].some((kind) => error instanceof kind)) throw error;
    });
  }

  async #ownerChanged(running: boolean, quiet: boolean): Promise<void> {
    if (running === this.#running) return;
    this.#running = running;
    if (!quiet) this.#emit({ event: running ? 'service-started' : 'service-stopped' });
    // Sessions outlive the service; which of them did, it tells when it is back.
    if (running) await this.#compare(quiet);
  }

  /** Finds what happened while the service, or we, did not listen. */
  async #compare(quiet: boolean): Promise<void> {
    const listed = await this.#service.root.methods.listSessions();
    const ids = new Set(listed.map(([id]) => id));
    for (const id of [...this.#sessions.keys()]) if (!ids.has(id)) await this.#remove(id);
    for (const [id, , , , path] of listed) await this.#add(id, path, quiet);
  }

  async #add(id: string, path: string, quiet = false): Promise<void> {
    // After its restart the service tells of sessions that it found running.
    if (this.#sessions.has(id)) return this.#changed(id);
    const known: Known = { path, last: undefined, watch: undefined };
    this.#sessions.set(id, known);
    const rule = { sender: BUS_NAME, path, interface: 'org.freedesktop.DBus.Properties', member: 'PropertiesChanged' };
    known.watch = await this.#service.bus.subscriptions.subscribe(rule, ({ body = [] }) => {
      if (body[0] === sessionInterface.name) this.#then(() => this.#changed(id));
    });
    known.last = await this.#read(path);
    if (!quiet) this.#emit({ event: 'session-new', id, ...known.last });
  }

  async #changed(id: string): Promise<void> {
    const known = this.#sessions.get(id);
    if (known === undefined) return;
    const now = await this.#read(known.path);
    if (now === undefined || JSON.stringify(now) === JSON.stringify(known.last)) return;
    known.last = now;
    this.#emit({ event: 'session-changed', id, ...now });
  }

  async #remove(id: string): Promise<void> {
    const known = this.#sessions.get(id);
    this.#sessions.delete(id);
    await known?.watch?.[Symbol.asyncDispose]();
    const user = known?.last?.user;
    this.#emit({ event: 'session-removed', id, ...(user === undefined ? {} : { user }) });
  }

  /** Undefined for a session that has ended, or that the caller may not see. */
  async #read(path: string): Promise<SessionState | undefined> {
    try {
      const read = await readSession(this.#service, path);
      return read && { user: read.user, state: read.state, locked: read.locked, client: read.client };
    } catch (error) {
      if (error instanceof CallError) return undefined;
      throw error;
    }
  }
}
