import { readFileSync } from 'node:fs';
import { NotSupported, UnknownMethod, UnknownObject } from '../errors.js';
import type { Bus } from './bus.js';
import { type Caller, Callers } from './caller.js';
import { bodyCodecFor } from './codec.js';
import { errorReply } from './error-reply.js';
import type { ExportedObject, Implementation } from './exported-object.js';
import { handlerName } from './handler-name.js';
import { introspect } from './introspection.js';
import {
  ALLOW_INTERACTIVE_AUTHORIZATION,
  closeFds,
  ERROR,
  expectSignature,
  METHOD_RETURN,
  type Message,
  NO_REPLY_EXPECTED,
} from './message.js';
import { ObjectManager } from './object-manager.js';
import { answerProperties } from './properties.js';

/** A call that somebody must be allowed to make. */
export type AccessRequest = {
  caller: Caller;
  /** The alternatives that the interface documents; one suffices. */
  access: readonly string[];
  object: ExportedObject;
  interface: string;
  /** Method name, or the property's for reads and writes. */
  member: string;
  args: readonly unknown[];
};

/** The one place that authorises. */
export interface Bouncer {
  /** Returns if the request is allowed, else throws NotAuthorized. */
  admit(request: AccessRequest): Promise<void>;
  /** Whether the caller gets to know the object's properties without asking anybody (ObjectManager). */
  sees(request: AccessRequest): Promise<boolean>;
}

/** What a call is answered with; the descriptors are given away. */
export type Reply = { signature: string; body: unknown[]; fds?: number[] };

/**
 * The objects that we export: takes method calls, checks types and rights, and answers. Handlers receive a verified
 * caller and converted values. Descriptors in a call are closed when its handler has settled (duplicate what you
 * keep), and none is in a variant; descriptors that a handler returns are given away.
 */
export class ObjectTree {
  readonly callers: Callers;
  readonly #bus: Bus;
  readonly #bouncer: Bouncer;
  readonly #objects = new Map<string, ExportedObject>();
  readonly #manager: ObjectManager | undefined;
  #held: Message[] | undefined;
  /** Served although other calls wait. */
  #early: string | undefined;
  #calls = 0;
  #unanswered = 0;
  #answered: (() => void)[] = [];

