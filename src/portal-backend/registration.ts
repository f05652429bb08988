import type { Bus } from '../bus/bus.js';
import { CallError } from '../bus/call-error.js';
import { agents } from '../bus/generated/agents.js';
import type { AgentSetup } from '../bus/generated/dictionaries.js';
import { RemoteObject } from '../bus/remote-object.js';
import { isOurs, NoSuchSession } from '../errors.js';

/** The daemon's name as a process: it still has it when it leaves and takes no new callers. A call starts it, too. */
const DAEMON = 'org.freedesktop.RemoteAccess.Daemon';

/** A daemon that dies under a call has a successor that can be asked; but one that cannot live is no use to anybody. */
const MOST_TRIES = 10;

/** How long nobody can take back what tools may do here, in milliseconds: longer than a restart takes. */
const LONGEST_ABSENCE = 5000;

/** Whose agent we are, told to the daemon and to each that follows it: they may leave, or die, at any moment. */
export class Registration {
  readonly #daemon;
  readonly #session: string;
  #owner = '';
  #registered = '';
  #setup: AgentSetup | undefined;
  #ready = false;
  #told: Promise<void> = Promise.resolve();

  private constructor(bus: Bus, session: string) {
    this.#daemon = new RemoteObject(bus, agents, DAEMON, '/org/freedesktop/RemoteAccess/Agents');
    this.#session = session;
  }

  /**
   * Registers, and does so again with each new daemon. If there is none for long one is started where `isNeeded` says
   * so; `lost` is called if none can be.
   */
  static async begin(
    bus: Bus,
    session: string,
    { isNeeded, lost }: { isNeeded: () => boolean; lost: () => void },
  ): Promise<Registration> {
    const registration = new Registration(bus, session);
    let begun = false;
    const tell = () =>
      registration.#tell().catch((error) => {
        console.error(error);
        lost();
      });
    let absence: NodeJS.Timeout | undefined;
    await bus.subscriptions.watchOwner(DAEMON, (owner) => {
      registration.#owner = owner;
      registration.#registered = '';
      clearTimeout(absence);
      if (owner === '') absence = setTimeout(() => isNeeded() && void tell(), LONGEST_ABSENCE).unref();
      else if (begun) void tell();
    });
    begun = true;
    await registration.#tell();
    return registration;
  }

  /** The unique name of the daemon that knows us, '' while none does. */
  get daemon(): string {
    return this.#registered;
  }

  get setup(): AgentSetup {
    if (this.#setup === undefined) throw new NoSuchSession('not registered yet');
    return this.#setup;
  }

  /** From now on the session can be used. */
  async ready(): Promise<void> {
    this.#ready = true;
    await this.#tell();
  }

  async fail(error: string, message: string): Promise<void> {
    await this.#told;
    await this.#daemon.methods.fail(error, message);
  }

  #tell(): Promise<void> {
    const told = this.#told.then(() => this.#register());
    this.#told = told.catch(() => {});
    return told;
  }

  async #register(): Promise<void> {
    for (let tries = 1; ; tries++)
      try {
        this.#setup = await this.#enter();
        this.#registered = this.#owner;
        if (this.#ready) await this.#daemon.methods.ready();
        return;
      } catch (error) {
        // Also when the daemon was replaced between the two calls: it says that we have to register first.
        if (tries === MOST_TRIES || !(error instanceof CallError)) throw error;
      }
  }

  /** A session that ended while nobody told us needs no agent, and then nobody lets us register. */
  async #enter(): Promise<AgentSetup> {
    try {
      return await this.#daemon.methods.register(this.#session);
    } catch (error) {
      if (!(error instanceof CallError) || !isOurs(error.dbusName)) throw error;
      console.error(error.message);
      process.exit(0);
    }
  }
}
