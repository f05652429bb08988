import { readFile } from 'node:fs/promises';
import {
  InvalidArgs,
  isOurs,
  NotSupported,
  PropertyReadOnly,
  RemoteAccessError,
  UnknownInterface,
  UnknownMethod,
  UnknownObject,
  UnknownProperty,
} from '../errors.js';
import type { Bus } from './bus.js';
import { CallError } from './call-error.js';
import { type Caller, Callers } from './caller.js';
import { decodeBody, encodeBody } from './codec.js';
import type { PropertyDescriptor } from './descriptor.js';
import type { ExportedObject, Implementation } from './exported-object.js';
import { introspect } from './introspection.js';
import {
  ALLOW_INTERACTIVE_AUTHORIZATION,
  closeFds,
  ERROR,
  METHOD_RETURN,
  type Message,
  NO_REPLY_EXPECTED,
  SIGNAL,
} from './message.js';
import { encodeProperty, propertyValue } from './property.js';

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

type Reply = { signature: string; body: unknown[]; fds?: number[] };

/**
 * The objects that we export: takes method calls, checks types and rights, and answers. Handlers receive a verified
 * caller and converted values. Descriptors in a call are closed when its handler has settled (duplicate what you
 * keep); descriptors that a handler returns are given away.
 */
export class ObjectTree {
  readonly callers: Callers;
  readonly #bus: Bus;
  readonly #bouncer: Bouncer;
  readonly #objects = new Map<string, ExportedObject>();
  readonly #managerPath: string | undefined;

  /** With `managerPath`, the object there is an ObjectManager of all objects below it. */
  constructor(bus: Bus, bouncer: Bouncer, managerPath?: string) {
    this.#bus = bus;
    this.#bouncer = bouncer;
    this.#managerPath = managerPath;
    this.callers = new Callers(bus);
    bus.onCall = (message) => void this.#take(message);
  }

