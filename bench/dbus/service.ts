import { Bus } from '../../src/bus/bus.js';
import type { InterfaceDescriptor } from '../../src/bus/descriptor.js';
import { DRIVER } from '../../src/bus/driver.js';
import { ExportedObject } from '../../src/bus/exported-object.js';
import type { ConnectOptions } from '../../src/bus/generated/dictionaries.js';
import { duplicate } from '../../src/bus/native/descriptors.js';
import { type Bouncer, ObjectTree } from '../../src/bus/object-tree.js';
import { NotAuthorized } from '../../src/errors.js';

/** The calls of gdbus-service.c answered as the product answers: callers identified, rights and options checked. */

type Bench = {
  methods: {
    Echo: { in: [text: string, options: ConnectOptions]; out: [text: string, options: ConnectOptions] };
    Payload: { in: [bytes: Buffer]; out: [bytes: Buffer] };
    PassDescriptor: { in: [fd: number]; out: [fd: number] };
  };
  properties: Record<never, never>;
  signals: Record<never, never>;
};

const text = { name: 'text', type: 's' };
const options = { name: 'options', type: 'a{sv}', dictionary: 'ConnectOptions' } as const;
const bytes = { name: 'bytes', type: 'ay' };
const descriptor = { name: 'descriptor', type: 'h' };

const bench: InterfaceDescriptor<Bench> = {
  name: 'org.example.Bench',
  methods: {
    Echo: { name: 'Echo', in: [text, options], out: [text, options], access: ['user'] },
    Payload: { name: 'Payload', in: [bytes], out: [bytes], access: ['user'] },
    PassDescriptor: { name: 'PassDescriptor', in: [descriptor], out: [descriptor], access: ['user'] },
  },
  properties: {},
  signals: {},
  introspection: '',
};

const bouncer: Bouncer = {
  async admit(request) {
    if (!(await this.sees(request))) throw new NotAuthorized('not yours');
  },
  async sees({ object, interface: iface, member, args, caller }) {
    return (await object.subject(iface, member, args, caller)).uid === caller.uid;
  },
};

const [address = '', name = ''] = process.argv.slice(2);
const bus = await Bus.connect(address);
const tree = new ObjectTree(bus, bouncer);
const uid = process.getuid?.() ?? 0;
tree.add(
  new ExportedObject(bus, '/bench', () => ({ uid })).implement(
    bench,
    {
      echo: (_caller, said, given) => [said, given],
      payload: (_caller, given) => given,
      passDescriptor: (_caller, given) => duplicate(given),
    },
    {},
  ),
);
await bus.call({ ...DRIVER, member: 'RequestName', signature: 'su', body: [name, 0] });
console.log(name);
