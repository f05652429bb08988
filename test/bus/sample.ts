import type { Bus } from '../../src/bus/bus.js';
import type { Caller } from '../../src/bus/caller.js';
import type { InterfaceDescriptor } from '../../src/bus/descriptor.js';
import { ExportedObject } from '../../src/bus/exported-object.js';
import type { Monitor } from '../../src/bus/generated/dictionaries.js';
import { duplicate } from '../../src/bus/native/descriptors.js';
import { type AccessRequest, type Bouncer, ObjectTree } from '../../src/bus/object-tree.js';
import type { Variant } from '../../src/bus/variant.js';
import { InvalidLayout, NotAuthorized } from '../../src/errors.js';

/** An interface with a member of each kind that the bus code treats differently. */
export type Sample = {
  methods: {
    Echo: { in: [text: string, options: Map<string, Variant>]; out: [text: string, options: Map<string, Variant>] };
    Payload: { in: [bytes: Buffer]; out: [bytes: Buffer] };
    PassDescriptor: { in: [fd: number]; out: [fd: number] };
    PassDescriptors: { in: [fds: number[]]; out: [fds: number[]] };
    Reflect: { in: [value: Variant]; out: [value: Variant] };
    Numbers: { in: [bigint, bigint, number, boolean]; out: [bigint, bigint, number, boolean] };
    Layout: { in: [monitors: Monitor[]]; out: [monitors: Monitor[]] };
    Fail: { in: [how: string]; out: [string] };
    Wait: { in: [fd: number]; out: [] };
    WhoAmI: { in: []; out: [name: string, uid: number] };
    Forbidden: { in: [fds: number[]]; out: [] };
  };
  properties: { Count: number; Secret: string; Lazy: string; Fixed: string };
  signals: { Happened: [what: string]; Whispered: [what: string]; LayoutChanged: [monitors: Monitor[]] };
};

const method = (name: string, takes: string[], gives: string[], access: 'anyone' | 'owner' = 'anyone') => ({
  name,
  in: takes.map((type, i) => ({ name: `in${i}`, type })),
  out: gives.map((type, i) => ({ name: `out${i}`, type })),
  access: [access],
});
const property = (name: string, type: string, emits: 'true' | 'invalidates' | 'const', access: 'anyone' | 'owner') => ({
  name,
  type,
  writable: false,
  emits,
  access: [access],
});

const MONITORS = { name: 'monitors', type: 'aa{sv}', dictionary: 'Monitor' } as const;

export const sample: InterfaceDescriptor<Sample> = {
  name: 'org.example.Sample',
  methods: {
    Echo: method('Echo', ['s', 'a{sv}'], ['s', 'a{sv}']),
    Payload: method('Payload', ['ay'], ['ay']),
    PassDescriptor: method('PassDescriptor', ['h'], ['h']),
    PassDescriptors: method('PassDescriptors', ['ah'], ['ah']),
    Reflect: method('Reflect', ['v'], ['v']),
    Numbers: method('Numbers', ['x', 't', 'd', 'b'], ['x', 't', 'd', 'b']),
    Layout: { name: 'Layout', in: [MONITORS], out: [MONITORS], access: ['anyone'] },
    Fail: method('Fail', ['s'], ['s']),
    Wait: method('Wait', ['h'], []),
    WhoAmI: method('WhoAmI', [], ['s', 'u']),
    Forbidden: method('Forbidden', ['ah'], [], 'owner'),
  },
  properties: {
    Count: property('Count', 'u', 'true', 'anyone'),
    Secret: property('Secret', 's', 'true', 'owner'),
    Lazy: property('Lazy', 's', 'invalidates', 'anyone'),
    Fixed: property('Fixed', 's', 'const', 'anyone'),
  },
  signals: {
    Happened: { name: 'Happened', args: [{ name: 'what', type: 's' }], to: 'everyone' },
    Whispered: { name: 'Whispered', args: [{ name: 'what', type: 's' }], to: 'owner' },
    LayoutChanged: { name: 'LayoutChanged', args: [MONITORS], to: 'everyone' },
  },
  introspection: `  <interface name="org.example.Sample">
    <method name="Echo">
      <arg name="text" type="s" direction="in"/><arg name="options" type="a{sv}" direction="in"/>
      <arg name="text" type="s" direction="out"/><arg name="options" type="a{sv}" direction="out"/>
    </method>
    <property name="Count" type="u" access="read"/>
  </interface>`,
};

/** Admits to what is for anyone, and its owner to the rest. */
class SampleBouncer implements Bouncer {
  async admit(request: AccessRequest): Promise<void> {
    if (!(await this.sees(request))) throw new NotAuthorized('not yours');
  }

  async sees({ access, object, interface: iface, member, args, caller }: AccessRequest): Promise<boolean> {
    const { owner } = await object.subject(iface, member, args, caller);
    return access.includes('anyone') || (access.includes('owner') && owner === caller.name);
  }
}

/** A service with a Sample at /sample and one that belongs to nobody we know at /sample/other. */
export class SampleService {
  readonly tree: ObjectTree;
  readonly object: ExportedObject;
  readonly other: ExportedObject;
  readonly calls: string[] = [];
  /** Settles what Wait waits for. */
  release = (): void => {};
  /** Fulfilled when a Wait has begun. */
  readonly waiting: Promise<void>;
  owner: string | undefined;
  count = 0;

  constructor(bus: Bus) {
    this.tree = new ObjectTree(bus, new SampleBouncer(), '/sample');
    this.object = this.#implement(new ExportedObject(bus, '/sample', () => this.#subject()));
    this.other = this.#implement(new ExportedObject(bus, '/sample/other'));
    let begun = (): void => {};
    this.waiting = new Promise((resolve) => {
      begun = resolve;
    });
    this.#begun = begun;
    this.tree.add(this.object);
    this.tree.add(this.other);
  }

  readonly #begun: () => void;

  #subject(): { owner?: string } {
    return this.owner === undefined ? {} : { owner: this.owner };
  }

  #implement(object: ExportedObject): ExportedObject {
    return object.implement(
      sample,
      {
        echo: (_caller, text, options) => {
          this.calls.push(text);
          return [text, options];
        },
        payload: (_caller, bytes) => bytes,
        passDescriptor: (_caller, fd) => duplicate(fd),
        passDescriptors: (_caller, fds) => fds.map(duplicate),
        reflect: (_caller, value) => value,
        numbers: (_caller, ...numbers) => numbers,
        layout: (_caller, monitors) => monitors,
        fail: (_caller, how) => fail(how),
        wait: () => {
          this.#begun();
          return new Promise((resolve) => {
            this.release = resolve;
          });
        },
        whoAmI: ({ name, uid }: Caller) => [name, uid],
        forbidden: () => {},
      },
      { Count: () => this.count, Secret: () => 'hush', Lazy: () => 'lazy', Fixed: () => 'fixed' },
    );
  }
}

function fail(how: string): string {
  if (how === 'named') throw new InvalidLayout('monitors overlap');
  if (how === 'named badly') throw new InvalidLayout('a\0b');
  if (how === 'bug') throw new Error('the password is hunter2');
  if (how === 'wrong type') return 42 as unknown as string;
  if (how === 'no string') return 'a\0b';
  return how;
}
