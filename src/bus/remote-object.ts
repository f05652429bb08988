import type { Bus } from './bus.js';
import { CallError } from './call-error.js';
import { codecFor, decodeBody, encodeBody } from './codec.js';
import type { CallOptions, Client, InterfaceDescriptor, InterfaceShape, MethodDescriptor } from './descriptor.js';
import { closeFds } from './message.js';
import { duplicate } from './native/descriptors.js';
import type { Variant } from './variant.js';

/**
 * An interface of an object of somebody else's, typed from its XML. Every call has a deadline and can be aborted.
 * Descriptors given to a call stay the caller's; those in a reply become the caller's.
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
      methods[`${method.name.charAt(0).toLowerCase()}${method.name.slice(1)}`] = (...args) =>
        this.#call(method, args.slice(0, method.in.length), args[method.in.length] as CallOptions | undefined);
    this.methods = methods as unknown as Client<S>;
  }

  async property<N extends keyof S['properties'] & string>(
    name: N,
    options?: CallOptions,
  ): Promise<S['properties'][N]> {
    const property = this.#descriptor.properties[name];
    if (property === undefined) throw new TypeError(`${this.#descriptor.name} has no property ${name}`);
    const reply = await this.#bus.call(
      {
        destination: this.destination,
        path: this.path,
        interface: 'org.freedesktop.DBus.Properties',
        member: 'Get',
        signature: 'ss',
        body: [this.#descriptor.name, name],
      },
      options,
    );
    const { signature, value } = (reply.body ?? [])[0] as Variant;
    if (signature !== property.type)
      throw new CallError('org.freedesktop.DBus.Error.InvalidSignature', `${name} has type ${signature}`);
    return codecFor(property.type, property.dictionary).decode(value, { fds: [] }) as S['properties'][N];
  }

  /** Calls `handler` for each such signal of this object, sent by the one we talk to, until disposed. */
  subscribe<N extends keyof S['signals'] & string>(
    name: N,
    handler: (...args: [...S['signals'][N]]) => void,
    options?: CallOptions,
  ): Promise<AsyncDisposable> {
    const signal = this.#descriptor.signals[name];
    if (signal === undefined) throw new TypeError(`${this.#descriptor.name} has no signal ${name}`);
    const expected = signal.args.map(({ type }) => type).join('');
    return this.#bus.subscriptions.subscribe(
      { sender: this.destination, path: this.path, interface: this.#descriptor.name, member: name },
      (message) => {
        if ((message.signature ?? '') !== expected) return;
        const values = decodeBody(signal.args, message.body ?? [], { fds: message.fds ?? [] });
        handler(...(values as [...S['signals'][N]]));
      },
      options,
    );
  }

  async #call(method: MethodDescriptor, args: readonly unknown[], options?: CallOptions): Promise<unknown> {
    const descriptors = { fds: [] as number[] };
    const body = encodeBody(method.in, args, descriptors);
    const reply = await this.#bus.call(
      {
        destination: this.destination,
        path: this.path,
        interface: this.#descriptor.name,
        member: method.name,
        ...(method.in.length > 0 ? { signature: method.in.map(({ type }) => type).join(''), body } : {}),
        fds: descriptors.fds.map(duplicate),
      },
      options,
    );
    const expected = method.out.map(({ type }) => type).join('');
    if ((reply.signature ?? '') !== expected) {
      closeFds(reply);
      throw new CallError(
        'org.freedesktop.DBus.Error.InvalidSignature',
        `${method.name} answered '${reply.signature ?? ''}', expected '${expected}'`,
      );
    }
    const values = decodeBody(method.out, reply.body ?? [], { fds: reply.fds ?? [] });
    return method.out.length === 1 ? values[0] : method.out.length === 0 ? undefined : values;
  }
}
