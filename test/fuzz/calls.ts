import { bodyCodecFor, codecFor } from '../../src/bus/codec.js';
import type { InterfaceDescriptor, MethodDescriptor } from '../../src/bus/descriptor.js';
import { ERROR, METHOD_CALL, METHOD_RETURN, type Message, NO_REPLY_EXPECTED, SIGNAL } from '../../src/bus/message.js';
import type { Variant } from '../../src/bus/variant.js';
import type { SeededRandom } from '../unit/seeded-random.js';
import { COMMON_ERRORS, errorsOf } from './contract.js';
import { RandomValues } from './values.js';

const STANDARD = 'org.freedesktop.DBus';
const INTERACTIVE = 4;

/** An object to send messages to. */
export type Target = { destination: string; path: string; interfaces: readonly InterfaceDescriptor[] };

/** What has to come back: nothing, an error out of a set, or a return that reads as promised (else this throws). */
export type Expectation = {
  errors: ReadonlySet<string>;
  read: (reply: Message) => void;
};

export type Call = { message: Omit<Message, 'serial'>; expects: Expectation | undefined };

export type Choices = {
  targets: readonly Target[];
  /** Texts that mean something to the receiver. */
  texts: readonly string[];
  /** Descriptors to send along, which stay the caller's. */
  fds: readonly number[];
  /** How often members that are costly or end something may be called with arguments of the right types. */
  budget?: Record<string, number>;
};

/** Makes up messages: some as they should be, most of them wrong somewhere. */
export class RandomCalls {
  readonly #random: SeededRandom;
  readonly #values: RandomValues;
  readonly #choices: Choices;
  readonly #budget: Map<string, number>;

