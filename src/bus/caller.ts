import { readFileSync } from 'node:fs';
import { NotAuthorized } from '../errors.js';
import type { Bus } from './bus.js';
import { CallError } from './call-error.js';
import { codecFor } from './codec.js';
import { DRIVER } from './driver.js';
import { closeFds } from './message.js';
import type { Variant } from './variant.js';

/** Who sent a message, as the bus says (GetConnectionCredentials), never as the message claims. */
export type Caller = {
  /** The unique bus name: never reused while the bus runs. */
  readonly name: string;
  readonly uid: number;
  /** May be reused by another process later: for messages to people, not for decisions. */
  readonly pid: number | undefined;
  /** The caller agreed to be asked for a password (ALLOW_INTERACTIVE_AUTHORIZATION). */
  readonly interactive: boolean;
};

type Known = { readonly consenting: Caller; readonly plain: Caller };

/** Identifies callers. Remembers them while they are on the bus, so that a call costs no extra round trip. */
export class Callers {
  readonly #bus: Bus;
  readonly #known = new Map<string, Known>();
  readonly #asked = new Map<string, Promise<Known>>();

  constructor(bus: Bus) {
    this.#bus = bus;
  }

  /** Who a connection is, if it called before. Nothing while it is asked for: calls must not overtake each other. */
  known(name: string, interactive: boolean): Caller | undefined {
    const known = this.#asked.has(name) ? undefined : this.#known.get(name);
    return interactive ? known?.consenting : known?.plain;
  }

  async identify(name: string, interactive = false): Promise<Caller> {
    let known: Known | Promise<Known> | undefined = this.#asked.get(name) ?? this.#known.get(name);
    if (known === undefined) {
      known = this.#ask(name).finally(() => this.#asked.delete(name));
      this.#asked.set(name, known);
    }
    const { consenting, plain } = await known;
    return interactive ? consenting : plain;
  }

  /** The caller's control group as systemd names it, e.g. `/user.slice/user-1000.slice/session-4.scope`. */
  async controlGroup(name: string): Promise<string> {
    return (await this.#credentials(name)).controlGroup;
  }

  async #ask(name: string): Promise<Known> {
    const { uid, pid } = await this.#credentials(name);
    const plain = { name, uid, pid, interactive: false };
    const known = { plain, consenting: { ...plain, interactive: true } };
    this.#known.set(name, known);
    try {
      await this.#bus.subscriptions.watchName(name, () => this.#known.delete(name));
    } catch (error) {
      this.#known.delete(name);
      throw error;
    }
    return known;
  }

  async #credentials(name: string): Promise<{ uid: number; pid: number | undefined; controlGroup: string }> {
    const call = { ...DRIVER, member: 'GetConnectionCredentials', signature: 's', body: [name] };
    const reply = await this.#bus.call(call).catch((error: unknown) => {
      throw error instanceof CallError ? new NotAuthorized('the caller has left the bus') : error;
    });
    try {
      const fds = reply.fds ?? [];
      const all = codecFor('a{sv}').decode(reply.body?.[0], { fds }) as Map<string, Variant>;
      const pid = all.get('ProcessID')?.value as number | undefined;
      const controlGroup = readControlGroup(pid, all.get('ProcessFD')?.value as number | undefined);
      const uid = all.get('UnixUserID')?.value;
      if (typeof uid !== 'number') throw new NotAuthorized('the bus does not know which user the caller is');
      return { uid, pid, controlGroup };
    } finally {
      closeFds(reply);
    }
  }
}

/**
 * The systemd control group of a process. With a pidfd (dbus 1.16) the answer cannot be that of another process that
 * got the same pid meanwhile: the pidfd says afterwards whether the process still lives. Without one the bus's pid is
 * taken as it is.
 */
function readControlGroup(pid: number | undefined, pidfd: number | undefined): string {
  if (pid === undefined) return '';
  const text = readProc(`${pid}/cgroup`);
  if (pidfd !== undefined) {
    const info = readProc(`self/fdinfo/${pidfd}`);
    if (!new RegExp(`^Pid:\\t${pid}$`, 'm').test(info)) return '';
  }
  // The unified hierarchy, or the one that systemd keeps for itself where controllers have hierarchies of their own.
  const unified = /^0::(.+)$/m.exec(text)?.[1] ?? '/';
  return unified !== '/' ? unified : (/^\d+:name=systemd:(.+)$/m.exec(text)?.[1] ?? '');
}

/** Empty if the process is gone. The kernel answers at once, so this need not be asynchronous. */
function readProc(path: string): string {
  try {
    return readFileSync(`/proc/${path}`, 'utf8');
  } catch {
    return '';
  }
}
