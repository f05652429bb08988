import { closeSync } from 'node:fs';
import { Duplex } from 'node:stream';
import { READABLE, receive, send, Watch, WRITABLE } from './native/descriptors.js';

const CHUNK = 64 * 1024;

/**
 * A connected Unix socket that carries descriptors beside its bytes, which Node's own sockets cannot. Descriptors
 * that arrive are announced by an `fds` event before the bytes they came with; D-Bus messages claim them by count.
 */
export class FdStream extends Duplex {
  readonly #fd: number;
  readonly #watch: Watch;
  readonly #buffer = Buffer.allocUnsafe(CHUNK);
  /** Descriptors that go out with the first byte of a chunk. They are ours and closed once sent. */
  readonly #attached = new Map<Buffer, readonly number[]>();
  #reading = false;
  #blocked: (() => void) | undefined;

  /** Takes over `fd`, a connected non-blocking stream socket. */
  constructor(fd: number) {
    super({ readableHighWaterMark: CHUNK, writableHighWaterMark: 1024 * 1024 });
    this.#fd = fd;
    this.#watch = new Watch(fd, (events) => this.#ready(events), 0);
  }

  /** Writes bytes with descriptors, which become the stream's and are closed once sent. */
  writeWithFds(bytes: Buffer, fds: readonly number[]): boolean {
    if (this.destroyed || this.writableEnded) {
      closeAll(fds);
      return false;
    }
    this.#attached.set(bytes, fds);
    return this.write(bytes);
  }

  override _read(): void {
    this.#reading = true;
    this.#listen();
  }

  override _write(chunk: Buffer, _encoding: string, done: (error?: Error | null) => void): void {
    const fds = this.#attached.get(chunk) ?? [];
    this.#sendAll(chunk, fds, (error) => {
      this.#attached.delete(chunk);
      closeAll(fds);
      done(error);
    });
  }

  /** Corked messages go out in one system call, except that descriptors start a new one (unix(7): one set a call). */
  override _writev(chunks: { chunk: Buffer }[], done: (error?: Error | null) => void): void {
    const buffers = chunks.map(({ chunk }) => chunk);
    const next = (): void => {
      const first = buffers.shift();
      if (first === undefined) return done();
      const batch = [first];
      for (let head = buffers[0]; head !== undefined && !this.#attached.has(head); head = buffers[0]) {
        batch.push(head);
        buffers.shift();
      }
      if (batch.length === 1) return this._write(first, '', (error) => (error ? done(error) : next()));
      const fds = this.#attached.get(first) ?? [];
      this.#sendAll(Buffer.concat(batch), fds, (error) => {
        this.#attached.delete(first);
        closeAll(fds);
        if (error) done(error);
        else next();
      });
    };
    next();
  }

  override _final(done: (error?: Error | null) => void): void {
    done();
    this.destroy();
  }

  override _destroy(error: Error | null, done: (error?: Error | null) => void): void {
    this.#watch[Symbol.dispose]();
    for (const fds of this.#attached.values()) closeAll(fds);
    this.#attached.clear();
    closeSync(this.#fd);
    done(error);
  }

  #listen(): void {
    if (!this.destroyed)
      this.#watch.events = (this.#reading ? READABLE : 0) | (this.#blocked === undefined ? 0 : WRITABLE);
  }

  #ready(events: number): void {
    if (events < 0) return void this.destroy(new Error('the socket failed'));
    if (events & WRITABLE && this.#blocked !== undefined) {
      const resume = this.#blocked;
      this.#blocked = undefined;
      resume();
    }
    if (events & READABLE) this.#receive();
    this.#listen();
  }

  #receive(): void {
    while (this.#reading && !this.destroyed) {
      const fds: number[] = [];
      let length: number;
      try {
        length = receive(this.#fd, this.#buffer, fds);
      } catch (error) {
        return void this.destroy(error as Error);
      }
      if (length < 0) return;
      if (fds.length > 0) this.emit('fds', fds);
      if (length === 0) {
        this.#reading = false;
        this.push(null);
        return;
      }
      if (!this.push(Buffer.from(this.#buffer.subarray(0, length)))) this.#reading = false;
      if (length < CHUNK) return;
    }
  }

  #sendAll(bytes: Buffer, fds: readonly number[], done: (error?: Error | null) => void): void {
    let rest = bytes;
    let attached = fds;
    const attempt = (): void => {
      try {
        while (rest.length > 0) {
          const sent = send(this.#fd, rest, attached);
          if (sent < 0) {
            this.#blocked = attempt;
            return this.#listen();
          }
          attached = [];
          rest = rest.subarray(sent);
        }
      } catch (error) {
        return done(error as Error);
      }
      done();
    };
    attempt();
  }
}

function closeAll(fds: readonly number[]): void {
  for (const fd of fds) closeSync(fd);
}
