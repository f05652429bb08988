import assert from 'node:assert/strict';
import { execFileSync, spawn } from 'node:child_process';
import { closeSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import type { ConnectOptions, OpenLoginOptions, Stream } from '../../src/bus/generated/dictionaries.js';
import { receive, socketPair } from '../../src/bus/native/descriptors.js';
import type { ToolConnection } from '../../src/tool/tool-connection.js';
import type { Part, ToolCommand } from './clients/tool.js';
import { Lines } from './lines.js';

const root = fileURLToPath(new URL('../..', import.meta.url));

/** The command line that runs another one as a user who has nothing to do with any session. */
export function asNobody(command: readonly string[]): [string, string[]] {
  return ['setpriv', ['--reuid=nobody', '--regid=nogroup', '--clear-groups', ...command]];
}

/** A token, made as a provisioning script makes it. */
export function provision(user = 'alice', options: readonly string[] = ['0']): string {
  const bus = 'org.freedesktop.RemoteAccess';
  const call = ['call', bus, '/org/freedesktop/RemoteAccess', `${bus}.Tokens`, 'Provision', 'sa{sv}', user, ...options];
  return execFileSync('busctl', ['--json=short', ...call], { encoding: 'utf8' }).match(/ra1-[^"]+/)?.[0] ?? '';
}

/** An error as the tool's process got it. */
export class ToolError extends Error {
  readonly dbusName: string;

  constructor(dbusName: string, message: string) {
    super(`${dbusName}: ${message}`);
    this.dbusName = dbusName;
  }
}

/** A remote desktop tool in a process of user nobody, which has the public API and nothing else. */
export class RemoteTool implements AsyncDisposable {
  readonly lines: Lines;
  readonly #socket: number;
  readonly #descriptors = new Map<number, number>();
  #number = 0;

  private constructor(lines: Lines, socket: number) {
    this.lines = lines;
    this.#socket = socket;
  }

  static start(): RemoteTool {
    const [ours, theirs] = socketPair();
    const script = fileURLToPath(new URL('clients/tool.ts', import.meta.url));
    const [program, args] = asNobody([process.execPath, '--import', 'tsx', script]);
    const stdio = ['pipe' as const, 'pipe' as const, 'inherit' as const, theirs];
    const tool = new RemoteTool(new Lines(spawn(program, args, { cwd: root, stdio })), ours);
    closeSync(theirs);
    return tool;
  }

  async ask(command: ToolCommand): Promise<unknown> {
    const number = ++this.#number;
    this.lines.send({ number, ...command });
    const answer = await this.lines.next((line) => line.number === number, JSON.stringify(command));
    if (answer.error !== undefined) throw new ToolError(String(answer.error), String(answer.message));
    if (answer.result !== 'descriptor') return answer.result;
    return this.#descriptor(number);
  }

  /** Answers may be taken in another order than they came, so descriptors are tagged with the command's number. */
  #descriptor(number: number): number {
    const tag = Buffer.alloc(4);
    for (const fds: number[] = []; receive(this.#socket, tag, fds) > 0; fds.length = 0)
      this.#descriptors.set(tag.readUInt32LE(), fds[0] as number);
    const fd = this.#descriptors.get(number);
    assert.ok(fd !== undefined, 'no descriptor came');
    this.#descriptors.delete(number);
    return fd;
  }

  /** Logs in with a token; the session's path. */
  async logIn(token: string, options: OpenLoginOptions = {}): Promise<string> {
    return (await this.ask({ do: 'log-in', token, options })) as string;
  }

  async connect(session: string, options: ConnectOptions = {}): Promise<RemoteConnection> {
    return new RemoteConnection(this, (await this.ask({ do: 'connect', session, options })) as string);
  }

  /** Waits for a signal of the root object. */
  async signal(event: string): Promise<unknown[]> {
    return (await this.lines.next((line) => line.event === event && line.path === '', event)).args as unknown[];
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.lines.kill();
    closeSync(this.#socket);
  }
}

/** A connection of that tool. Descriptors are the caller's. */
export class RemoteConnection {
  readonly path: string;
  readonly connection: ToolConnection['connection']['methods'];
  readonly monitors: ToolConnection['monitors']['methods'];
  readonly capture: ToolConnection['capture']['methods'];
  readonly input: ToolConnection['input']['methods'];
  readonly clipboard: ToolConnection['clipboard']['methods'];
  readonly #tool: RemoteTool;

  constructor(tool: RemoteTool, path: string) {
    this.#tool = tool;
    this.path = path;
    this.connection = this.#methods('connection');
    this.monitors = this.#methods('monitors');
    this.capture = this.#methods('capture');
    this.input = this.#methods('input');
    this.clipboard = this.#methods('clipboard');
  }

  async property(part: Part, name: string): Promise<unknown> {
    return this.#tool.ask({ do: 'property', path: this.path, part, name });
  }

  async streams(): Promise<[number, Stream][]> {
    return (await this.property('capture', 'Streams')) as [number, Stream][];
  }

  /** Replaces the layout, whatever it is now. */
  async layOut(layout: Parameters<RemoteConnection['monitors']['setLayout']>[1]): Promise<number> {
    const [serial] = await this.monitors.getLayout();
    return this.monitors.setLayout(serial, layout);
  }

  /** The arguments of the next such signal that nobody waited for yet. */
  async signal(event: string, matches: (args: unknown[]) => boolean = () => true): Promise<unknown[]> {
    const line = await this.#tool.lines.next(
      (line) => line.event === event && line.path === this.path && matches(line.args as unknown[]),
      event,
    );
    return line.args as unknown[];
  }

  /** The signals so far that nobody waited for. */
  heard(event: string): unknown[][] {
    return this.#tool.lines
      .take((line) => line.event === event && line.path === this.path)
      .map((line) => line.args as unknown[]);
  }

  #methods<Methods extends object>(part: Part): Methods {
    return new Proxy({} as Methods, {
      get: (_target, method) => {
        if (typeof method !== 'string' || method === 'then') return undefined;
        return (...args: unknown[]) => this.#tool.ask({ do: 'call', path: this.path, part, method, args });
      },
    });
  }
}
