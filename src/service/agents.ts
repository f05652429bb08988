import type { Bus } from '../bus/bus.js';
import type { Caller } from '../bus/caller.js';
import type { Handlers } from '../bus/descriptor.js';
import { ExportedObject } from '../bus/exported-object.js';
import { type Agents as AgentsInterface, agents as agentsInterface } from '../bus/generated/agents.js';
import type { AgentSetup } from '../bus/generated/dictionaries.js';
import { NoSuchSession, SessionFailed } from '../errors.js';
import { AgentLink } from './agent-link.js';
import type { Connection } from './connection.js';
import type { Connections } from './connections.js';
import { AGENTS_PATH } from './paths.js';
import type { Session } from './session.js';
import type { Sessions } from './sessions.js';

/** The door for the sessions' agents: they register, say when they are ready, and what happens in their session. */
export class Agents implements Handlers<AgentsInterface, Caller> {
  readonly object: ExportedObject;
  readonly #bus: Bus;
  readonly #sessions: Sessions;
  readonly #connections: Connections;
  /** By bus name: registered, and not gone. */
  readonly #registered = new Map<string, { session: Session; link: AgentLink }>();

  constructor(bus: Bus, sessions: Sessions, connections: Connections) {
    this.#bus = bus;
    this.#sessions = sessions;
    this.#connections = connections;
    this.object = new ExportedObject(bus, AGENTS_PATH).implement(
      agentsInterface,
      this,
      { version: () => 1 },
      async (member, args, caller) => {
        const session =
          member === 'Register'
            ? await this.#sessions.find(String(args[0]))
            : this.#registered.get(caller.name)?.session;
        return session === undefined ? {} : { uid: session.record.uid, session: session.record.id };
      },
    );
  }

  async register(caller: Caller, id: string): Promise<AgentSetup> {
    const session = this.#sessions.get(id);
    if (session === undefined) throw new NoSuchSession(`no session ${id}`);
    if (this.#registered.get(caller.name)?.session !== session) await this.#take(caller.name, session);
    const { compositor, startTimeout } = session.record;
    return { compositor, 'start-timeout': startTimeout, monitors: this.#sessions.initialLayout(session) };
  }

  async #take(name: string, session: Session): Promise<void> {
    const link = new AgentLink(this.#bus, name);
    this.#registered.set(name, { session, link });
    await this.#listen(link);
    await this.#bus.subscriptions.watchName(name, () => {
      this.#registered.delete(name);
      session.detachAgent(link);
      void link[Symbol.asyncDispose]();
    });
  }

  ready(caller: Caller): void {
    const { session, link } = this.#of(caller);
    session.attachAgent(link);
    this.#sessions.agentReady(session);
  }

  fail(caller: Caller, _error: string, message: string): void {
    this.#sessions.agentFailed(this.#of(caller).session, new SessionFailed(message));
  }

  #of(caller: Caller): { session: Session; link: AgentLink } {
    const registered = this.#registered.get(caller.name);
    if (registered === undefined) throw new NoSuchSession('register first');
    return registered;
  }

  // An agent speaks only for connections of its own session.
  async #listen(link: AgentLink): Promise<void> {
    const tell = (number: number, news: (connection: Connection) => void) =>
      this.#connections.tell(number, (connection) => {
        if (connection.session.agent === link) news(connection);
      });
    await link.on('LayoutChanged', (serial) => {
      for (const connection of this.#registered.get(link.name)?.session.clients ?? []) connection.layoutChanged(serial);
    });
    await link.on('StreamsChanged', (number, streams) =>
      tell(number, (connection) => connection.streamsChanged(streams)),
    );
    await link.on('SelectionOwnerChanged', (number, mimeTypes, isOwner) =>
      tell(number, (connection) => connection.selectionOwnerChanged(mimeTypes, isOwner)),
    );
    await link.on('SelectionTransfer', (number, mimeType, serial) =>
      tell(number, (connection) => connection.selectionTransfer(mimeType, serial)),
    );
    await link.on('CompositorLost', (message) => {
      const session = this.#registered.get(link.name)?.session;
      if (session !== undefined) this.#sessions.agentFailed(session, new SessionFailed(message));
    });
  }
}
