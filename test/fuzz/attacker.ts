import type { Message } from '../../src/bus/message.js';
import { encodeMessage } from '../../src/bus/wire.js';
import type { RawPeer } from '../bus/raw-peer.js';
import type { SeededRandom } from '../unit/seeded-random.js';
import type { Call, Expectation, RandomCalls } from './calls.js';
import { ALL_ERRORS } from './contract.js';
import { mutate } from './mutation.js';

const BUS = 'org.freedesktop.DBus';
/** Questions on their way at once; the system bus allows 128. */
const WINDOW = 48;
/** An answer that takes longer never comes. A session may start in that time. */
const DEADLINE = 60_000;

/**
 * What the bus itself answers, in place of those who are attacked: its policy or the addressee's name say no, or more
 * than 64 descriptors wait to be taken in (max_outgoing_unix_fds).
 */
const OF_THE_BUS = ['AccessDenied', 'ServiceUnknown', 'NameHasNoOwner', 'UnknownMethod', 'NoReply', 'LimitsExceeded'];
const FROM_BUS: ReadonlySet<string> = new Set(OF_THE_BUS.map((name) => `${BUS}.Error.${name}`));

export type Tally = { sent: number; answers: Map<string, number>; cut: number; wrong: string[] };

export const newTally = (): Tally => ({ sent: 0, answers: new Map(), cut: 0, wrong: [] });

type Pending = { call: Call; settle: () => void };

/** One connection to a bus that sends what a RandomCalls makes up and judges what comes back. */
export class Attacker implements Disposable {
  readonly peer: RawPeer;
  readonly #tally: Tally;
  readonly #pending = new Map<number, Pending>();
  readonly #free: (() => void)[] = [];
  #cut = false;

  constructor(peer: RawPeer, tally: Tally) {
    this.peer = peer;
    this.#tally = tally;
    peer.on('message', (message: Message) => this.#take(message));
    peer.on('closed', () => {
      this.#cut = true;
      for (const { settle } of [...this.#pending.values()]) settle();
    });
  }

  /** The bus threw us out. */
  get cut(): boolean {
    return this.#cut;
  }

  /** Sends so many calls, and resolves when all are answered, or the bus threw us out. */
  async attack(calls: RandomCalls, count: number): Promise<void> {
    for (let left = count; left > 0 && !this.#cut; left--) {
      while (this.#pending.size >= WINDOW && !this.#cut) await new Promise<void>((free) => this.#free.push(free));
      await this.#send(calls.next());
    }
    while (this.#pending.size > 0) await new Promise<void>((free) => this.#free.push(free));
  }

  /**
   * Sends such calls with bytes changed, one after another, until the bus throws us out. Returns how many it were. The
   * last one may be cut short or announce more than follows.
   */
  async garble(calls: RandomCalls, random: SeededRandom, most: number): Promise<number> {
    for (let count = 1; count <= most; count++) {
      const { message } = calls.next();
      const serial = this.peer.nextSerial();
      const whole = Buffer.concat(encodeMessage({ ...message, serial }));
      const last = count === most;
      this.#tally.sent++;
      await this.peer.deliver(mutate(random, whole, !last), message.fds);
      if (last) return count;
      const ping = { type: 1, destination: BUS, path: '/', interface: `${BUS}.Peer`, member: 'Ping' };
      await this.#send({ message: ping, expects: { errors: ALL_ERRORS, read: () => {} } });
      while (this.#pending.size > 0) await new Promise<void>((free) => this.#free.push(free));
      if (!this.#cut) continue;
      this.#tally.cut++;
      return count;
    }
    return most;
  }

  async #send(call: Call): Promise<void> {
    const serial = this.peer.nextSerial();
    const bytes = Buffer.concat(encodeMessage({ ...call.message, serial }));
    if (call.message.destination !== BUS) this.#tally.sent++;
    if (call.expects !== undefined) this.#await(serial, call);
    await this.peer.deliver(bytes, call.message.fds);
  }

  #await(serial: number, call: Call): void {
    const late = setTimeout(() => {
      this.#tally.wrong.push(`no answer to ${describe(call)}`);
      settle();
    }, DEADLINE);
    const settle = (): void => {
      clearTimeout(late);
      this.#pending.delete(serial);
      for (const free of this.#free.splice(0)) free();
    };
    this.#pending.set(serial, { call, settle });
  }

  #take(message: Message): void {
    if (message.type !== 2 && message.type !== 3) return;
    const pending = this.#pending.get(message.replySerial ?? 0);
    const name = message.type === 2 ? 'a return' : (message.errorName ?? '');
    this.#tally.answers.set(name, (this.#tally.answers.get(name) ?? 0) + 1);
    // A changed message is answered to whatever it had become.
    const expects = pending?.call.expects ?? { errors: ALL_ERRORS, read: () => {} };
    const complaint = judge(message, expects);
    if (complaint !== undefined)
      this.#tally.wrong.push(`${pending === undefined ? 'a changed message' : describe(pending.call)}: ${complaint}`);
    pending?.settle();
  }

  [Symbol.dispose](): void {
    this.peer[Symbol.dispose]();
  }
}

function judge(message: Message, { errors, read }: Expectation): string | undefined {
  if (message.malformed) return 'the answer cannot be read';
  if (message.type === 3) {
    const name = message.errorName ?? '';
    const text = message.signature === 's' ? String(message.body?.[0]) : '';
    if ((message.sender === BUS ? FROM_BUS : errors).has(name)) return undefined;
    return `${name} is not documented (${text.slice(0, 200)})`;
  }
  try {
    read(message);
    return undefined;
  } catch (error) {
    return (error as Error).message;
  }
}

function describe({ message }: Call): string {
  const { type, path, interface: iface, member, signature = '', body } = message;
  const text = JSON.stringify(body, (_key, value) => (typeof value === 'bigint' ? `${value}` : value)) ?? '';
  return `${type} ${path} ${iface}.${member} '${signature}' ${text.slice(0, 400)}`;
}
