import { ConnectionLost } from './call-error.js';
import { closeFd, closeFds, type Message } from './message.js';
import { READABLE, receive, send, Watch, WRITABLE } from './native/descriptors.js';
import { decodeMessage, encodeMessage, messageLength, PREFIX } from './wire.js';

/** What one read takes in; a longer message gets a buffer of its own and is read straight into it. */
const ROOM = 64 * 1024;

/** While more than this waits to be written, in bytes, we take in no further calls whose answers would add to it. */
const CONGESTED = 64 * 1024 * 1024;

const NOW = Promise.resolve();

/** Buffers that go into one system call. */
const BATCH = 128;

export type SocketEvents = {
  /** One whole message; its descriptors are now the receiver's. Must not throw. */
  message(message: Message): void;
  /** The connection is gone and the socket closed. */
  closed(reason: Error): void;
};

/**
 * A connected, authenticated Unix socket as a stream of D-Bus messages with their descriptors, which Node's own
 * sockets cannot carry. Messages sent in one turn of the event loop leave in one system call.
 */
export class MessageSocket {
  readonly #fd: number;
  readonly #events: SocketEvents;
  readonly #watch: Watch;
  /** Descriptors that arrived and whose message is not complete yet. */
  readonly #arrived: number[] = [];
  readonly #shared = Buffer.allocUnsafeSlow(ROOM);
  /** Where the next bytes go: the shared buffer, or that of one long message. */
  #in = this.#shared;
  #filled = 0;
  #out: Buffer[] = [];
  #outLength = 0;
  /** Descriptors that go out with the first byte of a buffer. */
  readonly #attached = new Map<Buffer, readonly number[]>();
  #flushing = false;
  #blocked = false;
  #listening = READABLE;
  #ending = false;
  #closed = false;

  /** Takes over `fd`. */
  constructor(fd: number, events: SocketEvents) {
    this.#fd = fd;
    this.#events = events;
    this.#watch = new Watch(fd, (ready) => this.#ready(ready));
  }

  /** Sends a message; its descriptors are closed once sent, or if it cannot be encoded, which throws. */
  send(message: Message): void {
    const { fds = [] } = message;
    if (this.#closed) return closeFds(message);
    let buffers: Buffer[];
    try {
      buffers = encodeMessage(message);
    } catch (error) {
      closeFds(message);
      throw error;
    }
    if (fds.length > 0) this.#attached.set(buffers[0] as Buffer, fds);
    for (const buffer of buffers) {
      this.#out.push(buffer);
      this.#outLength += buffer.length;
    }
    if (this.#flushing || this.#blocked) return;
    this.#flushing = true;
    // A microtask, since all that one read sets off is microtasks: it runs when the others have had their say.
    void NOW.then(this.#flushSoon);
  }

  readonly #flushSoon = (): void => {
    this.#flushing = false;
    this.#flush();
  };

  /** Closes the connection when everything is sent. */
  end(): void {
    this.#ending = true;
    if (!this.#flushing && !this.#blocked) this.#flush();
  }

  destroy(reason: Error): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#watch[Symbol.dispose]();
    for (const fds of this.#attached.values()) closeFds({ fds });
    closeFds({ fds: this.#arrived.splice(0) });
    this.#out = [];
    closeFd(this.#fd);
    this.#events.closed(reason);
  }

  #ready(events: number): void {
    if (events < 0) return this.destroy(new ConnectionLost('the socket failed'));
    if (events & WRITABLE) {
      this.#blocked = false;
      this.#flush();
    }
    if (events & READABLE && !this.#closed) this.#receive();
  }

  #listen(): void {
    const events = (this.#outLength > CONGESTED ? 0 : READABLE) | (this.#blocked ? WRITABLE : 0);
    if (events === this.#listening || this.#closed) return;
    this.#listening = events;
    this.#watch.events = events;
  }

  #flush(): void {
    try {
      while (this.#out.length > 0 && !this.#blocked) {
        const batch = this.#batch();
        const fds = this.#attached.get(batch[0] as Buffer) ?? [];
        const sent = send(this.#fd, batch, fds);
        if (sent < 0) this.#blocked = true;
        else {
          if (this.#attached.delete(batch[0] as Buffer)) closeFds({ fds });
          this.#consume(sent);
        }
      }
    } catch (error) {
      return this.destroy(new ConnectionLost((error as Error).message));
    }
    if (this.#ending && this.#out.length === 0) this.destroy(new ConnectionLost('we closed the connection'));
    else this.#listen();
  }

  /** What the next system call takes: descriptors go with its first byte, so others have to wait (unix(7)). */
  #batch(): Buffer[] {
    let count = 1;
    const limit = Math.min(this.#out.length, BATCH);
    if (this.#attached.size === 0) count = limit;
    else while (count < limit && !this.#attached.has(this.#out[count] as Buffer)) count++;
    return count === this.#out.length ? this.#out : this.#out.slice(0, count);
  }

  #consume(sent: number): void {
    this.#outLength -= sent;
    let whole = 0;
    let rest = sent;
    for (let head = this.#out[0]; head !== undefined && head.length <= rest; head = this.#out[whole]) {
      rest -= head.length;
      whole++;
    }
    if (whole > 0) this.#out.splice(0, whole);
    if (rest > 0) this.#out[0] = (this.#out[0] as Buffer).subarray(rest);
  }

  // One read for each readiness, so that what the messages set off gets its turn; a long message is read through.
  #receive(): void {
    try {
      do {
        const room = this.#in.length - this.#filled;
        const got = receive(this.#fd, this.#filled === 0 ? this.#in : this.#in.subarray(this.#filled), this.#arrived);
        if (got < 0) return;
        if (got === 0) throw new ConnectionLost('the message bus closed the connection');
        this.#filled += got;
        if (this.#in === this.#shared) this.#takeMessages();
        else if (got === room) this.#takeLong();
      } while (this.#in !== this.#shared && !this.#closed);
    } catch (error) {
      this.destroy(error instanceof ConnectionLost ? error : new ConnectionLost((error as Error).message));
    }
  }

  #takeMessages(): void {
    let at = 0;
    while (this.#filled - at >= PREFIX && !this.#closed) {
      const length = messageLength(this.#shared, at);
      if (length > this.#filled - at) {
        if (length <= ROOM) break;
        this.#in = Buffer.allocUnsafeSlow(length);
        this.#shared.copy(this.#in, 0, at, this.#filled);
        this.#filled -= at;
        return;
      }
      this.#deliver(this.#shared, at, length);
      at += length;
    }
    if (at > 0) this.#shared.copyWithin(0, at, this.#filled);
    this.#filled -= at;
  }

  #takeLong(): void {
    const bytes = this.#in;
    this.#in = this.#shared;
    this.#filled = 0;
    this.#deliver(bytes, 0, bytes.length);
  }

  #deliver(bytes: Buffer, at: number, length: number): void {
    this.#events.message(decodeMessage(bytes, at, length, bytes !== this.#shared, this.#take));
  }

  readonly #take = (count: number): number[] => {
    if (this.#arrived.length < count) throw new ConnectionLost('a message came without its descriptors');
    return this.#arrived.splice(0, count);
  };
}
