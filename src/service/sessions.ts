import { randomBytes } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';
import type { Bus } from '../bus/bus.js';
import type { Caller } from '../bus/caller.js';
import type { ExportedObject } from '../bus/exported-object.js';
import type { ConnectOptions, Monitor } from '../bus/generated/dictionaries.js';
import { remoteAccess } from '../bus/generated/remote-access.js';
import type { ObjectTree } from '../bus/object-tree.js';
import type { Desktop } from '../desktops/desktops.js';
import { Busy, SessionFailed } from '../errors.js';
import { defaultLayout, placeMonitors } from '../layout/layout.js';
import { launchWorker } from '../login/launch.js';
import { livingWorkers } from '../login/scan.js';
import type { Ended, Worker } from '../login/worker.js';
import { Admission, type AdmissionHost } from './admission.js';
import { audit } from './audit.js';
import type { Connections } from './connections.js';
import { FoundWorkers } from './found-workers.js';
import { type Answer, answer, type Request } from './rejoin.js';
import { Session } from './session.js';
import { parseRecord, type SessionPast, type SessionRecord } from './session-record.js';
import { SessionStart } from './session-start.js';
import type { User } from './users.js';

export type SessionsHost = AdmissionHost & {
  readonly bus: Bus;
  readonly tree: ObjectTree;
  readonly root: ExportedObject;
  /** Which message bus this is. */
  readonly busId: string;
};

/** A worker, by the id of the session that it may open, whose PAM transaction authenticated the user. */
export type Transaction = { readonly id: string; readonly worker: Worker };

export type SessionOptions = Request & {
  /** Somebody logs in: PAM has to agree also if there is nothing to start. */
  readonly login?: boolean | undefined;
  /** They did so through PAM, which has agreed; what is started is started in that transaction. */
  readonly transaction?: Transaction | undefined;
};

/** A session that is being started for a user, from when that is certain. */
type Coming = { readonly record: SessionRecord; readonly started: Promise<Session> };

/** What has to be known before a session is started, or one is ended for it. */
type Prepared = {
  readonly desktop: Desktop;
  /** Nothing forbids the user another session. */
  readonly admitted: boolean;
};

/** All sessions: starts them, finds them again, and forgets them when their worker ends. */
export class Sessions {
  readonly #host: SessionsHost;
  readonly #connections: Connections;
  readonly #admission: Admission;
  readonly #sessions = new Map<string, Session>();
  /** By uid: there is one place for each user, which is taken before anything is waited for. */
  readonly #coming = new Map<number, Coming>();
  readonly #starts = new Map<Session, SessionStart>();
  /** Fulfilled when every worker that lived when we began has told what it holds. */
  #adopted: Promise<void> = Promise.resolve();
  #found: FoundWorkers | undefined;

