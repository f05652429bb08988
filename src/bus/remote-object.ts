import { InvalidArgs } from '../errors.js';
import type { Bus } from './bus.js';
import { CallError } from './call-error.js';
import { bodyCodecFor, codecFor, type Descriptors } from './codec.js';
import type {
  CallOptions,
  Client,
  InterfaceDescriptor,
  InterfaceShape,
  MethodDescriptor,
  PropertyDescriptor,
} from './descriptor.js';
import { handlerName } from './handler-name.js';
import { closeFd, closeFds, type Message } from './message.js';
import { duplicate } from './native/descriptors.js';
import type { Variant } from './variant.js';

const PROPERTIES = 'org.freedesktop.DBus.Properties';

/**
 * An interface of an object of somebody else's, typed from its XML. Every call has a deadline and can be aborted.
 * Descriptors given to a call stay the caller's; those in a reply become the caller's. An answer that is not what the
 * interface promises is a CallError too.
 */
export class RemoteObject<S extends InterfaceShape> {
  readonly destination: string;
  readonly path: string;
  readonly methods: Client<S>;
  readonly #bus: Bus;
  readonly #descriptor: InterfaceDescriptor<S>;

  constructor(bus: Bus, descriptor: InterfaceDescriptor<S>, destination: string, path: string) {
    this.#bus = bus;
    this.#descriptor = descriptor;
    this.destination = destination;
    this.path = path;
    const methods: Record<string, (...args: unknown[]) => Promise<unknown>> = {};
    for (const method of Object.values<MethodDescriptor>(descriptor.methods))
      methods[handlerName(method.name)] = (...args) =>
        this.#call(method, args.slice(0, method.in.length), args[method.in.length] as CallOptions | undefined);
    this.methods = methods as unknown as Client<S>;
  }

  async property<N extends keyof S['properties'] & string>(
    name: N,
    options?: CallOptions,
  ): Promise<S['properties'][N]> {
    const property = this.#descriptor.properties[name];
    if (property === undefined) throw new TypeError(`${this.#descriptor.name} has no property ${name}`);
    const { destination, path } = this;
    const call = { destination, path, interface: PROPERTIES, member: 'Get', signature: 'ss' };
    const reply = await this.#bus.call({ ...call, body: [this.#descriptor.name, name] }, options);
    return decodeReply(reply, 'v', name, (body, descriptors) => {
      const { signature, value } = body[0] as Variant;
      if (signature !== property.type) throw new InvalidArgs(`${name} has type ${signature}`);
      return codecFor(property.type, property.dictionary).decode(value, descriptors) as S['properties'][N];
    });
  }

  /** All properties in one call. An answer that leaves one out is a CallError, too. */
  async allProperties(options?: CallOptions): Promise<S['properties']> {
    const { destination, path } = this;
    const call = { destination, path, interface: PROPERTIES, member: 'GetAll', signature: 's' };
    const reply = await this.#bus.call({ ...call, body: [this.#descriptor.name] }, options);
    return decodeReply(reply, 'a{sv}', 'GetAll', (body, descriptors) => {
      const given = new Map(body[0] as [string, Variant][]);
      const read = Object.entries<PropertyDescriptor>(this.#descriptor.properties).map(([name, property]) => {
        const { signature, value } = given.get(name) ?? {};
        if (signature !== property.type) throw new InvalidArgs(`${name} has type ${signature ?? 'none'}`);
        return [name, codecFor(property.type, property.dictionary).decode(value, descriptors)];
      });
      return Object.fromEntries(read) as S['properties'];
    });
  }

  /**
   * Calls `told` with a property's value now, and whenever the object says that properties changed, until disposed. Fails if
   * it cannot be read now.
   */
  async watch<N extends keyof S['properties'] & string>(
    name: N,
    told: (value: S['properties'][N]) => void,
  ): Promise<AsyncDisposable> {
    const read = async (): Promise<void> => told(await this.property(name));
    const subscription = await this.#bus.subscriptions.subscribe(
      { sender: this.destination, path: this.path, interface: PROPERTIES, member: 'PropertiesChanged' },
      // It may be gone.
      () => void read().catch(() => {}),
    );
    try {
      await read();
    } catch (error) {
      await subscription[Symbol.asyncDispose]();
      throw error;
    }
    return subscription;
  }

  /**
   * Calls `handler` for each such signal of this object, sent by the one we talk to, until disposed. Signals whose
   * values are not as the interface says are passed over; descriptors in one are closed when the handler returns.
   */
  subscribe<N extends keyof S['signals'] & string>(
    name: N,
    handler: (...args: [...S['signals'][N]]) => void,
    options?: CallOptions,
  ): Promise<AsyncDisposable> {
    const signal = this.#descriptor.signals[name];
    if (signal === undefined) throw new TypeError(`${this.#descriptor.name} has no signal ${name}`);
    const codec = bodyCodecFor(signal.args);
    return this.#bus.subscriptions.subscribe(
      { sender: this.destination, path: this.path, interface: this.#descriptor.name, member: name },
      (message) => {
        if ((message.signature ?? '') !== codec.signature || message.malformed) return;
        let values: unknown[];
        try {
          values = codec.decode(message.body ?? [], { fds: message.fds ?? [] });
        } catch (error) {
          if (error instanceof InvalidArgs) return;
          throw error;
        }
        return handler(...(values as [...S['signals'][N]]));
      },
      options,
    );
  }

  async #call(method: MethodDescriptor, args: readonly unknown[], options?: CallOptions): Promise<unknown> {
    const descriptors = { fds: [] as number[] };
    const takes = bodyCodecFor(method.in);
    const gives = bodyCodecFor(method.out);
    const body = takes.encode(args, descriptors);
    const { destination, path } = this;
    const reply = await this.#bus.call(
      {
        destination,
        path,
        interface: this.#descriptor.name,
        member: method.name,
        ...(method.in.length > 0 ? { signature: takes.signature, body } : {}),
        ...(descriptors.fds.length > 0 ? { fds: duplicates(descriptors.fds) } : {}),
      },
      options,
    );
    return decodeReply(reply, gives.signature, method.name, (values, received) => {
      const decoded = gives.decode(values, received);
      return method.out.length === 1 ? decoded[0] : method.out.length === 0 ? undefined : decoded;
    });
  }
}

/** The values of a reply. Descriptors that came with it and that no value names are closed; on an error all are. */
function decodeReply<T>(
  reply: Message,
  expected: string,
  what: string,
  decode: (body: unknown[], descriptors: Descriptors) => T,
): T {
  const { signature = '', body = [], fds = [] } = reply;
  const claimed = new Set<number>();
  try {
    if (signature !== expected) throw new InvalidArgs(`${what} answered '${signature}', expected '${expected}'`);
    const value = decode(body, { fds, claimed });
    for (const fd of fds) if (!claimed.has(fd)) closeFd(fd);
    return value;
  } catch (error) {
    closeFds(reply);
    if (error instanceof InvalidArgs)
      throw new CallError('org.freedesktop.DBus.Error.InvalidSignature', `the answer is not valid: ${error.message}`);
    throw error;
  }
}

function duplicates(fds: readonly number[]): number[] {
  const copies: number[] = [];
  try {
    for (const fd of fds) copies.push(duplicate(fd));
    return copies;
  } catch (error) {
    closeFds({ fds: copies });
    throw error;
  }
}
