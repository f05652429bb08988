import type { RemoteAccessError } from '../errors.js';
import type { Bus } from './bus.js';
import type { Caller } from './caller.js';
import { encodeBody } from './codec.js';
import type { Handlers, InterfaceDescriptor, InterfaceShape } from './descriptor.js';
import { SIGNAL } from './message.js';
import { encodeProperty } from './property.js';

/** Whose an object is, or whom a call is about: what access rules are decided on. */
export type Subject = {
  /** The bus connection that the object belongs to. */
  readonly owner?: string;
  /** The user whose session, token or login it is. */
  readonly uid?: number;
  /** Connections that completed a login to the session. */
  readonly logins?: { has(name: string): boolean };
  /** Our session's id, and the logind session it stands for. */
  readonly session?: string;
  readonly logindSession?: string;
};

type Getters<S extends InterfaceShape> = { readonly [P in keyof S['properties']]: () => S['properties'][P] };

/** Where an interface serves many users, a call's arguments say whom it is about. */
export type SubjectOf = (member: string, args: readonly unknown[], caller: Caller) => Subject | Promise<Subject>;

/** An interface on an object: what it looks like, who answers calls, where the properties come from. */
export type Implementation = {
  readonly descriptor: InterfaceDescriptor;
  readonly handlers: Record<string, (caller: Caller, ...args: unknown[]) => unknown>;
  readonly properties: Record<string, () => unknown>;
  readonly subjectOf: SubjectOf | undefined;
};

/** An object on the bus: a path, interfaces, and whose it is. ObjectTree makes it reachable. */
export class ExportedObject {
  readonly path: string;
  readonly interfaces = new Map<string, Implementation>();
  /** Interfaces that this object could have but has not, and what to tell who calls them. */
  readonly withheld = new Map<string, () => RemoteAccessError>();
  readonly #bus: Bus;
  readonly #subject: () => Subject;
  #changed: Map<InterfaceDescriptor, Set<string>> | undefined;

  constructor(bus: Bus, path: string, subject: () => Subject = () => ({})) {
    this.#bus = bus;
    this.path = path;
    this.#subject = subject;
  }

  implement<S extends InterfaceShape>(
    descriptor: InterfaceDescriptor<S>,
    handlers: NoInfer<Handlers<S, Caller>>,
    properties: NoInfer<Getters<S>>,
    subjectOf?: SubjectOf,
  ): this {
    this.interfaces.set(descriptor.name, {
      descriptor: descriptor as unknown as InterfaceDescriptor,
      handlers: handlers as unknown as Implementation['handlers'],
      properties: properties as Implementation['properties'],
      subjectOf,
    });
    return this;
  }

  /** Whom a call or a property of this object is about. */
  subject(iface: string, member: string, args: readonly unknown[], caller: Caller): Subject | Promise<Subject> {
    return this.interfaces.get(iface)?.subjectOf?.(member, args, caller) ?? this.#subject();
  }

  /** Sends a signal to whom the interface says: to everybody, or to `owner` alone. */
  emit<S extends InterfaceShape, N extends keyof S['signals'] & string>(
    descriptor: InterfaceDescriptor<S>,
    name: N,
    args: S['signals'][N] & readonly unknown[],
    owner?: string,
  ): void {
    const signal = descriptor.signals[name];
    if (signal === undefined) throw new TypeError(`${descriptor.name} has no signal ${name}`);
    if (signal.to === 'owner' && owner === undefined) throw new TypeError(`${name} is for an owner alone`);
    const descriptors = { fds: [] };
    this.#bus.send({
      type: SIGNAL,
      path: this.path,
      interface: descriptor.name,
      member: name,
      signature: signal.args.map(({ type }) => type).join(''),
      body: encodeBody(signal.args, args, descriptors),
      ...(signal.to === 'owner' ? { destination: owner as string } : {}),
    });
  }

  /**
   * Tells that properties changed: once for all changes of this turn of the event loop. The values go to the owner; a
   * broadcast says only which changed unless everybody may read them.
   */
  changed<S extends InterfaceShape>(
    descriptor: InterfaceDescriptor<S>,
    names: readonly (keyof S['properties'] & string)[],
    owner?: string,
  ): void {
    if (this.#changed === undefined) {
      this.#changed = new Map();
      queueMicrotask(() => this.#sendChanges(owner));
    }
    const key = descriptor as unknown as InterfaceDescriptor;
    const set = this.#changed.get(key) ?? new Set();
    for (const name of names) set.add(name);
    this.#changed.set(key, set);
  }

  #sendChanges(owner: string | undefined): void {
    const changes = this.#changed;
    this.#changed = undefined;
    for (const [descriptor, names] of changes ?? []) {
      const properties = this.interfaces.get(descriptor.name)?.properties ?? {};
      const values: unknown[] = [];
      const invalidated: string[] = [];
      for (const name of names) {
        const property = descriptor.properties[name];
        const get = properties[name];
        if (property === undefined || get === undefined) continue;
        if (owner === undefined && !property.access.includes('anyone')) invalidated.push(name);
        else values.push([name, encodeProperty(property, get())]);
      }
      this.#bus.send({
        type: SIGNAL,
        path: this.path,
        interface: 'org.freedesktop.DBus.Properties',
        member: 'PropertiesChanged',
        signature: 'sa{sv}as',
        body: [descriptor.name, values, invalidated],
        ...(owner === undefined ? {} : { destination: owner }),
      });
    }
  }
}
