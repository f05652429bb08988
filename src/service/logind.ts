import type { Bus } from '../bus/bus.js';
import { login1Manager } from '../bus/generated/login1-manager.js';
import { login1Session } from '../bus/generated/login1-session.js';
import { RemoteObject } from '../bus/remote-object.js';
import { SessionFailed } from '../errors.js';

const NAME = 'org.freedesktop.login1';

/** A session's Type where somebody sees a desktop (sd_session_get_type(3)). */
const GRAPHICAL = ['wayland', 'x11', 'mir'];

/** A desktop by logind's id; `seat` is empty if it is at none. */
export type GraphicalSession = { readonly id: string; readonly seat: string };

/** How long a desktop may take to end, in milliseconds: logind kills what is left of it before that. */
const ENDS_WITHIN = 30_000;

/** systemd-logind, as far as sessions of ours need it (org.freedesktop.login1(5)). */
export class Logind {
  readonly #bus: Bus;
  readonly #manager;

  constructor(bus: Bus) {
    this.#bus = bus;
    this.#manager = new RemoteObject(bus, login1Manager, NAME, '/org/freedesktop/login1');
  }

  /** A user's desktops, ours and others; not those that are ending. */
  async graphicalSessions(uid: number): Promise<GraphicalSession[]> {
    const own = (await this.#manager.methods.listSessions()).filter(([, owner]) => owner === uid);
    const graphical = await Promise.all(
      own.map(async ([id, , , , path]) => {
        const session = new RemoteObject(this.#bus, login1Session, NAME, path);
        // One that has gone meanwhile is none.
        return Promise.all([
          session.property('Type'),
          session.property('Class'),
          session.property('State'),
          session.property('Seat'),
        ]).then(
          ([type, of, state, [seat]]) =>
            GRAPHICAL.includes(type) && of === 'user' && state !== 'closing' ? [{ id, seat }] : [],
          () => [],
        );
      }),
    );
    return graphical.flat();
  }

  /** Ends sessions, whoever started them. Resolves when they are gone. SessionFailed if they stay. */
  async end(ids: readonly string[]): Promise<void> {
    const left = new Set(ids);
    const late = AbortSignal.timeout(ENDS_WITHIN);
    let gone: () => void = () => {};
    const done = new Promise<void>((resolve, reject) => {
      gone = resolve;
      late.addEventListener('abort', () =>
        reject(
          new SessionFailed(`logind's session ${[...left].join(', ')} did not end within ${ENDS_WITHIN / 1000} s`),
        ),
      );
    });
    done.catch(() => {});
    await using _subscription = await this.#manager.subscribe('SessionRemoved', (id) => {
      if (left.delete(id) && left.size === 0) gone();
    });
    await Promise.all(ids.map((id) => this.#manager.methods.terminateSession(id)));
    await done;
  }

  /** Asks the desktop to lock its screen; a desktop without a locker ignores it. */
  lock(session: string): Promise<void> {
    return this.#manager.methods.lockSession(session);
  }

  unlock(session: string): Promise<void> {
    return this.#manager.methods.unlockSession(session);
  }

  /** The machine stays awake until the descriptor is closed, unless somebody overrides it. */
  inhibitSleep(why: string): Promise<number> {
    return this.#manager.methods.inhibit('sleep', 'RemoteAccess', why, 'block');
  }

  /** Whether the desktop says that its screen is locked; told again at each change until disposed. */
  async watchLocked(session: string, changed: (locked: boolean) => void): Promise<AsyncDisposable> {
    const path = await this.#manager.methods.getSession(session);
    return await new RemoteObject(this.#bus, login1Session, NAME, path).watch('LockedHint', changed);
  }
}
