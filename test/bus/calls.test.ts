import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { Bus } from '../../src/bus/bus.js';
import { RemoteObject } from '../../src/bus/remote-object.js';
import { Variant } from '../../src/bus/variant.js';
import { PrivateBus } from './private-bus.js';
import { type Sample, SampleService, sample } from './sample.js';

const run = promisify(execFile);

describe('a service on a bus', () => {
  let daemon: PrivateBus;
  let serviceBus: Bus;
  let clientBus: Bus;
  let remote: RemoteObject<Sample>;

  const refusal = (dbusName: string, text?: string) => (error: { dbusName?: string; text?: string }) => {
    assert.equal(error.dbusName, dbusName);
    if (text !== undefined) assert.equal(error.text, text);
    return true;
  };

  const call = (path: string, iface: string | undefined, member: string, signature = '', body: unknown[] = []) =>
    clientBus.call({ destination: serviceBus.name, path, interface: iface as string, member, signature, body });

  before(async () => {
    daemon = await PrivateBus.start();
    serviceBus = await Bus.connect(daemon.address);
    clientBus = await Bus.connect(daemon.address);
    new SampleService(serviceBus);
    remote = new RemoteObject(clientBus, sample, serviceBus.name, '/sample');
  });

  after(async () => {
    await clientBus[Symbol.asyncDispose]();
    await serviceBus[Symbol.asyncDispose]();
    await daemon[Symbol.asyncDispose]();
  });

  it('answers typed calls', async () => {
    const options = new Map([['key', new Variant('(uas)', [7, ['a', 'b']])]]);
    assert.deepEqual(await remote.methods.echo('grüße', options), ['grüße', options]);
    assert.deepEqual(await remote.methods.whoAmI(), [clientBus.name, process.getuid?.()]);
  });

  it('answers a caller in the order of the calls, also while it finds out who that is', async () => {
    for (let round = 0; round < 60; round++) {
      await using bus = await Bus.connect(daemon.address);
      const caller = new RemoteObject(bus, sample, serviceBus.name, '/sample');
      const answered: number[] = [];
      const first = caller.methods.whoAmI().then(() => answered.push(1));
      for (let turns = 0; turns < round % 12; turns++) await new Promise((resolve) => setImmediate(resolve));
      await Promise.all([first, caller.methods.whoAmI().then(() => answered.push(2))]);
      assert.deepEqual(answered, [1, 2]);
    }
  });

  it('carries 64-bit integers exactly', async () => {
    const numbers: [bigint, bigint, number, boolean] = [-(2n ** 63n), 2n ** 64n - 1n, 0.1, true];
    assert.deepEqual(await remote.methods.numbers(...numbers), numbers);
  });

  it('keeps dictionary keys that are special in JavaScript', async () => {
    const options = new Map(['__proto__', 'constructor', ''].map((key) => [key, new Variant('s', key)]));
    const [, answer] = await remote.methods.echo('', options);
    assert.deepEqual(answer, options);
    assert.equal(({} as { s?: unknown }).s, undefined);
  });

  it('carries variants nested as deep as the bus allows', async () => {
    let value = new Variant('s', 'core');
    for (let depth = 0; depth < 60; depth++) value = new Variant<never>('v', value as never) as never;
    assert.deepEqual(await remote.methods.reflect(value), value);
  });

  it('carries bodies as large as the bus allows', async () => {
    const bytes = Buffer.alloc(32 * 1024 * 1024 - 4096, 'ß');
    assert.ok(bytes.equals(await remote.methods.payload(bytes)));
  });

  it('refuses bodies of more values than anybody needs', async () => {
    const many = new Variant('ab', Array(100_000).fill(true));
    await assert.rejects(remote.methods.reflect(many), refusal('org.freedesktop.DBus.Error.InvalidArgs'));
  });

  it('converts dictionaries that a schema describes and refuses what it does not know', async () => {
    const monitor = { id: 'left', size: [1280, 720], position: [0, 0], scale: 1, primary: true } as const;
    const [answer] = await remote.methods.layout([{ ...monitor, size: [1280, 720], position: [0, 0] }]);
    assert.deepEqual({ ...answer }, monitor);
    const unknown = [[[['colour', new Variant('s', 'red')]]]];
    await assert.rejects(
      call('/sample', sample.name, 'Layout', 'aa{sv}', unknown),
      refusal('org.freedesktop.DBus.Error.InvalidArgs', "unknown key 'colour'"),
    );
  });

  it('answers calls that name no interface', async () => {
    const reply = await call('/sample', undefined, 'WhoAmI');
    assert.equal(reply.body?.[0], clientBus.name);
  });

  for (const [what, path, iface, member, signature, body, error] of [
    ['an unknown object', '/nowhere', 'org.example.Sample', 'WhoAmI', '', [], 'UnknownObject'],
    ['an unknown interface', '/sample', 'org.example.Other', 'WhoAmI', '', [], 'UnknownInterface'],
    ['an unknown method', '/sample', 'org.example.Sample', 'Nothing', '', [], 'UnknownMethod'],
    ['a member of every JavaScript object', '/sample', 'org.example.Sample', 'constructor', '', [], 'UnknownMethod'],
    ['an unknown method without interface', '/sample', undefined, 'toString', '', [], 'UnknownMethod'],
    ['too few arguments', '/sample', 'org.example.Sample', 'Echo', 's', ['a'], 'InvalidArgs'],
    ['arguments where there are none', '/sample', 'org.example.Sample', 'WhoAmI', 's', ['a'], 'InvalidArgs'],
    ['arguments of another type', '/sample', 'org.example.Sample', 'Payload', 's', ['a'], 'InvalidArgs'],
    ['arguments to Ping', '/sample', 'org.freedesktop.DBus.Peer', 'Ping', 's', ['a'], 'InvalidArgs'],
    ['an unknown method of Peer', '/sample', 'org.freedesktop.DBus.Peer', 'Pong', '', [], 'UnknownMethod'],
    ['Introspect of nothing', '/nowhere', 'org.freedesktop.DBus.Introspectable', 'Introspect', '', [], 'UnknownObject'],
    ['Get without arguments', '/sample', 'org.freedesktop.DBus.Properties', 'Get', '', [], 'InvalidArgs'],
    [
      'Get of no property',
      '/sample',
      'org.freedesktop.DBus.Properties',
      'Get',
      'ss',
      ['org.example.Sample', 'toString'],
      'UnknownProperty',
    ],
    [
      'GetAll of no interface',
      '/sample',
      'org.freedesktop.DBus.Properties',
      'GetAll',
      's',
      ['a.b'],
      'UnknownInterface',
    ],
    ['an unknown method of Properties', '/sample', 'org.freedesktop.DBus.Properties', 'Steal', '', [], 'UnknownMethod'],
    [
      'a wrong argument to GetManagedObjects',
      '/sample',
      'org.freedesktop.DBus.ObjectManager',
      'GetManagedObjects',
      's',
      [''],
      'InvalidArgs',
    ],
    [
      'Set',
      '/sample',
      'org.freedesktop.DBus.Properties',
      'Set',
      'ssv',
      ['org.example.Sample', 'Count', new Variant('u', 1)],
      'PropertyReadOnly',
    ],
  ] as const)
    it(`refuses ${what} with ${error}`, async () => {
      await assert.rejects(
        call(path, iface, member, signature, [...body]),
        refusal(`org.freedesktop.DBus.Error.${error}`),
      );
    });

  it('tells named errors of a handler and nothing of others', async () => {
    const failed = 'org.freedesktop.DBus.Error.Failed';
    const overlap = refusal('org.freedesktop.RemoteAccess.Error.InvalidLayout', 'monitors overlap');
    await assert.rejects(remote.methods.fail('named'), overlap);
    const { error } = console;
    const logged: unknown[] = [];
    console.error = (...text) => logged.push(...text);
    try {
      await assert.rejects(remote.methods.fail('bug'), refusal(failed, 'internal error'));
      // What cannot be sent, as an answer or as an error's text, still becomes an answer.
      await assert.rejects(remote.methods.fail('wrong type'), refusal(failed, 'internal error'));
      await assert.rejects(remote.methods.fail('no string'), refusal(failed, 'internal error'));
      await assert.rejects(remote.methods.fail('named badly'), refusal(failed, 'internal error'));
    } finally {
      console.error = error;
    }
    assert.equal(logged.length, 4);
    assert.doesNotMatch(logged.slice(1).map(String).join(), /42/);
  });

  it('asks the bouncer before the handler', async () => {
    await assert.rejects(
      remote.methods.forbidden([]),
      refusal('org.freedesktop.RemoteAccess.Error.NotAuthorized', 'not yours'),
    );
  });

  it('answers gdbus', async () => {
    const args = ['--address', daemon.address, '--dest', serviceBus.name, '--object-path', '/sample'];
    const { stdout } = await run('gdbus', [
      'call',
      ...args,
      '--method',
      'org.example.Sample.Echo',
      'hello',
      '{"n": <uint32 7>, "v": <<"x">>}',
    ]);
    assert.equal(stdout, "('hello', {'n': <uint32 7>, 'v': <<'x'>>})\n");
    const { stdout: tree } = await run('gdbus', ['introspect', ...args, '--recurse']);
    assert.match(tree, /interface org\.example\.Sample/);
    assert.match(tree, /node \/sample\/other/);
  });

  it('answers busctl', async () => {
    const args = [`--address=${daemon.address}`];
    const { stdout } = await run('busctl', [
      ...args,
      '--json=short',
      'call',
      serviceBus.name,
      '/sample',
      'org.example.Sample',
      'Layout',
      'aa{sv}',
      '1',
      '5',
      'id',
      's',
      'a',
      'size',
      '(uu)',
      '640',
      '480',
      'position',
      '(ii)',
      '0',
      '0',
      'scale',
      'd',
      '1.5',
      'primary',
      'b',
      'true',
    ]);
    assert.equal(JSON.parse(stdout).type, 'aa{sv}');
    assert.equal(JSON.parse(stdout).data[0][0].scale.data, 1.5);
    const { stdout: tree } = await run('busctl', [...args, 'tree', '--list', serviceBus.name]);
    assert.deepEqual(tree.trim().split('\n'), ['/', '/sample', '/sample/other']);
  });
});
