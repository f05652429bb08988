import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { chmod } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Tool } from '../../src/tool/tool.js';
import type { ToolConnection } from '../../src/tool/tool-connection.js';
import { command, type Result } from './command.js';
import { endSessions, Heard, objects, provision, toolAs } from './fixture.js';
import { asUser } from './in-session.js';
import { Lines } from './lines.js';

/** What the tests of commands share that act in a session of alice. */

export function succeeded({ code, stdout, stderr }: Result): string {
  assert.deepEqual({ code, stderr }, { code: 0, stderr: '' });
  return stdout;
}

export async function fails(result: Promise<Result>, code: number, words: string | RegExp): Promise<void> {
  const { code: got, stdout, stderr } = await result;
  assert.deepEqual({ code: got, stdout }, { code, stdout: '' }, stderr);
  if (typeof words === 'string') assert.equal(stderr, `remoteaccessctl: ${words}\n`);
  else assert.match(stderr, words);
}

/** clients/editor.py in a user's session, with the keyboard. */
export class Editor extends Lines {
  static async open(user: string): Promise<Editor> {
    const script = fileURLToPath(new URL('clients/editor.py', import.meta.url));
    const [program, args] = asUser(user, ['python3', script]);
    const editor = new Editor(spawn(program, args, { stdio: ['pipe', 'pipe', 'inherit'] }));
    await editor.next((line) => line.event === 'active', 'active');
    return editor;
  }

  async shows(text: string): Promise<void> {
    await this.next((line) => line.event === 'text' && line.text === text, JSON.stringify(text));
  }

  async clear(): Promise<void> {
    this.take(() => true);
    this.send({});
    await this.next((line) => line.event === 'empty', 'empty');
    this.take(() => true);
  }
}

/** A session of alice with two monitors, and who works in it all the time and must not be disturbed. */
export class Scene implements AsyncDisposable {
  /** Everybody may write there. */
  readonly folder: string;
  /** A token of alice, which everybody may read. */
  readonly tokenFile: string;
  readonly admin: Tool;
  /** Its id. */
  readonly session: string;
  readonly worker: ToolConnection;
  readonly #path: string;
  readonly #closed: Heard<[string]>;

  private constructor(folder: string, admin: Tool, path: string, worker: ToolConnection, closed: Heard<[string]>) {
    this.folder = folder;
    this.tokenFile = join(folder, 'token');
    this.admin = admin;
    this.session = path.slice(path.lastIndexOf('/') + 1);
    this.worker = worker;
    this.#path = path;
    this.#closed = closed;
  }

  static async set(): Promise<Scene> {
    const folder = mkdtempSync(join(tmpdir(), 'ctl-'));
    await chmod(folder, 0o777);
    const admin = await toolAs('root');
    const { token } = await provision(admin, 'alice', { desktop: 'mutter' });
    writeFileSync(join(folder, 'token'), `${token}\n`, { mode: 0o644 });
    const layout = 'left=1280x720,right=1600x1200@2';
    const login = ['login', '--token-file', join(folder, 'token'), '--layout', layout];
    const id = succeeded(await command(login, { user: 'nobody' })).trim();
    const path = await objects(admin.bus).root.methods.getSession(id);
    const worker = await admin.connect(path, { 'client-name': 'worker' });
    return new Scene(folder, admin, path, worker, await Heard.listen(worker.connection, 'Closed'));
  }

  /** Fails if somebody was disturbed, or left a connection. */
  async undisturbed(): Promise<void> {
    assert.deepEqual(this.#closed.all, [], 'who works there was disturbed');
    // A connection that is left would be the latest client's.
    await using changes = await Heard.standard(this.admin.bus, this.#path, 'PropertiesChanged');
    while ((await objects(this.admin.bus).session(this.#path).property('Client')).name !== 'worker')
      await changes.next();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await endSessions(this.admin);
    rmSync(this.folder, { recursive: true });
  }
}