  /** With `managerPath`, the object there is an ObjectManager of all objects below it. */
  constructor(bus: Bus, bouncer: Bouncer, managerPath?: string) {
    this.#bus = bus;
    this.#bouncer = bouncer;
    this.#manager = managerPath === undefined ? undefined : new ObjectManager(bus, bouncer, managerPath);
    this.callers = new Callers(bus);
    bus.onCall = (message) => {
      this.#calls++;
      this.#unanswered++;
      if (this.#held === undefined || message.path === this.#early) void this.#take(message);
      else this.#held.push(message);
    };
  }

  /** Lets calls wait until `serve`: a service may own its name before it has everything to answer with. */
  hold(): void {
    this.#held ??= [];
  }

  /** Answers the calls that wait, and those to come; of one object alone while others wait for another `serve`. */
  serve(path?: string): void {
    const held = this.#held ?? [];
    this.#early = path;
    this.#held = path === undefined ? undefined : held.filter((message) => message.path !== path);
    for (const message of held) if (path === undefined || message.path === path) void this.#take(message);
  }

  /** How many calls ever came. */
  get calls(): number {
    return this.#calls;
  }

  /** Whether every call that came has its answer. */
  get idle(): boolean {
    return this.#unanswered === 0;
  }

  /** Resolves when every call that came has its answer. */
  async answered(): Promise<void> {
    if (!this.idle) await new Promise<void>((resolve) => this.#answered.push(resolve));
  }

  /** Makes the object reachable; announced to everybody by names, or with its properties to `owner` alone. */
  add(object: ExportedObject, owner?: string): void {
    this.#objects.set(object.path, object);
    this.#manager?.announceAdded(object, owner);
  }

  remove(object: ExportedObject, owner?: string): void {
    if (this.#objects.delete(object.path)) this.#manager?.announceRemoved(object, owner);
  }

  async #take(message: Message): Promise<void> {
    let answer: Omit<Message, 'serial'>;
    try {
      const { signature, body, fds } = await this.#dispatch(message);
      answer = { type: METHOD_RETURN, signature, body, ...(fds && { fds }) };
    } catch (error) {
      answer = { type: ERROR, ...errorReply(error) };
    }
    this.#reply(message, answer);
    if (--this.#unanswered === 0) for (const resolve of this.#answered.splice(0)) resolve();
  }

  #reply(message: Message, answer: Omit<Message, 'serial'>): void {
    closeFds(message);
    if ((message.flags ?? 0) & NO_REPLY_EXPECTED) return closeFds(answer);
    answer.replySerial = message.serial;
    answer.destination = message.sender ?? '';
    try {
      this.#bus.send(answer);
    } catch (error) {
      // The handler's answer cannot be sent, so the caller gets to know that instead.
      const { replySerial, destination } = answer;
      this.#bus.send({ type: ERROR, ...errorReply(error), replySerial, destination });
    }
  }

  async #dispatch(message: Message): Promise<Reply> {
    const { path = '/', interface: iface, member = '', sender = '', flags = 0 } = message;
    if (iface === 'org.freedesktop.DBus.Peer') return peer(message);
    if (iface === 'org.freedesktop.DBus.Introspectable') return this.#introspect(path, message);
    const object = this.#objects.get(path);
    if (object === undefined) throw new UnknownObject(`no object ${path}`);
    const interactive = (flags & ALLOW_INTERACTIVE_AUTHORIZATION) !== 0;
    const caller = this.callers.known(sender, interactive) ?? (await this.callers.identify(sender, interactive));
    if (iface === 'org.freedesktop.DBus.Properties') return answerProperties(this.#bouncer, object, caller, message);
    if (iface === 'org.freedesktop.DBus.ObjectManager' && path === this.#manager?.path)
      return this.#manager.answer(this.#objects.values(), caller, message);
    const implementation = iface === undefined ? object.answering(member) : object.implementing(iface);
    return await this.#call(implementation, object, caller, message);
  }

  async #call(
    { descriptor, handlers }: Implementation,
    object: ExportedObject,
    caller: Caller,
    message: Message,
  ): Promise<Reply> {
    const { member = '' } = message;
    const method = Object.hasOwn(descriptor.methods, member) ? descriptor.methods[member] : undefined;
    if (method === undefined) throw new UnknownMethod(`no method ${member} on ${descriptor.name}`);
    const takes = bodyCodecFor(method.in);
    expectSignature(message, takes.signature);
    const args = takes.decode(message.body ?? [], { fds: message.fds ?? [], noneInVariants: true });
    const { name, access } = method;
    await this.#bouncer.admit({ caller, access, object, interface: descriptor.name, member: name, args });
    const handler = handlers[handlerName(name)];
    if (handler === undefined) throw new TypeError(`${descriptor.name}.${name} has no handler`);
    const result = await handler.call(handlers, caller, ...args);
    const values = method.out.length === 1 ? [result] : ((result as unknown[] | undefined) ?? []);
    const gives = bodyCodecFor(method.out);
    const fds: number[] = [];
    try {
      return { signature: gives.signature, body: gives.encode(values, { fds }), fds };
    } catch (error) {
      closeFds({ fds });
      throw error;
    }
  }

  #introspect(path: string, message: Message): Reply {
    if (message.member !== 'Introspect') throw new UnknownMethod(`no method ${message.member}`);
    expectSignature(message, '');
    const prefix = path === '/' ? '/' : `${path}/`;
    const children = new Set(
      [...this.#objects.keys()]
        .filter((other) => other.startsWith(prefix) && other !== path)
        .map((other) => other.slice(prefix.length).split('/')[0] as string),
    );
    const object = this.#objects.get(path);
    if (object === undefined && children.size === 0) throw new UnknownObject(`no object ${path}`);
    return { signature: 's', body: [introspect(object, path === this.#manager?.path, children)] };
  }
}

function peer(message: Message): Reply {
  if (message.member !== 'Ping' && message.member !== 'GetMachineId')
    throw new UnknownMethod(`no method ${message.member} on org.freedesktop.DBus.Peer`);
  expectSignature(message, '');
  if (message.member === 'Ping') return { signature: '', body: [] };
  return { signature: 's', body: [machineId()] };
}

function machineId(): string {
  try {
    return readFileSync('/etc/machine-id', 'utf8').trim();
  } catch {
    throw new NotSupported('this machine has no /etc/machine-id');
  }
}
