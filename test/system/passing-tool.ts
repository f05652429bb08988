import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { asNobody } from './remote-tool.js';

/** How a tool leaves: in order, without its bus connection, or killed. */
export const WAYS = ['close', 'drop', 'kill'] as const;

/** A tool as user nobody that uses everything of a session: clients/passing-tool.py. */
export class PassingTool {
  readonly session: string;
  readonly #process: ChildProcess;

  private constructor(process: ChildProcess, session: string) {
    this.#process = process;
    this.session = session;
  }

  /** Resolves when it is logged in, has a picture, input and the clipboard. */
  static async start(token: string): Promise<PassingTool> {
    const script = fileURLToPath(new URL('clients/passing-tool.py', import.meta.url));
    const [program, args] = asNobody(['python3', script]);
    // Where GStreamer may keep what it knows of its plugins, which takes it long to find out.
    const env = { ...process.env, GST_REGISTRY: '/tmp/gstreamer-registry' };
    const tool = spawn(program, args, { stdio: ['pipe', 'pipe', 'inherit'], env });
    tool.stdin.write(`${token}\n`);
    const line = await firstLine(tool);
    assert.match(line, /^\/org\/freedesktop\/RemoteAccess\/session\/\w+$/, 'the tool has a session');
    return new PassingTool(tool, line);
  }

  async leave(how: (typeof WAYS)[number]): Promise<void> {
    const exited = once(this.#process, 'exit');
    if (how === 'kill') this.#process.kill('SIGKILL');
    else this.#process.stdin?.write(`${how}\n`);
    if (how === 'drop') assert.equal(await firstLine(this.#process), 'dropped');
    this.#process.stdin?.end();
    assert.deepEqual(await exited, how === 'kill' ? [null, 'SIGKILL'] : [0, null]);
  }
}

async function firstLine(process: ChildProcess): Promise<string> {
  if (process.stdout === null) throw new TypeError('stdout is no pipe');
  const lines = createInterface({ input: process.stdout });
  const [line] = (await Promise.race([once(lines, 'line'), once(lines, 'close')])) as string[];
  lines.close();
  return line ?? '';
}
