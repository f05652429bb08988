import type { Bus } from './bus.js';
import { CallError } from './call-error.js';
import type { CallOptions } from './descriptor.js';
import { DRIVER } from './driver.js';
import type { Message } from './message.js';

export type SignalRule = {
  /** Who must have sent it: a unique or a well-known name. */
  sender: string;
  path: string;
  interface: string;
  member: string;
};

type Subscription = SignalRule & { handler: (message: Message) => void };

/**
 * Signals we listen to and names we watch. A signal counts only if its sender is the one that was subscribed to: any
 * peer may send us any signal directly (D-Bus specification, unicast signals), so match rules alone prove nothing.
 */
export class Subscriptions {
  readonly #bus: Bus;
  readonly #subscriptions = new Set<Subscription>();
  /** Match rules, how many need each, and when the bus has it. */
  readonly #rules = new Map<string, { users: number; added: Promise<unknown> }>();
  /** Owners of the well-known names we subscribed to. */
  readonly #owners = new Map<string, Owner>();
  readonly #ownerWatchers = new Map<string, Set<(owner: string) => void>>();
  readonly #vanished = new Map<string, Set<() => void>>();

  constructor(bus: Bus) {
    this.#bus = bus;
  }

  /** Calls `handler` for every such signal until disposed; resolves once the bus has the rule. */
  async subscribe(
    rule: SignalRule,
    handler: (message: Message) => void,
    options?: CallOptions,
  ): Promise<AsyncDisposable> {
    const subscription = { ...rule, handler };
    const match = `type='signal',sender='${rule.sender}',path='${rule.path}',interface='${rule.interface}',member='${rule.member}'`;
    const watched = !rule.sender.startsWith(':') && rule.sender !== DRIVER.destination;
    const dispose = async (): Promise<void> => {
      if (!this.#subscriptions.delete(subscription)) return;
      await Promise.all([this.#removeMatch(match), watched && this.#untrackOwner(rule.sender)]);
    };
    this.#subscriptions.add(subscription);
    // Both are asked for before either is awaited, so that disposing undoes both whatever becomes of them.
    const asked = [this.#addMatch(match, options), watched && this.#trackOwner(rule.sender, options)];
    try {
      await Promise.all(asked);
    } catch (error) {
      await Promise.allSettled(asked);
      await dispose();
      throw error;
    }
    return { [Symbol.asyncDispose]: dispose };
  }

  /**
   * Calls `vanished` once when a unique name leaves the bus, also if it already has. One match rule serves all names:
   * the bus allows a connection only some hundreds.
   */
  async watchName(name: string, vanished: () => void, options?: CallOptions): Promise<Disposable> {
    const watchers = this.#vanished.get(name) ?? new Set();
    this.#vanished.set(name, watchers);
    watchers.add(vanished);
    try {
      await this.#keepMatch(NAMES_LOST, options);
      const reply = await this.#bus.call({ ...DRIVER, member: 'NameHasOwner', signature: 's', body: [name] }, options);
      if (reply.body?.[0] !== true && this.#unwatch(name, vanished)) vanished();
    } catch (error) {
      this.#unwatch(name, vanished);
      throw error;
    }
    return { [Symbol.dispose]: () => this.#unwatch(name, vanished) };
  }

  /**
   * Who owns a well-known name: calls `changed` now and at every change with the owner's unique name, or with '' when
   * nobody has the name. Does not start a service.
   */
  async watchOwner(name: string, changed: (owner: string) => void, options?: CallOptions): Promise<AsyncDisposable> {
    try {
      await this.#trackOwner(name, options);
    } catch (error) {
      await this.#untrackOwner(name);
      throw error;
    }
    const watchers = this.#ownerWatchers.get(name) ?? new Set();
    this.#ownerWatchers.set(name, watchers);
    watchers.add(changed);
    changed(this.#owners.get(name)?.owner ?? '');
    return {
      [Symbol.asyncDispose]: async () => {
        if (watchers.delete(changed)) await this.#untrackOwner(name);
      },
    };
  }

  /** Hands an arriving signal to those who subscribed to it from this sender. */
  deliver(message: Message): void {
    if (message.sender === DRIVER.destination && message.member === 'NameOwnerChanged') this.#ownerChanged(message);
    for (const { sender, path, interface: iface, member, handler } of [...this.#subscriptions]) {
      if (member !== message.member || iface !== message.interface || path !== message.path) continue;
      if (message.sender === (this.#owners.get(sender)?.owner ?? sender)) run(() => handler(message));
    }
  }

  #ownerChanged({ body = [] }: Message): void {
    const [name, , owner] = body as [string, string, string];
    const tracked = this.#owners.get(name);
    if (tracked !== undefined) {
      Object.assign(tracked, { owner, told: true });
      for (const changed of [...(this.#ownerWatchers.get(name) ?? [])]) run(() => changed(owner));
    }
    if (owner !== '' || !name.startsWith(':')) return;
    const watchers = this.#vanished.get(name);
    this.#vanished.delete(name);
    for (const vanished of watchers ?? []) run(vanished);
  }

  #unwatch(name: string, vanished: () => void): boolean {
    const watchers = this.#vanished.get(name);
    if (watchers === undefined || !watchers.delete(vanished)) return false;
    if (watchers.size === 0) this.#vanished.delete(name);
    return true;
  }

  #trackOwner(name: string, options?: CallOptions): Promise<void> {
    const tracked = this.#owners.get(name);
    if (tracked !== undefined) {
      tracked.users++;
      return tracked.known;
    }
    const entry: Owner = { owner: '', users: 1, told: false, known: Promise.resolve() };
    this.#owners.set(name, entry);
    entry.known = this.#askOwner(name, entry, options);
    return entry.known;
  }

  async #askOwner(name: string, entry: Owner, options?: CallOptions): Promise<void> {
    const added = this.#addMatch(ownerRule(name), options);
    try {
      const call = { ...DRIVER, member: 'GetNameOwner', signature: 's', body: [name] };
      const [reply] = await Promise.all([this.#bus.call(call, options), added]);
      // A change that was announced meanwhile is newer than this answer, or the same.
      if (!entry.told) entry.owner = String(reply.body?.[0]);
    } catch (error) {
      await added;
      // Nobody has the name yet: NameOwnerChanged will tell.
      if (!(error instanceof CallError)) throw error;
    }
  }

  async #untrackOwner(name: string): Promise<void> {
    const tracked = this.#owners.get(name);
    if (tracked === undefined || --tracked.users > 0) return;
    this.#owners.delete(name);
    this.#ownerWatchers.delete(name);
    await this.#removeMatch(ownerRule(name));
  }

  #addMatch(rule: string, options?: CallOptions): Promise<unknown> {
    const known = this.#rules.get(rule);
    if (known !== undefined) {
      known.users++;
      return known.added;
    }
    const added = this.#bus.call({ ...DRIVER, member: 'AddMatch', signature: 's', body: [rule] }, options);
    this.#rules.set(rule, { users: 1, added });
    return added;
  }

  /** Adds a rule for good, once; tried again if it failed. */
  async #keepMatch(rule: string, options?: CallOptions): Promise<void> {
    const kept = this.#rules.get(rule)?.added ?? this.#addMatch(rule, options);
    try {
      await kept;
    } catch (error) {
      if (this.#rules.get(rule)?.added === kept) this.#rules.delete(rule);
      throw error;
    }
  }

  async #removeMatch(rule: string): Promise<void> {
    const known = this.#rules.get(rule);
    if (known === undefined || --known.users > 0) return;
    this.#rules.delete(rule);
    await this.#bus.call({ ...DRIVER, member: 'RemoveMatch', signature: 's', body: [rule] }).catch(() => {});
  }
}

type Owner = { owner: string; users: number; told: boolean; known: Promise<void> };

/** What a listener does wrong is logged and stays its own affair: others hear the signal too. */
function run(listener: () => unknown): void {
  try {
    const result = listener();
    if (result instanceof Promise) result.catch((error) => console.error(error));
  } catch (error) {
    console.error(error);
  }
}

const NAMES_LOST = `type='signal',sender='org.freedesktop.DBus',interface='org.freedesktop.DBus',member='NameOwnerChanged',arg2=''`;

function ownerRule(name: string): string {
  return `type='signal',sender='org.freedesktop.DBus',interface='org.freedesktop.DBus',member='NameOwnerChanged',arg0='${name}'`;
}
