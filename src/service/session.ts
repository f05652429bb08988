import type { Bus } from '../bus/bus.js';
import type { Caller } from '../bus/caller.js';
import type { Handlers } from '../bus/descriptor.js';
import { ExportedObject } from '../bus/exported-object.js';
import type { ConnectOptions } from '../bus/generated/dictionaries.js';
import { type Session as SessionInterface, session as sessionInterface } from '../bus/generated/session.js';
import { Busy, GrantMissing, NotAuthorized, SessionFailed } from '../errors.js';
import type { Worker } from '../login/worker.js';
import type { AgentLink } from './agent-link.js';
import { Clients } from './clients.js';
import type { Configuration } from './configuration.js';
import type { Connection } from './connection.js';
import { ALL_GRANTS } from './grants.js';
import { Handover } from './handover.js';
import type { Logind } from './logind.js';
import { SESSIONS_PATH } from './paths.js';
import { type LoginRight, Rights } from './rights.js';
import { ScreenLock } from './screen-lock.js';
import type { KeptSession, SessionPast, SessionRecord } from './session-record.js';
import type { Systemd } from './systemd.js';
import { UserManager } from './user-manager.js';

export type SessionState = 'starting' | 'disconnected' | 'connected' | 'closing';

export type SessionHost = {
  readonly bus: Bus;
  readonly logind: Logind;
  readonly systemd: Systemd;
  /** Which message bus this is. */
  readonly busId: string;
  readonly configuration: Configuration;
  /** It has no agent, and none will come. */
  abandoned(session: Session, reason: SessionFailed): void;
  /** Opens a connection object for the caller. */
  connect(session: Session, caller: Caller, right: LoginRight, options: ConnectOptions): Promise<Connection>;
};

type Opened = { readonly connection: Connection; readonly agent: AgentLink };

/** A user's headless session: the object on the bus, its worker, its agent, and who is connected. */
export class Session implements Handlers<SessionInterface, Caller> {
  readonly record: SessionRecord;
  readonly object: ExportedObject;
  readonly clients: Clients;
  /** Of those who completed a login to it. */
  readonly rights: Rights;
  /** Fulfilled when it is over and its worker gone. */
  readonly ended: Promise<void>;
  readonly #host: SessionHost;
  readonly #handover: Handover;
  readonly #manager: UserManager;
  #connecting: Promise<unknown> = Promise.resolve();
  readonly #screen: ScreenLock;
  #state: SessionState = 'starting';
  #logindSession = '';
  #worker: Worker | undefined;
  #end: () => void = () => {};
  /** Who waits for an agent. */
  readonly #waiting: (() => void)[] = [];
  #agent: AgentLink | undefined;
  #ready: boolean;

