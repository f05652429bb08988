import { type RemoteAccessError, UnknownInterface, UnknownMethod } from '../errors.js';
import type { Bus } from './bus.js';
import type { Caller } from './caller.js';
import { bodyCodecFor } from './codec.js';
import type { Handlers, InterfaceDescriptor, InterfaceShape } from './descriptor.js';
import { SIGNAL } from './message.js';
import { encodeProperty } from './properties.js';

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
  /** Properties that changed in this turn of the event loop, by interface, by whom it concerns. */
  readonly #changed = new Map<string | undefined, Map<Implementation, Set<string>>>();

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

  /** The implementation of an interface, else the error that its caller gets. */
  implementing(iface: string): Implementation {
    const implementation = this.interfaces.get(iface);
    if (implementation !== undefined) return implementation;
    throw this.withheld.get(iface)?.() ?? new UnknownInterface(`${this.path} has no interface ${iface}`);
  }

  /** Whichever interface has the method: calls need not name one (D-Bus specification, "Message Types"). */
  answering(method: string): Implementation {
    for (const candidate of this.interfaces.values())
      if (Object.hasOwn(candidate.descriptor.methods, method)) return candidate;
    throw new UnknownMethod(`no method ${method} on ${this.path}`);
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
    const codec = bodyCodecFor(signal.args);
    this.#bus.send({
      type: SIGNAL,
      path: this.path,
      interface: descriptor.name,
      member: name,
      signature: codec.signature,
      body: codec.encode(args, { fds: [] }),
      ...(signal.to !== 'everyone' && owner !== undefined ? { destination: owner } : {}),
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
    const implementation = this.interfaces.get(descriptor.name);
    if (implementation === undefined) return;
    if (this.#changed.size === 0) queueMicrotask(() => this.#sendChanges());
    const changed = this.#changed.get(owner) ?? new Map<Implementation, Set<string>>();
    this.#changed.set(owner, changed);
    changed.set(implementation, new Set([...(changed.get(implementation) ?? []), ...names]));
  }

  #sendChanges(): void {
    const all = [...this.#changed];
    this.#changed.clear();
    for (const [owner, changed] of all)
      for (const [implementation, names] of changed)
        try {
          this.#sendPropertiesChanged(owner, implementation, names);
        } catch (error) {
          // A getter of ours failed; nobody is there to be told.
          console.error(error);
        }
  }

  #sendPropertiesChanged(
    owner: string | undefined,
    { descriptor, properties }: Implementation,
    names: Iterable<string>,
  ): void {
    const values: unknown[] = [];
    const invalidated: string[] = [];
    for (const name of names) {
      const property = descriptor.properties[name];
      const get = properties[name];
      if (property === undefined || get === undefined)
        throw new TypeError(`${descriptor.name} has no property ${name}`);
      const told = owner !== undefined || property.access.includes('anyone');
      if (told && property.emits === 'true') values.push([name, encodeProperty(property, get())]);
      else if (property.emits === 'true' || property.emits === 'invalidates') invalidated.push(name);
    }
    if (values.length + invalidated.length === 0) return;
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
