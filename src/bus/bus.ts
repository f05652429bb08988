import { closeSync } from 'node:fs';
import handshake from 'dbus-native/lib/handshake.js';
import wire from 'dbus-native/lib/message.js';
import { sessionBusAddress, socketNames, systemBusAddress } from './address.js';
import { CallError, ConnectionLost, DeadlineExceeded } from './call-error.js';
import type { CallOptions } from './descriptor.js';
import { FdStream } from './fd-stream.js';
import { closeFds, ERROR, METHOD_CALL, METHOD_RETURN, type Message, SIGNAL } from './message.js';
import { connectUnix } from './native/descriptors.js';
import { Subscriptions } from './subscriptions.js';

/** How long a call may take, in milliseconds, where nothing else is said. */
const DEADLINE = 25_000;

/** No message on the system bus is larger (max_message_size in dbus-daemon's system.conf). */
const MAX_MESSAGE = 32 * 1024 * 1024 + 64 * 1024;

export type OutgoingCall = {
  destination: string;
  path: string;
  interface: string;
  member: string;
  signature?: string;
  /** In the wire library's shapes: see encodeBody. */
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
  readonly #stream: FdStream;
  readonly #pending: Map<number, Pending>;
  #serial = 1;
  #ended: Error | undefined;
  #onCall: ((message: Message) => void) | undefined;

  private constructor(stream: FdStream) {
    this.#stream = stream;
    this.#pending = new Map();
    this.name = '';
    this.subscriptions = new Subscriptions(this);
    this.closed = new Promise((resolve) => {
      stream.once('close', () => {
        const error = this.#ended ?? new ConnectionLost('the message bus closed the connection');
        this.#ended = error;
        for (const pending of [...this.#pending.values()]) {
          pending.settle();
          pending.reject(error);
        }
        resolve(error);
      });
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
    const stream = new FdStream(dial(address));
    const bus = new Bus(stream);
    try {
      await bus.#authenticate(options);
      const hello = await bus.call(
        {
          destination: 'org.freedesktop.DBus',
          path: '/org/freedesktop/DBus',
          interface: 'org.freedesktop.DBus',
          member: 'Hello',
        },
        options,
      );
      (bus as { name: string }).name = String(hello.body?.[0]);
      return bus;
    } catch (error) {
      stream.destroy();
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
  call(call: OutgoingCall, { timeout = DEADLINE, signal }: CallOptions = {}): Promise<Message> {
    return new Promise((resolve, reject) => {
      if (this.#ended !== undefined || signal?.aborted) {
        for (const fd of call.fds ?? []) closeSync(fd);
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
        this.#write({ ...call, type: METHOD_CALL, serial });
      } catch (error) {
        fail(error as Error);
      }
    });
  }

  /** Sends a signal, a reply or an error. Descriptors in it are closed once sent. */
  send(message: Omit<Message, 'serial'>): void {
    if (this.#ended === undefined) return this.#write({ ...message, serial: this.#nextSerial() });
    for (const fd of message.fds ?? []) closeSync(fd);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#ended ??= new ConnectionLost('we closed the connection');
    this.#stream.end();
    await this.closed;
  }

  #authenticate({ timeout = DEADLINE }: CallOptions): Promise<void> {
    const stream = this.#stream;
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => stream.destroy(new DeadlineExceeded('the message bus did not answer')), timeout);
      stream.on('error', (error) => {
        this.#ended ??= new ConnectionLost(error.message);
      });
      // Whatever ends the connection before it is ready; afterwards rejecting is without effect.
      void this.closed.then(reject);
      handshake(stream, { authMethods: ['EXTERNAL'] }, (error) => {
        clearTimeout(timer);
        if (error) return reject(new ConnectionLost(`the message bus refused us: ${error.message}`));
        this.#listen();
        resolve();
      });
    });
  }

  #listen(): void {
    const received: number[] = [];
    this.#stream.on('fds', (fds: number[]) => received.push(...fds));
    this.#stream.once('close', () => {
      for (const fd of received) closeSync(fd);
    });
    wire.unmarshalMessages(
      this.#stream,
      (message) => this.#receive(message),
      { plainValues: false, variants: 'wrap', returnBigInt: true, maxMessageSize: MAX_MESSAGE },
      (error) => this.#stream.destroy(error),
      (error) => {
        process.nextTick(() => {
          throw error;
        });
      },
      (count) => received.splice(0, count),
    );
  }

  #receive(message: Message): void {
    if (message.type === METHOD_RETURN || message.type === ERROR) return this.#settle(message);
    if (message.type === SIGNAL) {
      this.subscriptions.deliver(message);
      return closeFds(message);
    }
    if (message.type !== METHOD_CALL) return closeFds(message);
    if (this.#onCall !== undefined) return this.#onCall(message);
    closeFds(message);
    this.send({
      type: ERROR,
      destination: message.sender ?? '',
      replySerial: message.serial,
      errorName: 'org.freedesktop.DBus.Error.UnknownObject',
    });
  }

  #settle(message: Message): void {
    const pending = this.#pending.get(message.replySerial ?? 0);
    // An answer that came after its deadline, or to nothing that we asked.
    if (pending === undefined) return closeFds(message);
    pending.settle();
    if (message.type === METHOD_RETURN) return pending.resolve(message);
    closeFds(message);
    const text = message.signature?.startsWith('s') ? String(message.body?.[0]) : '';
    pending.reject(new CallError(message.errorName ?? 'org.freedesktop.DBus.Error.Failed', text));
  }

  #nextSerial(): number {
    const serial = this.#serial;
    this.#serial = serial === 0xffff_ffff ? 1 : serial + 1;
    return serial;
  }

  // Messages of one turn of the event loop go out in one system call.
  #write(message: Message): void {
    const { fds = [] } = message;
    let bytes: Buffer;
    try {
      bytes = wire.marshall(message);
    } catch (error) {
      for (const fd of fds) closeSync(fd);
      throw error;
    }
    if (this.#stream.writableCorked === 0) {
      this.#stream.cork();
      process.nextTick(() => this.#stream.uncork());
    }
    if (fds.length > 0) this.#stream.writeWithFds(bytes, fds);
    else this.#stream.write(bytes);
  }
}

function dial(address: string): number {
  let failure: unknown = new ConnectionLost(`no Unix socket in the bus address '${address}'`);
  for (const name of socketNames(address)) {
    try {
      return connectUnix(name);
    } catch (error) {
      failure = error;
    }
  }
  throw failure;
}
