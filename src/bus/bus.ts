import { sessionBusAddress, socketNames, systemBusAddress } from './address.js';
import { authenticate } from './authentication.js';
import { CallError, ConnectionLost, DeadlineExceeded } from './call-error.js';
import type { CallOptions } from './descriptor.js';
import { DRIVER } from './driver.js';
import {
  ALLOW_INTERACTIVE_AUTHORIZATION,
  closeFd,
  closeFds,
  ERROR,
  METHOD_CALL,
  METHOD_RETURN,
  type Message,
  NO_REPLY_EXPECTED,
  SIGNAL,
} from './message.js';
import { MessageSocket } from './message-socket.js';
import { connectUnix } from './native/descriptors.js';
import { Subscriptions } from './subscriptions.js';

/** How long a call may take, in milliseconds, where nothing else is said. */
const DEADLINE = 25_000;

export type OutgoingCall = {
  destination: string;
  path: string;
  interface: string;
  member: string;
  signature?: string;
  /** See marshal(). */
  body?: unknown[];
  /** Sent along and closed afterwards: give duplicates. */
  fds?: number[];
};

type Pending = { resolve: (reply: Message) => void; reject: (error: Error) => void; settle: () => void };

/**
 * A connection to a message bus. It knows messages, serial numbers and deadlines; what is exported on it is
 * ObjectTree's matter, and who may hear what Subscriptions'.
 */
export class Bus implements AsyncDisposable {
  /** Our unique name. */
  readonly name: string;
  /** Fulfilled with the reason when the connection is gone, whoever ended it. */
  readonly closed: Promise<Error>;
  readonly subscriptions: Subscriptions;
  /** The socket, for systemd to keep while nobody runs; it stays ours. */
  readonly descriptor: number;
  readonly #socket: MessageSocket;
  readonly #pending = new Map<number, Pending>();
  #serial = 1;
  #ended: Error | undefined;
  #onCall: ((message: Message) => void) | undefined;

