import { type ChildProcessWithoutNullStreams, type SpawnOptionsWithoutStdio, spawn } from 'node:child_process';
import { EventEmitter, once } from 'node:events';
import { createInterface } from 'node:readline';

type Json = Record<string, unknown>;

/** A test client that speaks JSON lines on its standard streams. Remembers all that it said. */
export class JsonLines extends EventEmitter<{ said: []; gone: [] }> {
  readonly process: ChildProcessWithoutNullStreams;
  readonly said: Json[] = [];
  #gone = false;

  constructor(command: string, args: readonly string[], options: SpawnOptionsWithoutStdio = {}) {
    super();
    this.process = spawn(command, args, options);
    this.process.stderr.on('data', (text: Buffer) => process.stderr.write(text));
    createInterface({ input: this.process.stdout }).on('line', (line) => {
      if (!line.startsWith('{')) return;
      this.said.push(JSON.parse(line) as Json);
      this.emit('said');
    });
    this.process.once('exit', () => {
      this.#gone = true;
      this.emit('said');
      this.emit('gone');
    });
  }

  /** What it says that matches, from the `from`th line on; waits for it. */
  async find(matches: (what: Json) => boolean, from = 0): Promise<Json> {
    for (;;) {
      const found = this.said.slice(from).find(matches);
      if (found !== undefined) return found;
      if (this.#gone) throw new Error(`client is gone; it said ${JSON.stringify(this.said.slice(from))}`);
      await once(this, 'said');
    }
  }

  /** Gives an order and waits for an answer that matches. */
  async order(order: Json, matches: (what: Json) => boolean): Promise<Json> {
    const from = this.said.length;
    this.process.stdin.write(`${JSON.stringify(order)}\n`);
    return this.find(matches, from);
  }

  async kill(signal: NodeJS.Signals = 'SIGTERM'): Promise<void> {
    if (this.#gone) return;
    this.process.kill(signal);
    await once(this, 'gone');
  }
}