  constructor(random: SeededRandom, choices: Choices) {
    this.#random = random;
    this.#values = new RandomValues(random, [
      ...choices.texts,
      ...choices.targets.flatMap(({ path, interfaces }) => [
        path,
        ...interfaces.flatMap(({ name, properties }) => [name, ...Object.keys(properties)]),
      ]),
    ]);
    this.#choices = choices;
    this.#budget = new Map(Object.entries(choices.budget ?? {}));
  }

  next(): Call {
    const target = this.#random.pick(this.#choices.targets);
    const kind = this.#random.below(100);
    const call =
      kind < 45
        ? this.#method(target)
        : kind < 57
          ? this.#wrongTypes(target)
          : kind < 73
            ? this.#property(target)
            : kind < 81
              ? this.#standard(target)
              : kind < 93
                ? this.#nonsense(target)
                : this.#noise(target);
    return this.#flagged(call);
  }

  /** A method with arguments of its types. */
  #method(target: Target): Call {
    const iface = this.#random.pick(target.interfaces);
    const method = this.#random.pick(Object.values<MethodDescriptor>(iface.methods));
    if (!this.#mayCall(method.name)) return this.#property(target);
    const named = method.in.some(({ type }) => /[hv]/.test(type));
    const fds = this.#random.below(16) > (named ? 4 : 14) ? this.#fds() : [];
    const message = {
      ...this.#to(target, iface.name, method.name),
      ...(this.#random.below(15) === 0 ? { interface: '' } : {}),
      ...this.#body(
        method.in.map(({ type }) => type).join(''),
        method.in.map(({ type, dictionary }) => this.#values.value(type, dictionary)),
      ),
      fds,
    };
    const gives = bodyCodecFor(method.out);
    const read = ({ signature = '', body = [], fds: received = [] }: Message) => {
      if (signature !== gives.signature) throw new TypeError(`it answered '${signature}', not '${gives.signature}'`);
      gives.decode(body, { fds: received });
    };
    return { message, expects: { errors: errorsOf(iface.name, method.name), read } };
  }

  /** A known method with whatever arguments. */
  #wrongTypes(target: Target): Call {
    const iface = this.#random.pick(target.interfaces);
    const method = this.#random.pick(Object.values<MethodDescriptor>(iface.methods));
    const types = Array.from({ length: this.#random.below(4) }, () => this.#values.type());
    // By chance they may be right: what has no arguments is called with some.
    if (types.join('') === method.in.map(({ type }) => type).join('')) types.push('u');
    const values = types.map((type) => this.#values.value(type));
    const message = { ...this.#to(target, iface.name, method.name), ...this.#body(types.join(''), values) };
    if (this.#random.below(10) === 0) message.fds = this.#fds();
    return { message, expects: { errors: errorsOf(iface.name, method.name), read: never } };
  }

  #property(target: Target): Call {
    const iface = this.#random.pick(target.interfaces);
    const property = this.#random.pick(Object.values(iface.properties));
    const known = this.#random.below(4) > 0;
    const names = known ? [iface.name, property.name] : [this.#values.text(), this.#values.text()];
    const member = this.#random.pick(['Get', 'Get', 'GetAll', 'Set']);
    const to = this.#to(target, `${STANDARD}.Properties`, member);
    if (member === 'GetAll')
      return { message: { ...to, ...this.#body('s', names.slice(0, 1)) }, expects: this.#answers('a{sv}') };
    if (member === 'Set') {
      const message = { ...to, ...this.#body('ssv', [...names, this.#values.value('v')]) };
      return { message, expects: { errors: COMMON_ERRORS, read: never } };
    }
    const read = ({ signature, body = [], fds = [] }: Message) => {
      const { signature: type, value } = body[0] as Variant;
      if (signature !== 'v' || (known && type !== property.type)) throw new TypeError(`a property of type ${type}`);
      if (known) codecFor(type, property.dictionary).decode(value, { fds });
    };
    return { message: { ...to, ...this.#body('ss', names) }, expects: { errors: COMMON_ERRORS, read } };
  }

  #standard(target: Target): Call {
    const [iface, member, gives] = this.#random.pick([
      ['Introspectable', 'Introspect', 's'],
      ['ObjectManager', 'GetManagedObjects', 'a{oa{sa{sv}}}'],
      ['Peer', 'Ping', ''],
      ['Peer', 'GetMachineId', 's'],
      ['Peer', this.#values.name(), undefined],
      ['Properties', this.#values.name(), undefined],
    ] as const);
    const message = this.#to(target, `${STANDARD}.${iface}`, member);
    if (this.#random.below(5) === 0) message.path = this.#values.path();
    if (this.#random.below(6) > 0) return { message, expects: this.#answers(gives) };
    const type = this.#values.type();
    return {
      message: { ...message, ...this.#body(type, [this.#values.value(type)]) },
      expects: { errors: COMMON_ERRORS, read: never },
    };
  }

  /** A path, an interface or a member that there is not. */
  #nonsense(target: Target): Call {
    const iface = this.#random.pick(target.interfaces).name;
    const message = this.#to(target, iface, this.#values.name());
    const kind = this.#random.below(3);
    if (kind === 0) message.path = `${target.path === '/' ? '' : target.path}/${this.#values.name()}`;
    if (kind === 1) message.interface = `org.example.${this.#values.name()}`;
    const type = this.#values.type();
    // The only name of #values that a method has is Begin's, which takes two arguments.
    return {
      message: { ...message, ...this.#body(type, [this.#values.value(type)]) },
      expects: { errors: COMMON_ERRORS, read: never },
    };
  }

  /** What is no call: signals as others send them, and answers to nothing. */
  #noise({ destination, path, interfaces }: Target): Call {
    const kind = this.#random.below(4);
    const type = this.#values.type();
    const body = this.#body(type, [this.#values.value(type)]);
    const replySerial = 1 + this.#random.below(200);
    if (kind === 0) return { message: { type: METHOD_RETURN, destination, replySerial, ...body }, expects: undefined };
    if (kind === 1)
      return { message: { type: ERROR, destination, replySerial, errorName: 'a.b', ...body }, expects: undefined };
    const posing = { type: SIGNAL, destination };
    if (kind === 2) {
      const names = [this.#values.text(), ':1.1', ''];
      const lost = { path: '/org/freedesktop/DBus', interface: STANDARD, member: 'NameOwnerChanged' };
      return { message: { ...posing, ...lost, signature: 'sss', body: names }, expects: undefined };
    }
    const iface = this.#random.pick(interfaces);
    const [signal = { name: 'Happened', args: [] }] = Object.values(iface.signals);
    const types = signal.args.map((arg) => arg.type).join('');
    const values = signal.args.map((arg) => this.#values.value(arg.type));
    const message = { ...posing, path, interface: iface.name, member: signal.name, ...this.#body(types, values) };
    return { message, expects: undefined };
  }

  #flagged({ message, expects }: Call): Call {
    if (message.type !== METHOD_CALL) return { message, expects };
    const flags = this.#random.below(12) === 0 ? this.#random.pick([1, 2, INTERACTIVE, 0xf8, 0xff]) : 0;
    return { message: { ...message, flags }, expects: flags & NO_REPLY_EXPECTED ? undefined : expects };
  }

  #mayCall(member: string): boolean {
    const left = this.#budget.get(member);
    if (left === undefined) return true;
    this.#budget.set(member, Math.max(0, left - 1));
    return left > 0;
  }

  #to({ destination, path }: Target, iface: string, member: string): Omit<Message, 'serial'> {
    return { type: METHOD_CALL, destination, path, interface: iface, member };
  }

  #body(signature: string, body: unknown[]): { signature?: string; body?: unknown[] } {
    return signature === '' ? {} : { signature, body };
  }

  #fds(): number[] {
    return Array.from({ length: 1 + this.#random.below(2) }, () => this.#random.pick(this.#choices.fds));
  }

  #answers(signature: string | undefined): Expectation {
    if (signature === undefined) return { errors: COMMON_ERRORS, read: never };
    return {
      errors: COMMON_ERRORS,
      read: (reply) => {
        if ((reply.signature ?? '') !== signature)
          throw new TypeError(`it answered '${reply.signature}', not '${signature}'`);
      },
    };
  }
}

function never(): never {
  throw new TypeError('it returned, and should have been refused');
}
