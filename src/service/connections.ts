import type { Bus } from '../bus/bus.js';
import type { Caller } from '../bus/caller.js';
import type { ConnectOptions } from '../bus/generated/dictionaries.js';
import type { ObjectTree } from '../bus/object-tree.js';
import { SessionFailed } from '../errors.js';
import { audit } from './audit.js';
import type { Configuration } from './configuration.js';
import { type CloseReason, Connection, type ConnectionRecord } from './connection.js';
import { checkPlace, type Place } from './connection-limits.js';
import type { LoginRight } from './rights.js';
import type { Session } from './session.js';

/** All open connections. Each dies with its owner on the bus. */
export class Connections {
  readonly #bus: Bus;
  readonly #tree: ObjectTree;
  readonly #connections = new Map<number, Connection>();
  /** What the agent says of a connection before we have heard that it is open, which takes its place already. */
  readonly #opening = new Map<number, Place & { readonly news: ((connection: Connection) => void)[] }>();
  readonly #watches = new Map<Connection, Disposable>();
  readonly #configuration: Configuration;
  readonly #changed: () => void;
  #last = 0;

  /** `changed` is called when there are more or fewer. */
  constructor(bus: Bus, tree: ObjectTree, configuration: Configuration, changed: () => void) {
    this.#bus = bus;
    this.#tree = tree;
    this.#configuration = configuration;
    this.#changed = changed;
  }

  get size(): number {
    return this.#connections.size;
  }

  /** Tells the connection of that number something, or will as soon as it is open. */
  tell(number: number, news: (connection: Connection) => void): void {
    const connection = this.#connections.get(number);
    if (connection !== undefined) news(connection);
    else this.#opening.get(number)?.news.push(news);
  }

  async open(session: Session, caller: Caller, right: LoginRight, options: ConnectOptions): Promise<Connection> {
    const agent = session.agent;
    if (agent === undefined) throw new SessionFailed(`session ${session.record.id} has no running agent`);
    const { uid } = caller;
    const displaces = (options['on-conflict'] ?? 'displace') === 'displace';
    const taken = [...this.#connections.values(), ...this.#opening.values()];
    checkPlace({ session, uid, displaces }, taken, this.#configuration.settings.Session);
    const number = ++this.#last;
    const news: ((connection: Connection) => void)[] = [];
    this.#opening.set(number, { session, uid, news });
    const [devices, cursorModes, streams] = await agent.methods
      .open(number, { grants: [...right.grants], cursor: options.cursor ?? 'embedded' })
      .finally(() => this.#opening.delete(number));
    const client = {
      since: Math.floor(Date.now() / 1000),
      ...(options['client-name'] === undefined ? {} : { name: options['client-name'] }),
      ...(options['client-address'] === undefined ? {} : { address: options['client-address'] }),
    };
    audit('connected', {
      user: session.record.user,
      session: session.record.id,
      connection: number,
      token: right.token,
      grants: right.grants,
      'client-name': client.name,
      'client-address': client.address,
      'caller-uid': caller.uid,
      'caller-pid': caller.pid,
    });
    return this.#add(session, { number, owner: caller.name, uid, right, client, devices, cursorModes, streams }, news);
  }

  /** Goes on with a connection of the daemon before, if its owner is still there and its token is valid. */
  async restore(session: Session, record: ConnectionRecord, isValid: (token: string) => boolean): Promise<void> {
    const { number, right } = record;
    this.#last = Math.max(this.#last, number);
    const connection = await this.#add(session, record);
    session.clients.resume(connection);
    if (right.token !== undefined && !isValid(right.token)) void connection.close('revoked');
  }

  async #add(
    session: Session,
    record: ConnectionRecord,
    news: ((connection: Connection) => void)[] = [],
  ): Promise<Connection> {
    const { number, owner } = record;
    const connection = new Connection(this.#bus, session, record, (closed, reason) => this.#forget(closed, reason));
    this.#connections.set(number, connection);
    this.#tree.add(connection.object, owner);
    for (const tell of news) tell(connection);
    session.clients.add(connection);
    this.#changed();
    const watch = await this.#bus.subscriptions.watchName(owner, () => void connection.close('closed'));
    if (this.#connections.has(number)) this.#watches.set(connection, watch);
    else watch[Symbol.dispose]();
    return connection;
  }

  /** Ends whatever was opened with a token that is void. */
  revoke(token: string, reason: 'revoked' | 'expired'): void {
    for (const connection of [...this.#connections.values()])
      if (connection.right.token === token) void connection.close(reason);
  }

  #forget(connection: Connection, reason: CloseReason): void {
    const { user, id } = connection.session.record;
    audit('closed', { user, session: id, connection: connection.number, token: connection.right.token, reason });
    this.#connections.delete(connection.number);
    this.#watches.get(connection)?.[Symbol.dispose]();
    this.#watches.delete(connection);
    this.#tree.remove(connection.object, connection.owner);
    connection.session.clients.remove(connection, reason);
    this.#changed();
  }
}
