import type { Bus } from './bus.js';
import { CallError } from './call-error.js';
import type { CallOptions } from './descriptor.js';
import type { Message } from './message.js';

const DRIVER = {
  destination: 'org.freedesktop.DBus',
  path: '/org/freedesktop/DBus',
  interface: 'org.freedesktop.DBus',
};

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
  /** Match rules on the bus and how many need each. */
  readonly #rules = new Map<string, number>();
  /** Owners of the well-known names we subscribed to. */
  readonly #owners = new Map<string, { owner: string; users: number }>();
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
    if (watched) await this.#trackOwner(rule.sender, options);
    this.#subscriptions.add(subscription);
    await this.#addMatch(match, options);
    return {
      [Symbol.asyncDispose]: async () => {
        if (!this.#subscriptions.delete(subscription)) return;
        await this.#removeMatch(match);
        if (watched) await this.#untrackOwner(rule.sender);
      },
    };
  }

  /**
   * Calls `vanished` once when a unique name leaves the bus, also if it already has. One match rule serves all names:
   * the bus allows a connection only some hundreds.
   */
  async watchName(name: string, vanished: () => void, options?: CallOptions): Promise<Disposable> {
    let watchers = this.#vanished.get(name);
    if (watchers === undefined) {
      watchers = new Set();
      this.#vanished.set(name, watchers);
    }
    watchers.add(vanished);
    const disposable = { [Symbol.dispose]: () => this.#unwatch(name, vanished) };
    if (!this.#rules.has(NAMES_LOST)) await this.#addMatch(NAMES_LOST, options);
    const reply = await this.#bus.call({ ...DRIVER, member: 'NameHasOwner', signature: 's', body: [name] }, options);
    if (reply.body?.[0] !== true && this.#unwatch(name, vanished)) vanished();
    return disposable;
  }

  /**
   * Who owns a well-known name: calls `changed` now and at every change with the owner's unique name, or with '' when
   * nobody has the name. Does not start a service.
   */
  async watchOwner(name: string, changed: (owner: string) => void, options?: CallOptions): Promise<AsyncDisposable> {
    await this.#trackOwner(name, options);
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
      if (message.sender === (this.#owners.get(sender)?.owner ?? sender)) handler(message);
    }
  }

  #ownerChanged({ body = [] }: Message): void {
    const [name, , owner] = body as [string, string, string];
    const tracked = this.#owners.get(name);
    if (tracked !== undefined) {
      tracked.owner = owner;
      for (const changed of [...(this.#ownerWatchers.get(name) ?? [])]) changed(owner);
    }
    if (owner !== '' || !name.startsWith(':')) return;
    const watchers = this.#vanished.get(name);
    this.#vanished.delete(name);
    for (const vanished of watchers ?? []) vanished();
  }

  #unwatch(name: string, vanished: () => void): boolean {
    const watchers = this.#vanished.get(name);
    if (watchers === undefined || !watchers.delete(vanished)) return false;
    if (watchers.size === 0) this.#vanished.delete(name);
    return true;
  }

  async #trackOwner(name: string, options?: CallOptions): Promise<void> {
    const tracked = this.#owners.get(name);
    if (tracked !== undefined) {
      tracked.users++;
      return;
    }
    const entry = { owner: '', users: 1 };
    this.#owners.set(name, entry);
    await this.#addMatch(ownerRule(name), options);
    try {
      const reply = await this.#bus.call({ ...DRIVER, member: 'GetNameOwner', signature: 's', body: [name] }, options);
      entry.owner = String(reply.body?.[0]);
    } catch (error) {
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

  async #addMatch(rule: string, options?: CallOptions): Promise<void> {
    const users = this.#rules.get(rule) ?? 0;
    this.#rules.set(rule, users + 1);
    if (users === 0) await this.#bus.call({ ...DRIVER, member: 'AddMatch', signature: 's', body: [rule] }, options);
  }

  async #removeMatch(rule: string): Promise<void> {
    const users = this.#rules.get(rule) ?? 0;
    if (users > 1) return void this.#rules.set(rule, users - 1);
    this.#rules.delete(rule);
    await this.#bus.call({ ...DRIVER, member: 'RemoveMatch', signature: 's', body: [rule] }).catch(() => {});
  }
}

const NAMES_LOST = `type='signal',sender='org.freedesktop.DBus',interface='org.freedesktop.DBus',member='NameOwnerChanged',arg2=''`;

function ownerRule(name: string): string {
  return `type='signal',sender='org.freedesktop.DBus',interface='org.freedesktop.DBus',member='NameOwnerChanged',arg0='${name}'`;
}
