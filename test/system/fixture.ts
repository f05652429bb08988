import assert from 'node:assert/strict';
import { execFileSync, spawnSync } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';
import koffi from 'koffi';
import type { Bus } from '../../src/bus/bus.js';
import type { InterfaceDescriptor, InterfaceShape } from '../../src/bus/descriptor.js';
import type { ProvisionOptions } from '../../src/bus/generated/dictionaries.js';
import { handover } from '../../src/bus/generated/handover.js';
import { login } from '../../src/bus/generated/login.js';
import { remoteAccess } from '../../src/bus/generated/remote-access.js';
import { session } from '../../src/bus/generated/session.js';
import { tokens } from '../../src/bus/generated/tokens.js';
import { RemoteObject } from '../../src/bus/remote-object.js';
import { Tool } from '../../src/tool/tool.js';

/** What the service's system tests share. They run as root in a container with the users alice and bob. */

export const SERVICE = 'org.freedesktop.RemoteAccess';
export const ROOT = '/org/freedesktop/RemoteAccess';
export const ERROR = `${SERVICE}.Error`;
export const INVALID_ARGS = 'org.freedesktop.DBus.Error.InvalidArgs';

/** Node's own refuses on Debian, lest io_uring go by another identity; a connect goes by this one. */
const seteuid: (uid: number) => number = koffi.load('libc.so.6').func('int seteuid(uint32_t uid)');

/** Runs a command to its end; its output without the last newline. */
export function run(...[file = '', ...args]: string[]): string {
  return execFileSync(file, args, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] }).trimEnd();
}

export function uidOf(user: string): number {
  return Number(run('id', '--user', user));
}

/** A desktop without pictures: what runs is the command alone, and the agent makes up a compositor. */
export function installDesktop(id: string, command = 'sleep infinity', more: Record<string, string> = {}): void {
  const keys = {
    Type: 'Application',
    Name: id,
    Exec: command,
    'X-RemoteAccess-HeadlessExec': command,
    'X-RemoteAccess-Compositor': 'fake',
    ...more,
  };
  const lines = Object.entries(keys).map(([key, value]) => `${key}=${value}\n`);
  mkdirSync('/etc/remote-access/desktops', { recursive: true });
  writeFileSync(`/etc/remote-access/desktops/${id}.desktop`, `[Desktop Entry]\n${lines.join('')}`);
}

const tools: Tool[] = [];

// Whatever became of the tests: mocha ends when nobody is connected any more.
after(async () => {
  for (const tool of tools) await tool[Symbol.asyncDispose]();
});

/** Begins something as that user: the bus goes by the effective uid at the time of connecting. */
export function as<Started>(user: string, start: () => Started): Started {
  assert.equal(seteuid(uidOf(user)), 0);
  try {
    return start();
  } finally {
    assert.equal(seteuid(0), 0);
  }
}

/** A tool of its own on the bus until the tests are done, as that user. */
export async function toolAs(user: string): Promise<Tool> {
  const tool = await as(user, () => Tool.start());
  tools.push(tool);
  return tool;
}

/** The service's objects as seen from one connection. */
export function objects(bus: Bus) {
  const at =
    <S extends InterfaceShape>(descriptor: InterfaceDescriptor<S>) =>
    (path: string) =>
      new RemoteObject(bus, descriptor, SERVICE, path);
  return {
    root: at(remoteAccess)(ROOT),
    tokens: at(tokens)(ROOT),
    login: at(login),
    session: at(session),
    handover: at(handover),
  };
}

/** The paths that GetManagedObjects shows, of those that contain a text. */
export async function managed(bus: Bus, part: string): Promise<string[]> {
  const call = { destination: SERVICE, path: ROOT, interface: 'org.freedesktop.DBus.ObjectManager' };
  const { body } = await bus.call({ ...call, member: 'GetManagedObjects' });
  const [shown = []] = (body ?? []) as [string, unknown][][];
  return shown.map(([path]) => path).filter((path) => path.includes(part));
}

/** A token's text and its public id. */
export async function provision(tool: Tool, user: string, options: ProvisionOptions = {}) {
  const [id, token] = await objects(tool.bus).tokens.methods.provision(user, { desktop: 'fake', ...options });
  return { id, token };
}

/** Asserts that the promise fails with that D-Bus error; a short name is one of the service's own. Returns its text. */
export async function refuses(name: string, promise: Promise<unknown>): Promise<string> {
  const full = name.includes('.') ? name : `${ERROR}.${name}`;
  try {
    await promise;
  } catch (error) {
    const { dbusName, message, text = message } = error as { dbusName?: string; message: string; text?: string };
    assert.equal(dbusName, full, message);
    return text;
  }
  throw new assert.AssertionError({ message: `${full} was expected, but it worked` });
}

/** What PropertiesChanged says: the interface, the values told, the names of others that changed. */
export type PropertiesChanged = [iface: string, changed: [name: string, value: { value: unknown }][], others: string[]];

/** Signals as they come in, each handed out once. */
export class Heard<Args extends unknown[]> implements AsyncDisposable {
  readonly all: Args[] = [];
  #taken = 0;
  #wake: (() => void) | undefined;
  readonly #subscription: AsyncDisposable;

  private constructor(subscription: AsyncDisposable) {
    this.#subscription = subscription;
  }

  static async listen<S extends InterfaceShape, N extends keyof S['signals'] & string>(
    object: RemoteObject<S>,
    name: N,
  ): Promise<Heard<[...S['signals'][N]]>> {
    let heard: Heard<[...S['signals'][N]]> | undefined;
    const subscription = await object.subscribe(name, (...args) => {
      if (heard !== undefined) heard.#take(args);
    });
    heard = new Heard<[...S['signals'][N]]>(subscription);
    return heard;
  }

  /** Signals of the standard interfaces, as they are on the wire. */
  static async standard<Body extends unknown[]>(bus: Bus, path: string, member: string): Promise<Heard<Body>> {
    let heard: Heard<Body> | undefined;
    const of = member === 'PropertiesChanged' ? 'Properties' : 'ObjectManager';
    const rule = { sender: SERVICE, path, interface: `org.freedesktop.DBus.${of}`, member };
    const subscription = await bus.subscriptions.subscribe(rule, ({ body = [] }) => {
      if (heard !== undefined) heard.#take(body as Body);
    });
    heard = new Heard<Body>(subscription);
    return heard;
  }

  /** The next one that satisfies the condition. */
  async next(wanted: (...args: Args) => boolean = () => true): Promise<Args> {
    for (;;) {
      for (let args = this.all[this.#taken++]; args !== undefined; args = this.all[this.#taken++])
        if (wanted(...args)) return args;
      this.#taken = this.all.length;
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
  }

  #take(args: Args): void {
    this.all.push(args);
    this.#wake?.();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#subscription[Symbol.asyncDispose]();
  }
}

/** Ends every session and waits until they are gone. */
export async function endSessions(admin: Tool): Promise<void> {
  const { root, session } = objects(admin.bus);
  await using removed = await Heard.listen(root, 'SessionRemoved');
  const sessions = new Set((await root.methods.listSessions()).map(([, , , , path]) => path));
  for (const path of sessions) await session(path).methods.terminate();
  while (sessions.size > 0) sessions.delete((await removed.next())[1]);
}

/** Returns when systemd is done with a session's unit: it may still clean up when the session is gone. */
export function unitEnded(id: string): void {
  spawnSync('systemctl', ['stop', `remote-access-session-${id}.service`], { stdio: 'ignore' });
}