  /** `before` is what there was under a daemon before us. */
  constructor(host: SessionHost, record: SessionRecord, before: SessionPast = {}) {
    const { ready = false, entered = false } = before;
    this.#host = host;
    this.record = record;
    this.#ready = ready;
    this.clients = new Clients(
      {
        settings: () => host.configuration.settings.Session,
        agent: () => (this.#state === 'closing' ? undefined : this.#agent),
        idleTime: async () => Number(await (await this.reachable()).methods.idleTime()) / 1000,
        changed: (properties) => this.#clientsChanged(properties),
        keep: () => this.keep(),
        abandoned: () => this.#abandon(),
      },
      before,
    );
    this.rights = new Rights(host.bus.subscriptions, () => this.keep());
    this.#screen = new ScreenLock(host.logind, entered, {
      locked: () => this.object.changed(sessionInterface, ['Locked']),
      entered: () => this.keep(),
    });
    this.ended = new Promise((resolve) => {
      this.#end = resolve;
    });
    this.#manager = new UserManager(host.systemd, record.uid, (unit) =>
      host.abandoned(this, new SessionFailed(`${unit} of ${record.user} has ended`)),
    );
    this.object = new ExportedObject(host.bus, `${SESSIONS_PATH}/${record.id}`, () => ({
      uid: record.uid,
      logins: this.rights,
      session: record.id,
      logindSession: this.#logindSession,
    })).implement(sessionInterface, this, {
      version: () => 1,
      Id: () => record.id,
      Class: () => 'user',
      User: (): [number, string] => [record.uid, record.user],
      State: () => this.#state,
      Desktop: () => record.desktop,
      Compositor: () => record.compositor,
      LogindSession: () => this.#logindSession,
      Created: () => BigInt(record.created),
      Locked: () => this.#screen.locked,
      Client: () => this.clients.latest,
      LastClient: () => this.clients.last,
    });
    this.#handover = new Handover(host.bus, this.object, () => this.reachable());
  }

  get state(): SessionState {
    return this.#state;
  }

  get agent(): AgentLink | undefined {
    return this.#agent;
  }

  get logindSession(): string {
    return this.#logindSession;
  }

  /** The worker opened the PAM session: from now on logind knows it too. */
  attachWorker(worker: Worker, logindSession: string): void {
    this.#worker = worker;
    this.#logindSession = logindSession;
    this.keep();
    this.clients.limit();
    this.#manager.watch(this.#state === 'starting');
    this.object.changed(sessionInterface, ['LogindSession']);
    this.#screen
      .attach(logindSession)
      .catch((error) => console.warn(`session ${this.record.id}: logind does not tell its lock: ${error.message}`));
  }

  attachAgent(agent: AgentLink): void {
    // It may say so again; what is just being opened must not count as unknown then.
    if (this.#agent === agent) return;
    this.#agent = agent;
    this.#ready = true;
    this.keep();
    this.#resume(agent).catch((error) => console.warn(`session ${this.record.id}: ${error.message}`));
    for (const reached of this.#waiting.splice(0)) reached();
    this.#updateState();
    if (this.clients.size === 0) this.#lockUp(true);
    this.clients.reached();
  }

  /** The agent may be one that served a daemon before us: both get to know which connections are open. */
  async #resume(agent: AgentLink): Promise<void> {
    const known = [...this.clients];
    const open = await agent.methods.resume(known.map(({ number }) => number));
    for (const connection of known) if (!open.includes(connection.number)) void connection.close('session-ended');
  }

  /** Its agent, when it has one: that may have to be started again, or has not found a new daemon yet. */
  async reachable(): Promise<AgentLink> {
    if (this.#agent !== undefined) return this.#agent;
    let late: NodeJS.Timeout | undefined;
    await new Promise<void>((resolve) => {
      this.#waiting.push(resolve);
      void this.ended.then(resolve);
      late = setTimeout(resolve, this.record.startTimeout * 1000);
    });
    clearTimeout(late);
    if (this.#agent === undefined) throw new SessionFailed(`session ${this.record.id} has no running agent`);
    return this.#agent;
  }

  detachAgent(agent: AgentLink): void {
    if (this.#agent !== agent) return;
    this.#agent = undefined;
    for (const connection of this.clients) void connection.close('session-ended');
    this.#updateState();
  }

  /** Its user, and who completed a login to it. */
  isUsableBy({ name, uid }: Caller): boolean {
    return uid === this.record.uid || this.rights.has(name);
  }

  /** What was opened with a token that is used up stays: nobody can take it back any more. */
  outliveToken(token: string): void {
    for (const connection of this.clients) if (connection.right.token === token) connection.outliveToken();
    this.rights.outliveToken(token);
  }

  /** What a daemon after us needs to know, whenever we are killed. */
  get kept(): KeptSession {
    return {
      ...this.record,
      ready: this.#ready,
      closing: this.#state === 'closing',
      entered: this.#screen.entered,
      bus: this.#host.busId,
      rights: this.rights.all,
      ...this.clients.kept,
    };
  }

  /** Has the worker remember it. */
  keep(): void {
    try {
      this.#worker?.setRecord(JSON.stringify(this.kept));
    } catch (error) {
      console.warn(`session ${this.record.id}: what is open cannot be kept: ${(error as Error).message}`);
    }
  }

  /**
   * One at a time: who comes second sees the first one's connection. Waits for an agent that is just being started
   * again.
   */
  connect(caller: Caller, options: ConnectOptions): Promise<string> {
    const connected = this.#connecting.then(() => this.reachable()).then(() => this.#connect(caller, options));
    this.#connecting = connected.catch(() => {});
    return connected;
  }

  async #connect(caller: Caller, options: ConnectOptions): Promise<string> {
    const granted = this.rights.of(caller.name);
    const right = granted ?? this.#ownRight(caller);
    const missing = (options.grants ?? []).find((grant) => !right.grants.includes(grant));
    if (missing !== undefined) throw new GrantMissing(`the login does not grant '${missing}'`);
    const conflict = options['on-conflict'] ?? 'displace';
    if (conflict === 'fail' && this.clients.size > 0)
      throw new Busy(`session ${this.record.id} is in use by another connection`);
    const grants = options.grants ?? right.grants;
    const { connection, agent } = await this.#open(caller, { ...right, grants }, options);
    this.#admit(caller, connection, agent, granted);
    if (conflict === 'displace') {
      const others = [...this.clients].filter((other) => other !== connection);
      await Promise.all(others.map((other) => other.close('displaced')));
      this.#admit(caller, connection, agent, granted);
    }
    this.clients.welcome(connection);
    if (granted !== undefined && this.clients.has(connection)) await this.#enter(caller.name, granted);
    else this.keep();
    return connection.object.path;
  }

  /** Throws if what lets the caller in was lost while the agent was at work. */
  #admit(caller: Caller, connection: Connection, agent: AgentLink, granted: LoginRight | undefined): void {
    if (this.#agent !== agent || this.#state === 'closing') {
      void connection.close('session-ended');
      throw new SessionFailed(`session ${this.record.id} has ended`);
    }
    if (granted !== undefined && !this.rights.holds(caller.name, granted)) {
      void connection.close('revoked');
      throw new NotAuthorized('the login to the session was taken back');
    }
  }

  /** An agent that dies over it has a successor, which may do better. */
  async #open(caller: Caller, right: LoginRight, options: ConnectOptions, again = true): Promise<Opened> {
    const agent = await this.reachable();
    try {
      return { connection: await this.#host.connect(this, caller, right, options), agent };
    } catch (error) {
      if (!again || this.#agent === agent || this.#state === 'closing') throw error;
      return await this.#open(caller, right, options, false);
    }
  }

  /** Somebody who logged in is connected. Each login unlocks once, and not for others who stay connected beside it. */
  async #enter(name: string, right: LoginRight): Promise<void> {
    this.#screen.enter();
    if (right.unlocks !== true || this.clients.size > 1) {
      this.keep();
      return;
    }
    this.rights.use(name, right);
    await this.#screen
      .unlock()
      .catch((error) => console.warn(`session ${this.record.id} could not be unlocked: ${error.message}`));
  }

  #clientsChanged(properties: readonly ('Client' | 'LastClient')[]): void {
    this.keep();
    this.object.changed(sessionInterface, properties);
    this.#updateState();
    // Without an agent nobody can be connected: who was may come back when it does.
    if (this.clients.size === 0 && this.#agent !== undefined) this.#lockUp(false);
  }

  #abandon(): void {
    console.log(`session ${this.record.id} of ${this.record.user} has had no client for too long`);
    this.terminate().catch(() => {});
  }

  #lockUp(unwillingly: boolean): void {
    if (this.#state === 'closing' || !this.#host.configuration.settings.Session.LockOnDisconnect) return;
    void this.#screen.leave(unwillingly, () => this.clients.size > 0);
  }

  async lock(): Promise<void> {
    await this.reachable();
    await this.#screen.lock();
  }

  async unlock(): Promise<void> {
    await this.reachable();
    await this.#screen.unlock();
  }

  async disconnect(): Promise<void> {
    await Promise.all([...this.clients].map((connection) => connection.close('disconnected')));
  }

  async terminate(): Promise<void> {
    if (this.#worker === undefined) throw new Busy(`session ${this.record.id} is still starting`);
    this.#setState('closing');
    this.keep();
    this.#worker.terminate();
  }

  /** Its desktop is gone, and the rest goes: whoever logs in now waits for that, and gets another one. */
  ending(): void {
    this.#setState('closing');
  }

  /** The session is over: nothing of it may be used any more. */
  close(): void {
    this.#setState('closing');
    this.rights.clear();
    this.#handover.close();
    this.clients[Symbol.dispose]();
    this.#screen.close();
    this.#end();
  }

  #ownRight(caller: Caller): LoginRight {
    if (caller.uid === 0 || caller.uid === this.record.uid) return { grants: ALL_GRANTS, token: undefined };
    throw new NotAuthorized('log in to the session first');
  }

  #updateState(): void {
    if (this.#state === 'closing') return;
    this.#setState(this.#agent === undefined ? 'starting' : this.clients.size > 0 ? 'connected' : 'disconnected');
  }

  #setState(state: SessionState): void {
    if (this.#state === state) return;
    this.#state = state;
    this.#manager.watch(state === 'starting' && this.#worker !== undefined);
    this.object.changed(sessionInterface, ['State']);
  }
}
