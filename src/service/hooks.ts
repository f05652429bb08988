import type { AgentLink } from './agent-link.js';
import type { CloseReason, Connection } from './connection.js';

/** What systemd and programs of an agent before may take beyond the time that programs have, in milliseconds. */
const PATIENCE = 120_000;

/** A client that the programs have been told of, or are just being told of, and not yet that it has left. */
type Told = {
  readonly number: number;
  readonly name: string;
  readonly address: string;
  readonly first: boolean;
  /** They have been told that it came. */
  readonly greeted: boolean;
  /** It has left, with that reason. */
  readonly reason?: CloseReason;
};

/** As a session's record has it. */
export type HooksRecord = { readonly told: readonly Told[]; readonly begun: boolean };

type Hooked = {
  readonly connections: Iterable<Connection>;
  /** Whether whom that one displaces has left. */
  isIn(connection: Connection): boolean;
  /** Where they can be run now. */
  agent(): AgentLink | undefined;
  /** How long they may take, in seconds; 0: none are run. */
  timeout(): number;
  changed(): void;
};

/**
 * Has the agent run the programs in session.d when clients come and go. What they have been told is compared with what
 * is true, so nothing piles up behind slow ones, and a new daemon or agent goes on where the one before was.
 */
export class Hooks {
  readonly #session: Hooked;
  #told: readonly Told[];
  #begun: boolean;
  #busy = false;

  /** `before` as a daemon before us left it. */
  constructor(session: Hooked, before: HooksRecord = { told: [], begun: false }) {
    this.#session = session;
    this.#told = before.told;
    this.#begun = before.begun;
  }

  get record(): HooksRecord {
    return { told: this.#told, begun: this.#begun };
  }

  /** A client has left; `update` is to follow. */
  left({ number }: Connection, reason: CloseReason): void {
    this.#told = this.#told.map((told) => (told.number === number ? { reason, ...told } : told));
  }

  /** To be called when a client has come or left, and when there is an agent again. */
  update(): void {
    if (this.#busy) return;
    this.#busy = true;
    void this.#catchUp();
  }

  async #catchUp(): Promise<void> {
    for (let agent = this.#session.agent(); agent !== undefined; agent = this.#session.agent()) {
      const client = this.#next();
      if (client === undefined) break;
      this.#session.changed();
      const told = await this.#tell(agent, client);
      // An agent that died closed all connections; the next one is told that they left.
      if (!told && this.#session.agent() !== agent) continue;
      this.#told = this.#told.flatMap((one) => {
        if (one.number !== client.number) return one;
        return client.reason === undefined ? { ...one, greeted: true } : [];
      });
      this.#session.changed();
    }
    this.#busy = false;
  }

  /** Who left comes first: whoever heeds only what is told last knows then whether somebody is there. */
  #next(): Told | undefined {
    const open = [...this.#session.connections];
    const gone = this.#told.find(
      ({ number, reason }) => reason !== undefined || !open.some((one) => one.number === number),
    );
    if (gone !== undefined) return { reason: 'closed', ...gone };
    const greeted = ({ number }: Connection) => this.#told.some((told) => told.number === number && told.greeted);
    const come = open.find((one) => this.#session.isIn(one) && !greeted(one));
    if (come === undefined) return undefined;
    const known = this.#told.find(({ number }) => number === come.number);
    if (known !== undefined) return known;
    const { name = '', address = '' } = come.client;
    const client = { number: come.number, name, address, first: !this.#begun, greeted: false };
    this.#begun = true;
    this.#told = [...this.#told, client];
    return client;
  }

  /** Whether they were told, or nobody will be able to. */
  async #tell(agent: AgentLink, { number, name, address, first, reason }: Told): Promise<boolean> {
    const timeout = Math.round(this.#session.timeout() * 1000);
    if (timeout === 0) return true;
    const gone = reason !== undefined;
    const here = this.#told.filter((told) => !gone || told.number !== number).length;
    try {
      await agent.methods.runHooks(
        {
          event: gone ? 'disconnected' : 'connected',
          connection: number,
          connections: here,
          first: first && !gone,
          name,
          address,
          reason: reason ?? '',
          timeout,
        },
        { timeout: 2 * timeout + PATIENCE },
      );
      return true;
    } catch (error) {
      console.warn(`the programs for clients were not run: ${(error as Error).message}`);
      return false;
    }
  }
}
