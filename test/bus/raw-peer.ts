import { EventEmitter } from 'node:events';
import { socketNames } from '../../src/bus/address.js';
import { authenticate } from '../../src/bus/authentication.js';
import { closeFds, type Message } from '../../src/bus/message.js';
import { MessageSocket } from '../../src/bus/message-socket.js';
import { connectUnix, send } from '../../src/bus/native/descriptors.js';
import { encodeMessage } from '../../src/bus/wire.js';

/** A bus connection without any manners, which sends whatever bytes it is told. */
export class RawPeer extends EventEmitter implements Disposable {
  readonly #fd: number;
  readonly #socket: MessageSocket;
  #serial = 1;
  #closed = false;
  name = '';

  private constructor(fd: number) {
    super();
    this.#fd = fd;
    this.#socket = new MessageSocket(fd, {
      message: (message) => {
        closeFds(message);
        if (message.member !== 'NameAcquired') this.emit('message', message);
      },
      closed: () => {
        this.#closed = true;
        this.emit('closed');
      },
    });
  }

  static async connect(address: string): Promise<RawPeer> {
    const fd = connectUnix(socketNames(address)[0] as Buffer);
    await authenticate(fd, 10_000);
    const peer = new RawPeer(fd);
    const driver = { destination: 'org.freedesktop.DBus', path: '/org/freedesktop/DBus' };
    const hello = await peer.ask({ type: 1, ...driver, interface: 'org.freedesktop.DBus', member: 'Hello' });
    peer.name = String(hello.body?.[0]);
    return peer;
  }

  /** Sends a message and returns its serial. Descriptors stay the caller's. */
  send(message: Omit<Message, 'serial'>): number {
    const serial = this.nextSerial();
    this.sendBytes(Buffer.concat(encodeMessage({ ...message, serial })), message.fds);
    return serial;
  }

  nextSerial(): number {
    return this.#serial++;
  }

  /** Sends bytes however long it takes the bus to take them; it may have closed the connection by then. */
  async deliver(bytes: Buffer, fds: readonly number[] = []): Promise<void> {
    for (let at = 0; at < bytes.length && !this.#closed; ) {
      const sent = trySend(this.#fd, bytes.subarray(at), at === 0 ? fds : []);
      if (sent === undefined) return;
      if (sent > 0) at += sent;
      else await new Promise((resolve) => setImmediate(resolve));
    }
  }

  sendBytes(bytes: Buffer, fds: readonly number[] = []): void {
    if (send(this.#fd, bytes, fds) !== bytes.length) throw new Error('the socket is full');
  }

  ask(message: Omit<Message, 'serial'>): Promise<Message> {
    return this.answer(this.send(message));
  }

  /** The answer to what was sent under this serial. */
  answer(serial: number): Promise<Message> {
    return new Promise((resolve) => {
      const listener = (message: Message): void => {
        if (message.replySerial !== serial) return;
        this.off('message', listener);
        resolve(message);
      };
      this.on('message', listener);
    });
  }

  [Symbol.dispose](): void {
    this.#socket.destroy(new Error('done'));
  }
}

/** How many bytes went out, less than 0 if none can now; undefined if the other end is gone. */
function trySend(fd: number, bytes: Buffer, fds: readonly number[]): number | undefined {
  try {
    return send(fd, bytes, fds);
  } catch {
    return undefined;
  }
}
