import { spawn } from 'node:child_process';
import { closeSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { send, socketPair } from '../../src/bus/native/descriptors.js';
import { Lines } from './lines.js';
import { asNobody, type RemoteConnection } from './remote-tool.js';

/** A process of user nobody that watches monitors of a connection: clients/watcher.py. */
export class Watcher extends Lines {
  readonly #socket: number;

  private constructor(process: Lines['process'], socket: number) {
    super(process);
    this.#socket = socket;
  }

  static start(): Watcher {
    const [ours, theirs] = socketPair();
    const script = fileURLToPath(new URL('clients/watcher.py', import.meta.url));
    const [program, args] = asNobody(['python3', script]);
    try {
      return new Watcher(spawn(program, args, { stdio: ['pipe', 'pipe', 'inherit', theirs] }), ours);
    } finally {
      closeSync(theirs);
    }
  }

  /** The sizes of the pictures of these monitors, by monitor, once each has one; goes on watching them. */
  async watch(connection: RemoteConnection, monitors: readonly string[]): Promise<Record<string, unknown>> {
    const streams = (await connection.streams()).filter(([, { id }]) => monitors.includes(id));
    this.take(() => true);
    for (const _ of streams) {
      const fd = await connection.capture.openPipeWireRemote({});
      send(this.#socket, Buffer.from('x'), [fd]);
      closeSync(fd);
    }
    this.send(streams.map(([node]) => node));
    const sizes: Record<string, unknown> = {};
    for (const [node, { id }] of streams)
      sizes[id] = (await this.next((line) => line.node === node, `a frame of ${id}, node ${node}`)).size;
    return sizes;
  }

  override async [Symbol.asyncDispose](): Promise<void> {
    await super[Symbol.asyncDispose]();
    closeSync(this.#socket);
  }
}