  /** Makes the object reachable; announced to everybody by names, or with its properties to `owner` alone. */
  add(object: ExportedObject, owner?: string): void {
    this.#objects.set(object.path, object);
    if (!this.#isManaged(object.path)) return;
    const interfaces = [...object.interfaces.values()].map((implementation) => [
      implementation.descriptor.name,
      owner === undefined ? [] : allProperties(implementation),
    ]);
    this.#announce('InterfacesAdded', 'oa{sa{sv}}', [object.path, interfaces], owner);
  }

  remove(object: ExportedObject, owner?: string): void {
    if (!this.#objects.delete(object.path) || !this.#isManaged(object.path)) return;
    this.#announce('InterfacesRemoved', 'oas', [object.path, [...object.interfaces.keys()]], owner);
  }

  #isManaged(path: string): boolean {
    return this.#managerPath !== undefined && path.startsWith(`${this.#managerPath}/`);
  }

  #announce(member: string, signature: string, body: unknown[], owner: string | undefined): void {
    this.#bus.send({
      type: SIGNAL,
      path: this.#managerPath ?? '/',
      interface: 'org.freedesktop.DBus.ObjectManager',
      member,
      signature,
      body,
      ...(owner === undefined ? {} : { destination: owner }),
    });
  }

  async #take(message: Message): Promise<void> {
    let answer: Omit<Message, 'serial'>;
    try {
      const reply = await this.#dispatch(message);
      answer = { type: METHOD_RETURN, ...reply };
    } catch (error) {
      answer = { type: ERROR, ...describe(error) };
    }
    closeFds(message);
    if ((message.flags ?? 0) & NO_REPLY_EXPECTED) return closeFds(answer as Message);
    this.#bus.send({ ...answer, replySerial: message.serial, destination: message.sender ?? '' });
  }

  async #dispatch(message: Message): Promise<Reply> {
    const { path = '/', interface: iface, member = '' } = message;
    if (iface === 'org.freedesktop.DBus.Peer') return peer(member);
    if (iface === 'org.freedesktop.DBus.Introspectable') return this.#introspect(path, member);
    const object = this.#objects.get(path);
    if (object === undefined) throw new UnknownObject(`no object ${path}`);
    const caller = await this.callers.identify(
      message.sender ?? '',
      ((message.flags ?? 0) & ALLOW_INTERACTIVE_AUTHORIZATION) !== 0,
    );
    if (iface === 'org.freedesktop.DBus.Properties') return this.#properties(object, caller, message);
    if (iface === 'org.freedesktop.DBus.ObjectManager' && path === this.#managerPath)
      return this.#managed(caller, member);
    return this.#call(implementing(object, iface, member), object, caller, message);
  }

  async #call(
    { descriptor, handlers }: Implementation,
    object: ExportedObject,
    caller: Caller,
    message: Message,
  ): Promise<Reply> {
    const method = Object.hasOwn(descriptor.methods, message.member ?? '')
      ? descriptor.methods[message.member ?? '']
      : undefined;
    if (method === undefined) throw new UnknownMethod(`no method ${message.member} on ${descriptor.name}`);
    expectSignature(message, method.in.map(({ type }) => type).join(''));
    const args = decodeBody(method.in, message.body ?? [], { fds: message.fds ?? [] });
    await this.#bouncer.admit({
      caller,
      access: method.access,
      object,
      interface: descriptor.name,
      member: method.name,
      args,
    });
    const handler = handlers[`${method.name.charAt(0).toLowerCase()}${method.name.slice(1)}`];
    if (handler === undefined) throw new TypeError(`${descriptor.name}.${method.name} has no handler`);
    const result = await handler.call(handlers, caller, ...args);
    const values = method.out.length === 1 ? [result] : ((result as unknown[] | undefined) ?? []);
    const descriptors = { fds: [] as number[] };
    const body = encodeBody(method.out, values, descriptors);
    return { signature: method.out.map(({ type }) => type).join(''), body, fds: descriptors.fds };
  }

  async #properties(object: ExportedObject, caller: Caller, message: Message): Promise<Reply> {
    const { member = '', body = [] } = message;
    if (member === 'Get') {
      expectSignature(message, 'ss');
      const [iface, name] = body as [string, string];
      const [property, get] = propertyOf(object, iface, name);
      await this.#bouncer.admit({ caller, access: property.access, object, interface: iface, member: name, args: [] });
      return { signature: 'v', body: [encodeProperty(property, get())] };
    }
    if (member === 'GetAll') {
      expectSignature(message, 's');
      const implementation = implementing(object, body[0] as string, '');
      const access = [
        ...new Set(Object.values(implementation.descriptor.properties).map((property) => property.access)),
      ];
      for (const rule of access)
        await this.#bouncer.admit({
          caller,
          access: rule,
          object,
          interface: implementation.descriptor.name,
          member: 'GetAll',
          args: [],
        });
      return { signature: 'a{sv}', body: [allProperties(implementation)] };
    }
    if (member === 'Set') {
      expectSignature(message, 'ssv');
      const [iface, name] = body as [string, string];
      propertyOf(object, iface, name);
      throw new PropertyReadOnly(`${name} cannot be set`);
    }
    throw new UnknownMethod(`no method ${member} on org.freedesktop.DBus.Properties`);
  }

  async #managed(caller: Caller, member: string): Promise<Reply> {
    if (member !== 'GetManagedObjects') throw new UnknownMethod(`no method ${member}`);
    const objects: unknown[] = [];
    for (const object of this.#objects.values()) {
      if (!this.#isManaged(object.path)) continue;
      const interfaces: unknown[] = [];
      for (const implementation of object.interfaces.values()) {
        const access = Object.values(implementation.descriptor.properties).map((property) => property.access);
        const seen = await Promise.all(
          access.map((rule) =>
            this.#bouncer.sees({
              caller,
              access: rule,
              object,
              interface: implementation.descriptor.name,
              member: 'GetAll',
              args: [],
            }),
          ),
        );
        if (seen.every(Boolean)) interfaces.push([implementation.descriptor.name, allProperties(implementation)]);
      }
      if (interfaces.length > 0) objects.push([object.path, interfaces]);
    }
    return { signature: 'a{oa{sa{sv}}}', body: [objects] };
  }

  #introspect(path: string, member: string): Reply {
    if (member !== 'Introspect') throw new UnknownMethod(`no method ${member}`);
    const prefix = path === '/' ? '/' : `${path}/`;
    const children = new Set(
      [...this.#objects.keys()]
        .filter((other) => other.startsWith(prefix) && other !== path)
        .map((other) => other.slice(prefix.length).split('/')[0] as string),
    );
    const object = this.#objects.get(path);
    if (object === undefined && children.size === 0) throw new UnknownObject(`no object ${path}`);
    return { signature: 's', body: [introspect(object, path === this.#managerPath, children)] };
  }
}

/** The implementation of an interface; a call without one goes to whichever has the member (D-Bus specification). */
function implementing(object: ExportedObject, iface: string | undefined, member: string): Implementation {
  if (iface === undefined) {
    for (const candidate of object.interfaces.values())
      if (Object.hasOwn(candidate.descriptor.methods, member)) return candidate;
    throw new UnknownMethod(`no method ${member} on ${object.path}`);
  }
  const implementation = object.interfaces.get(iface);
  if (implementation === undefined)
    throw object.withheld.get(iface)?.() ?? new UnknownInterface(`${object.path} has no interface ${iface}`);
  return implementation;
}

function propertyOf(object: ExportedObject, iface: string, name: string): [PropertyDescriptor, () => unknown] {
  const { descriptor, properties } = implementing(object, iface, '');
  const property = Object.hasOwn(descriptor.properties, name) ? descriptor.properties[name] : undefined;
  const get = properties[name];
  if (property === undefined || get === undefined) throw new UnknownProperty(`no property ${name} on ${iface}`);
  return [property, get];
}

function allProperties({ descriptor, properties }: Implementation): unknown[] {
  return Object.values(descriptor.properties).map((property) => [property.name, propertyValue(property, properties)]);
}

function expectSignature(message: Message, expected: string): void {
  if ((message.signature ?? '') !== expected)
    throw new InvalidArgs(`${message.member} takes '${expected}', not '${(message.signature ?? '').slice(0, 64)}'`);
}

async function peer(member: string): Promise<Reply> {
  if (member === 'Ping') return { signature: '', body: [] };
  if (member !== 'GetMachineId') throw new UnknownMethod(`no method ${member} on org.freedesktop.DBus.Peer`);
  const id = await readFile('/etc/machine-id', 'utf8').catch(() => {
    throw new NotSupported('this machine has no /etc/machine-id');
  });
  return { signature: 's', body: [id.trim()] };
}

/** An error as its caller may see it: ours by name and message, anything else without details. */
function describe(error: unknown): { errorName: string; signature: 's'; body: [string] } {
  if (error instanceof RemoteAccessError) return { errorName: error.dbusName, signature: 's', body: [error.message] };
  // What another process of ours answered by name is meant for the caller, too.
  if (error instanceof CallError && isOurs(error.dbusName))
    return { errorName: error.dbusName, signature: 's', body: [error.text] };
  console.error(error);
  return { errorName: 'org.freedesktop.DBus.Error.Failed', signature: 's', body: ['internal error'] };
}
