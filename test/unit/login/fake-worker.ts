import { once } from 'node:events';
import { mkdtempSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { createServer, type Server, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';

/** A directory as the daemon has for its workers, removed with its content when disposed. */
export class SocketDirectory implements AsyncDisposable {
  readonly path = mkdtempSync(join(tmpdir(), 'workers-'));

  async [Symbol.asyncDispose](): Promise<void> {
    await rm(this.path, { recursive: true, force: true });
  }
}

/** A worker that says what a test wants it to say. */
export class FakeWorker implements AsyncDisposable {
  readonly #server: Server;
  readonly #sockets: Socket[] = [];
  /** What the peer has said. */
  readonly lines: string[] = [];
  /** Resolves at the first connection. */
  readonly connected: Promise<unknown>;
  /** Resolves when a peer has hung up. */
  readonly hungUp: Promise<void>;
  #ended: () => void = () => {};
  readonly #waiting: { line: string; resolve: () => void }[] = [];

  private constructor(server: Server) {
    this.#server = server;
    this.connected = once(server, 'connection');
    this.hungUp = new Promise((resolve) => {
      this.#ended = resolve;
    });
  }

  /** Listens at `path` and greets each connection with these lines. */
  static async listen(path: string, greeting: readonly string[]): Promise<FakeWorker> {
    const fake = new FakeWorker(createServer());
    fake.#server.on('connection', (socket) => {
      fake.#sockets.push(socket);
      socket.on('error', () => {});
      socket.on('end', () => fake.#ended());
      createInterface(socket).on('line', (line) => fake.#heard(line));
      fake.say(...greeting);
    });
    fake.#server.listen(path);
    await once(fake.#server, 'listening');
    return fake;
  }

  say(...lines: readonly string[]): void {
    this.#sockets.at(-1)?.write(lines.map((line) => `${line}\n`).join(''));
  }

  /** Resolves when the text has left. */
  async write(text: string): Promise<void> {
    await new Promise((resolve) => this.#sockets.at(-1)?.write(text, resolve));
  }

  hangUp(): void {
    this.#sockets.at(-1)?.end();
  }

  /** Resolves once the peer has said this line. */
  async heard(line: string): Promise<void> {
    if (this.lines.includes(line)) return;
    await new Promise<void>((resolve) => this.#waiting.push({ line, resolve }));
  }

  #heard(line: string): void {
    this.lines.push(line);
    for (const waiting of this.#waiting) if (waiting.line === line) waiting.resolve();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const socket of this.#sockets) socket.destroy();
    this.#server.close();
    await once(this.#server, 'close');
  }
}
