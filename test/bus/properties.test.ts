import assert from 'node:assert/strict';
import { Bus } from '../../src/bus/bus.js';
import { ExportedObject } from '../../src/bus/exported-object.js';
import type { Message } from '../../src/bus/message.js';
import { RemoteObject } from '../../src/bus/remote-object.js';
import { PrivateBus } from './private-bus.js';
import { type Sample, SampleService, sample } from './sample.js';

describe('properties and managed objects', () => {
  let daemon: PrivateBus;
  let serviceBus: Bus;
  let clientBus: Bus;
  let service: SampleService;
  let remote: RemoteObject<Sample>;

  const denied = { dbusName: 'org.freedesktop.RemoteAccess.Error.NotAuthorized' };
  const ask = (iface: string, member: string, signature = '', body: unknown[] = []) =>
    clientBus.call({ destination: serviceBus.name, path: '/sample', interface: iface, member, signature, body });
  /** The next such signal, raw. */
  const next = (iface: string, member: string, path = '/sample'): Promise<Message> =>
    new Promise((resolve, reject) => {
      const rule = { sender: serviceBus.name, path, interface: iface, member };
      const subscribed = clientBus.subscriptions.subscribe(rule, async (message) => {
        await (await subscribed)[Symbol.asyncDispose]();
        resolve(message);
      });
      subscribed.catch(reject);
    });
  const settled = () =>
    clientBus.call({ destination: serviceBus.name, path: '/', interface: 'org.freedesktop.DBus.Peer', member: 'Ping' });

  beforeEach(async () => {
    daemon = await PrivateBus.start();
    serviceBus = await Bus.connect(daemon.address);
    clientBus = await Bus.connect(daemon.address);
    service = new SampleService(serviceBus);
    remote = new RemoteObject(clientBus, sample, serviceBus.name, '/sample');
  });

  afterEach(async () => {
    await clientBus[Symbol.asyncDispose]();
    await serviceBus[Symbol.asyncDispose]();
    await daemon[Symbol.asyncDispose]();
  });

  it('reads a property for whom its rule admits', async () => {
    service.count = 3;
    assert.equal(await remote.property('Count'), 3);
    await assert.rejects(remote.property('Secret'), denied);
    service.owner = clientBus.name;
    assert.equal(await remote.property('Secret'), 'hush');
  });

  it('tells a property to who watches it, now and at each change, until they do no more', async () => {
    const told: number[] = [];
    let more: () => void = () => {};
    const watch = await remote.watch('Count', (count) => {
      told.push(count);
      more();
    });
    assert.deepEqual(told, [0]);
    service.count = 4;
    const again = new Promise<void>((resolve) => {
      more = resolve;
    });
    service.object.changed(sample, ['Count']);
    await again;
    await watch[Symbol.asyncDispose]();
    service.count = 5;
    service.object.changed(sample, ['Count']);
    await settled();
    assert.deepEqual(told, [0, 4]);
    await assert.rejects(
      remote.watch('Secret', () => assert.fail('it may not be read')),
      denied,
    );
  });

  it('gives all properties to who may read every one', async () => {
    await assert.rejects(ask('org.freedesktop.DBus.Properties', 'GetAll', 's', [sample.name]), denied);
    service.owner = clientBus.name;
    const { body = [] } = await ask('org.freedesktop.DBus.Properties', 'GetAll', 's', [sample.name]);
    assert.deepEqual(
      (body[0] as [string][]).map(([name]) => name),
      ['Count', 'Secret', 'Lazy', 'Fixed'],
    );
  });

  it('lists to each caller the objects that it may see', async () => {
    const managed = async () => (await ask('org.freedesktop.DBus.ObjectManager', 'GetManagedObjects')).body?.[0];
    assert.deepEqual(await managed(), []);
    service.tree.remove(service.other);
    const mine = new ExportedObject(serviceBus, '/sample/mine', () => ({ owner: clientBus.name }));
    const implementation = service.object.interfaces.get(sample.name);
    assert.ok(implementation);
    mine.interfaces.set(sample.name, implementation);
    service.tree.add(mine);
    assert.equal(((await managed()) as [string][])[0]?.[0], '/sample/mine');
  });

  it('announces objects by name to everybody', async () => {
    const added = next('org.freedesktop.DBus.ObjectManager', 'InterfacesAdded');
    const removed = next('org.freedesktop.DBus.ObjectManager', 'InterfacesRemoved');
    await settled();
    service.tree.remove(service.other);
    service.tree.add(service.other);
    assert.deepEqual([...((await added).body as unknown[])], ['/sample/other', [[sample.name, []]]]);
    assert.deepEqual((await removed).body, ['/sample/other', [sample.name]]);
  });

  it('tells changes once a turn, without what not everybody may read', async () => {
    const changed = next('org.freedesktop.DBus.Properties', 'PropertiesChanged');
    await settled();
    service.object.changed(sample, ['Count', 'Secret']);
    service.count = 9;
    service.object.changed(sample, ['Count', 'Lazy', 'Fixed']);
    const [iface, values, invalidated] = (await changed).body as [string, [string, { value: unknown }][], string[]];
    assert.equal(iface, sample.name);
    assert.deepEqual(
      values.map(([name, { value }]) => [name, value]),
      [['Count', 9]],
    );
    assert.deepEqual(invalidated, ['Secret', 'Lazy']);
  });

  it('tells an owner the values and others not even that there are some', async () => {
    const stranger = await Bus.connect(daemon.address);
    const heard: unknown[] = [];
    const rule = {
      sender: serviceBus.name,
      path: '/sample',
      interface: 'org.freedesktop.DBus.Properties',
      member: 'PropertiesChanged',
    };
    await stranger.subscriptions.subscribe(rule, ({ body }) => heard.push(body));
    const changed = next(rule.interface, rule.member);
    await settled();
    service.object.changed(sample, ['Secret'], clientBus.name);
    service.object.changed(sample, ['Lazy'], stranger.name);
    const [, values] = (await changed).body as [string, [string, { value: unknown }][]];
    assert.deepEqual(
      values.map(([name, { value }]) => [name, value]),
      [['Secret', 'hush']],
    );
    await stranger.call({
      destination: serviceBus.name,
      path: '/',
      interface: 'org.freedesktop.DBus.Peer',
      member: 'Ping',
    });
    assert.deepEqual(heard, [[sample.name, [], ['Lazy']]]);
    await stranger[Symbol.asyncDispose]();
  });

  it('survives a getter that fails', async () => {
    const { error } = console;
    const logged = new Promise((resolve) => {
      console.error = resolve;
    });
    const broken = service.object.interfaces.get(sample.name);
    assert.ok(broken);
    service.object.interfaces.set(sample.name, { ...broken, properties: { Count: () => 'not a number' } });
    service.object.changed(sample, ['Count']);
    assert.ok((await logged) instanceof Error);
    console.error = error;
    await settled();
  });
});