  constructor(host: SessionsHost, connections: Connections) {
    this.#host = host;
    this.#connections = connections;
    this.#admission = new Admission(host);
    host.configuration.on('changed', () => {
      for (const session of this.#sessions.values()) session.clients.limit();
    });
  }

  /** A session, also one whose worker has not told us of it yet: a PAM module may keep it. */
  async find(id: string): Promise<Session | undefined> {
    if (!this.#sessions.has(id)) await this.#adopted;
    return this.#sessions.get(id);
  }

  get(id: string): Session | undefined {
    return this.#sessions.get(id);
  }

  all(): Iterable<Session> {
    return this.#sessions.values();
  }

  /** Whether there is a session, or somebody waits for one. */
  get needed(): boolean {
    return this.#sessions.size > 0 || this.#coming.size > 0;
  }

  initialLayout(session: Session): Monitor[] {
    return [...(session.record.monitors ?? defaultLayout())];
  }

  /**
   * The user's session: the running one, or a new one, maybe in its place. Busy says why neither, and what there is. A
   * layout that cannot be is refused even where it is not needed: InvalidLayout.
   */
  async obtain(user: User, options: SessionOptions): Promise<Session> {
    if (options.monitors !== undefined) placeMonitors(options.monitors);
    await this.#adoptedOf(user);
    for (let prepared: Prepared | undefined; ; ) {
      const coming = this.#coming.get(user.uid);
      if (coming !== undefined) {
        if (this.#answer(coming.record, options).do === 'rejoin') return await this.#share(coming, user, options);
        // Whoever asks for something else is answered when it is known what becomes of it.
        await coming.started.catch(() => {});
        continue;
      }
      const { running, answer } = this.#decide(user.uid, options);
      if (running !== undefined && answer?.do === 'rejoin') {
        if (await this.#rejoin(running, user, options)) return running;
        continue;
      }
      const replaces = answer?.do === 'replace' ? answer.why : undefined;
      if (prepared === undefined || (replaces !== undefined && !prepared.admitted)) {
        prepared = await this.#prepare(user, options, replaces !== undefined);
        // Others may have asked meanwhile. Nothing comes between the last decision and the place.
        continue;
      }
      if (replaces !== undefined) console.log(`${replaces}: it is ended for another one`);
      return await this.#begin(user, prepared.desktop, options, replaces === undefined ? undefined : running);
    }
  }

  /**
   * Busy if `obtain` would refuse, as things are now: to be asked before something is used up for it. Nothing is waited
   * for, so `obtain` may still come to another end.
   */
  check(uid: number, request: Request): void {
    if (!this.#coming.has(uid)) this.#decide(uid, request);
  }

  agentReady(session: Session): void {
    this.#starts.get(session)?.ready();
  }

  /** The agent gave up, or none can come: a session without compositor, or agent, is of no use to anybody. */
  agentFailed(session: Session, error: SessionFailed): void {
    console.warn(`session ${session.record.id}: ${error.message}`);
    this.#starts.get(session)?.fail(error);
    session.terminate().catch(() => {});
  }

  /**
   * Finds the sessions that an earlier daemon started, and who used them: their workers kept what there is to know.
   * What was opened with a token that is void by now is over. Resolves when all is as it was, or after `patience`
   * milliseconds: one session that hangs must not keep the others from their callers.
   */
  async adopt(isValid: (token: string) => boolean, patience: number): Promise<void> {
    this.#adopted = this.#adopt(isValid).finally(() => {
      this.#found = undefined;
    });
    const late = delay(patience, undefined, { ref: false });
    await Promise.race([late, this.#adopted]);
    const back = [...this.#sessions.values()]
      .filter(({ kept }) => kept.ready && !kept.closing)
      .map((session) => session.reachable().catch(() => {}));
    await Promise.race([late, Promise.all(back)]);
  }

  /** Fulfilled when it is known what there is of one user. */
  async #adoptedOf({ uid }: User): Promise<void> {
    if (await this.#found?.mayHoldOne(uid)) await this.#adopted;
  }

  async #adopt(isValid: (token: string) => boolean): Promise<void> {
    const { workers } = this.#host;
    const found = await FoundWorkers.in(workers);
    this.#found = found;
    for await (const { id, worker } of livingWorkers(workers)) {
      await this.#take(worker, isValid);
      found.told(id);
    }
  }

  /** Goes on with what a worker holds. */
  async #take(worker: Worker, isValid: (token: string) => boolean): Promise<void> {
    const kept = parseRecord(worker.record, this.#host.busId);
    if (kept === undefined || worker.session === undefined) {
      // The daemon before died when it had not told this one yet what to open.
      if (worker.session === undefined) worker.terminate();
      worker.close();
      return;
    }
    const { ready, closing, entered, left, joined, lastClient, hooks, bus, rights, connections, ...record } = kept;
    const session = this.#add(record, kept);
    this.#watch(session, worker);
    for (const [name, all] of rights)
      for (const right of all) if (right.token === undefined || isValid(right.token)) session.rights.add(name, right);
    await Promise.all(connections.map((one) => this.#connections.restore(session, one, isValid)));
    // Not before: what the worker keeps is replaced as a whole.
    session.attachWorker(worker, worker.session.logindSession);
    if (closing) await session.terminate();
    // A start that was interrupted goes on, for somebody wanted it; but not for longer than one may take.
    else if (!ready) session.reachable().catch((error) => this.agentFailed(session, error));
  }

  /** The session that the user has, and whether the request is given it or replaces it. Busy if neither, or at a limit. */
  #decide(uid: number, request: Request): { running: Session | undefined; answer: Answer | undefined } {
    const running = [...this.#sessions.values()].find(({ record, state }) => record.uid === uid && state !== 'closing');
    const answer = running === undefined ? undefined : this.#answer(running.record, request, running);
    if (answer?.do === 'refuse') throw new Busy(answer.why);
    if (answer?.do !== 'rejoin') this.#checkCount(uid);
    return { running, answer };
  }

  #answer(record: SessionRecord, request: Request, session?: Session): Answer {
    const connected = session !== undefined && session.clients.size > 0;
    return answer({ ...record, connected }, request, this.#host.configuration.settings.Session);
  }

  /** Waits for the same start as others. */
  async #share({ started }: Coming, user: User, options: SessionOptions): Promise<Session> {
    const session = await started;
    if (options.transaction !== undefined) await options.transaction.worker.rejoin();
    // Two accounts may have one uid: PAM has agreed to the other one.
    else if (options.login === true && user.name !== session.record.user)
      await this.#admission.check(user.name, options.clientAddress);
    return session;
  }

  /** Whether it could be had: somebody else's request, or anything, may end it meanwhile. */
  async #rejoin(session: Session, user: User, options: SessionOptions): Promise<boolean> {
    if (options.transaction !== undefined) await options.transaction.worker.rejoin();
    else if (options.login === true) await this.#admission.check(user.name, options.clientAddress);
    const ended = session.state === 'closing';
    // The transaction could have opened another one, but it is over.
    if (ended && options.transaction !== undefined)
      throw new Busy(`session ${session.record.id} has just been ended: log in again`);
    if (!ended) await session.reachable();
    return !ended;
  }

  /** All that can go wrong without a session being started, lest one be ended in vain. */
  async #prepare(user: User, options: SessionOptions, replaces: boolean): Promise<Prepared> {
    const desktop = await this.#admission.desktop(options.desktop);
    if (!replaces) return { desktop, admitted: false };
    if (options.transaction === undefined) await this.#admission.check(user.name, options.clientAddress);
    await this.#admission.elsewhere(user, this.#known());
    return { desktop, admitted: true };
  }

  /** Busy if as many others have a session as there may be. */
  #checkCount(uid: number): void {
    const { MaxSessions: most } = this.#host.configuration.settings.Session;
    const others = new Set([...this.#coming.keys(), ...[...this.#sessions.values()].map(({ record }) => record.uid)]);
    others.delete(uid);
    const { size: count } = others;
    if (count >= most)
      throw new Busy(
        `${count} ${count === 1 ? 'session runs' : 'sessions run'}, and no more may on this machine (MaxSessions=${most})`,
      );
  }

  #begin(user: User, desktop: Desktop, options: SessionOptions, replaced: Session | undefined): Promise<Session> {
    const record: SessionRecord = {
      id: options.transaction?.id ?? randomBytes(4).toString('hex'),
      user: user.name,
      uid: user.uid,
      desktop: desktop.id,
      compositor: desktop.compositor,
      created: Math.floor(Date.now() / 1000),
      startTimeout: desktop.startTimeout,
      ...(options.monitors === undefined ? {} : { monitors: options.monitors }),
      ...(options.clientAddress === undefined ? {} : { address: options.clientAddress }),
    };
    const started = this.#start(user, record, { desktop, replaced, worker: options.transaction?.worker }).finally(() =>
      this.#coming.delete(user.uid),
    );
    this.#coming.set(user.uid, { record, started });
    return started;
  }

  async #start(
    user: User,
    record: SessionRecord,
    { desktop, replaced, worker: own }: { desktop: Desktop; replaced: Session | undefined; worker: Worker | undefined },
  ): Promise<Session> {
    await replaced?.terminate();
    await this.#makeRoom(user);
    const session = this.#add(record);
    const start = new SessionStart(session, desktop);
    this.#starts.set(session, start);
    try {
      const { workers: directory, systemd } = this.#host;
      const worker = own ?? (await launchWorker({ id: record.id, directory, systemd, signal: start.deadline }));
      this.#watch(session, worker);
      await start.run(worker);
      audit('session-started', { user: user.name, session: record.id, 'client-address': record.address });
      return session;
    } catch (error) {
      await session.terminate().catch(() => this.#forget(session));
      throw error;
    } finally {
      this.#starts.delete(session);
    }
  }

  /** A user's session that is ending ends first. So does somebody else's desktop. */
  async #makeRoom(user: User): Promise<void> {
    const own = [...this.#sessions.values()].filter(({ record }) => record.uid === user.uid);
    await Promise.all(own.map((session) => session.ended));
    await this.#admission.endElsewhere(user, this.#known());
  }

  /** logind's ids of ours. */
  #known(): string[] {
    return [...this.#sessions.values()].map(({ logindSession }) => logindSession);
  }

  #add(record: SessionRecord, before: SessionPast = {}): Session {
    const { bus, busId, configuration, logind, systemd, root, tree } = this.#host;
    const session = new Session(
      {
        bus,
        logind,
        systemd,
        busId,
        configuration,
        abandoned: (of: Session, reason: SessionFailed) => this.agentFailed(of, reason),
        connect: (of: Session, caller: Caller, right, options: ConnectOptions) =>
          this.#connections.open(of, caller, right, options),
      },
      record,
      before,
    );
    this.#sessions.set(record.id, session);
    tree.add(session.object);
    root.emit(remoteAccess, 'SessionNew', [record.id, session.object.path]);
    return session;
  }

  #watch(session: Session, worker: Worker): void {
    let told: boolean | undefined;
    worker.once('ending', () => {
      told = session.state === 'closing';
      session.ending();
    });
    worker.once('ended', (ended) => {
      const { id, user } = session.record;
      const reason = reasonOf(ended) + ((told ?? session.state === 'closing') ? ', as it was told to' : '');
      audit('session-ended', { user, session: id, reason });
      this.#starts.get(session)?.fail(new SessionFailed('the desktop ended while it was starting'));
      this.#forget(session);
    });
  }

  #forget(session: Session): void {
    if (!this.#sessions.delete(session.record.id)) return;
    session.close();
    this.#host.tree.remove(session.object);
    this.#host.root.emit(remoteAccess, 'SessionRemoved', [session.record.id, session.object.path]);
  }
}

/** For the journal: to callers it has ended. */
function reasonOf(ended: Ended): string {
  if (ended.how === 'exit') return `its desktop exited with status ${ended.number}`;
  return ended.how === 'signal' ? `its desktop was killed by signal ${ended.number}` : 'its worker was killed';
}
