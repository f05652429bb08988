import type { Bus } from '../bus/bus.js';
import { CallError } from '../bus/call-error.js';
import type { Client } from '../bus/descriptor.js';
import { type Agent, agent as agentInterface } from '../bus/generated/agent.js';
import { RemoteObject } from '../bus/remote-object.js';
import { isOurs, SessionFailed } from '../errors.js';
import { AGENT_PATH } from './paths.js';

/** A session's agent as we reach it: its bus name, and the one object that it exports to us. */
export class AgentLink implements AsyncDisposable {
  /** Its unique bus name. */
  readonly name: string;
  /** Calls to the agent. What it does not answer, or answers by accident, is a SessionFailed. */
  readonly methods: Client<Agent>;
  readonly #remote: RemoteObject<Agent>;
  readonly #subscriptions: AsyncDisposable[] = [];

  constructor(bus: Bus, name: string) {
    this.name = name;
    this.#remote = new RemoteObject(bus, agentInterface, name, AGENT_PATH);
    const calls = Object.entries<(...args: unknown[]) => Promise<unknown>>(this.#remote.methods as never);
    this.methods = Object.fromEntries(
      calls.map(([method, call]) => [method, (...args: unknown[]) => call(...args).catch(fail)]),
    ) as unknown as Client<Agent>;
  }

  async on<N extends keyof Agent['signals'] & string>(
    signal: N,
    handler: (...args: [...Agent['signals'][N]]) => void,
  ): Promise<void> {
    this.#subscriptions.push(await this.#remote.subscribe(signal, handler));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const subscription of this.#subscriptions.splice(0)) await subscription[Symbol.asyncDispose]();
  }
}

function fail(error: unknown): never {
  if (error instanceof CallError && isOurs(error.dbusName)) throw error;
  throw new SessionFailed(`the session's agent does not answer: ${(error as Error).message}`);
}