  private constructor(fd: number) {
    this.name = '';
    this.descriptor = fd;
    this.subscriptions = new Subscriptions(this);
    let gone: (reason: Error) => void;
    this.closed = new Promise((resolve) => {
      gone = resolve;
    });
    this.#socket = new MessageSocket(fd, {
      message: (message) => this.#receive(message),
      closed: (reason) => {
        this.#ended = reason;
        for (const pending of [...this.#pending.values()]) {
          pending.settle();
          pending.reject(reason);
        }
        gone(reason);
      },
    });
  }

  static system(options?: CallOptions): Promise<Bus> {
    return Bus.connect(systemBusAddress(), options);
  }

  static session(options?: CallOptions): Promise<Bus> {
    return Bus.connect(sessionBusAddress(), options);
  }

  /** Connects, authenticates as our uid (SASL EXTERNAL) and says Hello. */
  static async connect(address: string, options: CallOptions = {}): Promise<Bus> {
    const fd = dial(address);
    try {
      await authenticate(fd, options.timeout ?? DEADLINE, options.signal);
    } catch (error) {
      closeFd(fd);
      throw error;
    }
    const bus = new Bus(fd);
    try {
      const hello = await bus.call({ ...DRIVER, member: 'Hello' }, options);
      (bus as { name: string }).name = String(hello.body?.[0]);
      return bus;
    } catch (error) {
      bus.#socket.destroy(error as Error);
      throw error;
    }
  }

  /**
   * Takes over a connection that a process before us made; match rules and name are still those of then. Fails, and
   * closes it, where that process left a message half read or half written.
   */
  static async adopt(fd: number, options?: CallOptions): Promise<Bus> {
    const bus = new Bus(fd);
    // Answers that the process before us did not live to see shall not be taken for ours.
    bus.#serial = 1 + Math.floor(Math.random() * 0x7fff_ffff);
    try {
      const answer = await bus.call({ ...DRIVER, member: 'GetId' }, options);
      (bus as { name: string }).name = answer.destination ?? '';
      return bus;
    } catch (error) {
      bus.#socket.destroy(error as Error);
      throw error;
    }
  }

  /** Takes every method call that reaches us. Without a taker calls are answered by UnknownObject. */
  set onCall(handler: (message: Message) => void) {
    this.#onCall = handler;
  }

  /**
   * Calls a method and resolves with the reply message, whose descriptors become the caller's. Fails with CallError
   * (the peer's answer), DeadlineExceeded, ConnectionLost, or the reason of an aborted signal.
   */
  call(call: OutgoingCall, { timeout = DEADLINE, signal, interactive = false }: CallOptions = {}): Promise<Message> {
    return new Promise((resolve, reject) => {
      if (this.#ended !== undefined || signal?.aborted) {
        closeFds(call);
        return reject(this.#ended ?? signal?.reason);
      }
      const serial = this.#nextSerial();
      const fail = (error: Error): void => {
        settle();
        reject(error);
      };
      const aborted = (): void => fail(signal?.reason as Error);
      const timer = setTimeout(
        () => fail(new DeadlineExceeded(`${call.destination} did not answer ${call.member} within ${timeout} ms`)),
        timeout,
      );
      const settle = (): void => {
        clearTimeout(timer);
        signal?.removeEventListener('abort', aborted);
        this.#pending.delete(serial);
      };
      signal?.addEventListener('abort', aborted, { once: true });
      this.#pending.set(serial, { resolve, reject, settle });
      try {
        const flags = interactive ? ALLOW_INTERACTIVE_AUTHORIZATION : 0;
        this.#socket.send({ ...call, type: METHOD_CALL, flags, serial });
      } catch (error) {
        fail(error as Error);
      }
    });
  }

  /** Sends a signal, a reply or an error. Descriptors in it are closed once sent, or if it cannot be encoded. */
  send(message: Omit<Message, 'serial'>): void {
    this.#socket.send({ ...message, serial: this.#nextSerial() });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#ended ??= new ConnectionLost('we closed the connection');
    this.#socket.end();
    await this.closed;
  }

  #receive(message: Message): void {
    if (message.type === METHOD_RETURN || message.type === ERROR) return this.#settle(message);
    if (message.type === SIGNAL) {
      this.subscriptions.deliver(message);
      return closeFds(message);
    }
    if (message.type !== METHOD_CALL) return closeFds(message);
    if (message.malformed) return this.#refuse(message, 'org.freedesktop.DBus.Error.InvalidArgs');
    if (this.#onCall === undefined) return this.#refuse(message, 'org.freedesktop.DBus.Error.UnknownObject');
    this.#onCall(message);
  }

  #refuse(message: Message, errorName: string): void {
    closeFds(message);
    if ((message.flags ?? 0) & NO_REPLY_EXPECTED) return;
    this.send({ type: ERROR, destination: message.sender ?? '', replySerial: message.serial, errorName });
  }

  #settle(message: Message): void {
    const pending = this.#pending.get(message.replySerial ?? 0);
    // An answer that came after its deadline, or to nothing that we asked.
    if (pending === undefined) return closeFds(message);
    pending.settle();
    if (message.type === METHOD_RETURN && !message.malformed) return pending.resolve(message);
    closeFds(message);
    if (message.malformed)
      return pending.reject(new CallError('org.freedesktop.DBus.Error.InvalidArgs', 'the answer cannot be read'));
    const text = message.signature?.startsWith('s') ? String(message.body?.[0]) : '';
    pending.reject(new CallError(message.errorName ?? 'org.freedesktop.DBus.Error.Failed', text));
  }

  #nextSerial(): number {
    const serial = this.#serial;
    this.#serial = serial === 0xffff_ffff ? 1 : serial + 1;
    return serial;
  }
}

function dial(address: string): number {
  let failure = `no Unix socket in the bus address '${address}'`;
  for (const name of socketNames(address)) {
    try {
      return connectUnix(name);
    } catch (error) {
      failure = `no message bus at '${address}': ${(error as Error).message}`;
    }
  }
  throw new ConnectionLost(failure);
}
