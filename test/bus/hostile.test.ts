import assert from 'node:assert/strict';
import { closeSync, readFileSync } from 'node:fs';
import { Bus } from '../../src/bus/bus.js';
import { pipe } from '../../src/bus/native/descriptors.js';
import { RemoteObject } from '../../src/bus/remote-object.js';
import { Variant } from '../../src/bus/variant.js';
import { descriptorsOpen } from './descriptors-open.js';
import { PrivateBus } from './private-bus.js';
import { RawPeer } from './raw-peer.js';
import { type Sample, SampleService, sample } from './sample.js';

const CALL = 1;
const NO_REPLY_EXPECTED = 1;

describe('hostile and vanishing peers', () => {
  let daemon: PrivateBus;
  let serviceBus: Bus;
  let clientBus: Bus;
  let service: SampleService;
  let remote: RemoteObject<Sample>;
  let peer: RawPeer;

  const call = (member: string, signature = '', body: unknown[] = []) => ({
    type: CALL,
    destination: serviceBus.name,
    path: '/sample',
    interface: sample.name,
    member,
    ...(signature === '' ? {} : { signature, body }),
  });
  /** Fulfilled when the service has handled all that this peer sent before. */
  const handled = () => peer.ask(call('WhoAmI'));

  beforeEach(async () => {
    daemon = await PrivateBus.start();
    serviceBus = await Bus.connect(daemon.address);
    clientBus = await Bus.connect(daemon.address);
    service = new SampleService(serviceBus);
    remote = new RemoteObject(clientBus, sample, serviceBus.name, '/sample');
    peer = await RawPeer.connect(daemon.address);
  });

  afterEach(async () => {
    peer[Symbol.dispose]();
    await clientBus[Symbol.asyncDispose]();
    await serviceBus[Symbol.asyncDispose]();
    await daemon[Symbol.asyncDispose]();
  });

  it('passes a descriptor there and back', async () => {
    const [reading, writing] = pipe();
    const echoed = await remote.methods.passDescriptor(reading);
    assert.notEqual(echoed, reading);
    assert.equal(
      readFileSync(`/proc/self/fdinfo/${echoed}`, 'utf8'),
      readFileSync(`/proc/self/fdinfo/${reading}`, 'utf8'),
    );
    const all = await remote.methods.passDescriptors(Array(16).fill(writing));
    assert.equal(new Set(all).size, 16);
    for (const fd of [reading, writing, echoed, ...all]) closeSync(fd);
  });

  it('keeps no descriptor of 1000 that went and came', async () => {
    const [reading, writing] = pipe();
    closeSync(await remote.methods.passDescriptor(reading));
    const before = descriptorsOpen();
    for (let i = 0; i < 1000; i++) closeSync(await remote.methods.passDescriptor(reading));
    assert.equal(descriptorsOpen(), before);
    for (const fd of [reading, writing]) closeSync(fd);
  });

  it('keeps no descriptor of 300 calls that are refused', async () => {
    const [reading, writing] = pipe();
    const fds = Array(16).fill(reading);
    const indices = fds.map((_, i) => i);
    await handled();
    const before = descriptorsOpen();
    for (let i = 0; i < 60; i++) {
      peer.send({ ...call('Forbidden', 'ah', [indices]), fds });
      peer.send({ ...call('Nothing', 'ah', [indices]), fds });
      peer.send({ ...call('Echo', 'ah', [indices]), fds });
      peer.send({ ...call('WhoAmI'), fds, flags: NO_REPLY_EXPECTED });
      peer.send({ ...call('PassDescriptors', 'ah', [[99]]), fds });
      await handled();
    }
    assert.equal(descriptorsOpen(), before);
    for (const fd of [reading, writing]) closeSync(fd);
  });

  it('refuses descriptors in variants, however deep: handlers cannot know how long those live', async () => {
    const [reading, writing] = pipe();
    await handled();
    const before = descriptorsOpen();
    const inside = (signature: string, value: unknown) => new Variant(signature, value);
    const values = [inside('h', 0), inside('ah', [0]), inside('v', inside('(sv)', ['x', inside('h', 0)]))];
    for (const value of values) {
      const answer = await peer.ask({ ...call('Reflect', 'v', [value]), fds: [reading] });
      assert.equal(answer.errorName, 'org.freedesktop.DBus.Error.InvalidArgs');
      const options = [['key', value]];
      const other = await peer.ask({ ...call('Echo', 'sa{sv}', ['x', options]), fds: [reading] });
      assert.equal(other.errorName, 'org.freedesktop.DBus.Error.InvalidArgs');
    }
    assert.deepEqual([service.calls, descriptorsOpen()], [[], before]);
    for (const fd of [reading, writing]) closeSync(fd);
  });

  it('keeps no descriptor of signals and of answers to nothing', async () => {
    const [reading, writing] = pipe();
    await handled();
    const before = descriptorsOpen();
    const { path } = call('');
    for (let i = 0; i < 100; i++) {
      peer.send({
        type: 4,
        destination: serviceBus.name,
        path,
        interface: 'a.b',
        member: 'C',
        fds: [reading, writing],
      });
      peer.send({ type: 2, destination: serviceBus.name, replySerial: 7, fds: [reading] });
      peer.send({ type: 3, destination: serviceBus.name, replySerial: 7, errorName: 'a.b', fds: [reading] });
      peer.send({ ...call('PassDescriptor', 'h', [0]), fds: [reading], flags: NO_REPLY_EXPECTED });
      await handled();
    }
    assert.equal(descriptorsOpen(), before);
    for (const fd of [reading, writing]) closeSync(fd);
  });

  it('keeps no descriptor of answers that are not as promised', async () => {
    const [reading, writing] = pipe();
    const fds = [reading, writing];
    const liar = new RemoteObject(clientBus, sample, peer.name, '/sample');
    const answers: [string, unknown[]][] = [
      ['s', ['none']],
      ['h', [7]],
      ['hh', [0, 1]],
      ['', []],
    ];
    const before = descriptorsOpen();
    const invalid = { name: 'CallError', dbusName: 'org.freedesktop.DBus.Error.InvalidSignature' };
    const answer = (signature: string, body: unknown[]) =>
      peer.once('message', ({ serial, sender }) =>
        peer.send({ type: 2, destination: sender, replySerial: serial, ...(signature && { signature, body }), fds }),
      );
    for (const [signature, body] of answers) {
      answer(signature, body);
      await assert.rejects(liar.methods.passDescriptor(reading), invalid);
    }
    answer('ah', [[0, 0]]);
    await assert.rejects(liar.methods.passDescriptors([]), invalid);
    answer('v', [new Variant('s', 'none')]);
    await assert.rejects(liar.property('Count'), invalid);
    assert.equal(descriptorsOpen(), before);
    // More descriptors than the answer names: the rest is nobody's.
    answer('h', [1]);
    closeSync(await liar.methods.passDescriptor(reading));
    assert.equal(descriptorsOpen(), before);
    for (const fd of fds) closeSync(fd);
  });

  it('reads messages in the other byte order', async () => {
    const prefix = 'B\x01\0\x01\0\0\0\0\0\0\0\x63';
    const field = (code: number, type: string, value: string): Buffer => {
      const length = Buffer.alloc(4);
      length.writeUInt32BE(value.length);
      const bytes = Buffer.concat([Buffer.of(code, 1), Buffer.from(`${type}\0`), length, Buffer.from(`${value}\0`)]);
      return Buffer.concat([bytes, Buffer.alloc(-bytes.length & 7)]);
    };
    const fields = Buffer.concat([
      field(1, 'o', '/sample'),
      field(3, 's', 'WhoAmI'),
      field(2, 's', sample.name),
      field(6, 's', serviceBus.name),
    ]);
    const length = Buffer.alloc(4);
    length.writeUInt32BE(fields.length - (-(serviceBus.name.length + 9) & 7));
    const answer = peer.answer(0x63);
    peer.sendBytes(Buffer.concat([Buffer.from(prefix, 'latin1'), length, fields]));
    assert.deepEqual((await answer).body, [peer.name, process.getuid?.()]);
  });

  it('does not answer who expects no reply', async () => {
    const heard: unknown[] = [];
    peer.on('message', ({ replySerial }) => heard.push(replySerial));
    peer.send({ ...call('Echo', 'sa{sv}', ['quiet', []]), flags: NO_REPLY_EXPECTED });
    peer.send({ ...call('Nothing'), flags: NO_REPLY_EXPECTED });
    const last = peer.send(call('WhoAmI'));
    await peer.answer(last);
    assert.deepEqual(service.calls, ['quiet']);
    assert.deepEqual(heard, [last]);
  });

  it('takes no notice of signals that claim to be from somebody else', async () => {
    const heard: string[] = [];
    await remote.subscribe('Happened', (what) => heard.push(what));
    peer.send({
      type: 4,
      destination: clientBus.name,
      path: '/sample',
      interface: sample.name,
      member: 'Happened',
      signature: 's',
      body: ['forged'],
    });
    await handled();
    service.object.emit(sample, 'Happened', ['true']);
    await remote.methods.whoAmI();
    assert.deepEqual(heard, ['true']);
  });

  it('takes no notice of signals whose values break the schema', async () => {
    const heard: unknown[] = [];
    const liar = new RemoteObject(clientBus, sample, peer.name, '/sample');
    await liar.subscribe('LayoutChanged', (monitors) => heard.push(monitors));
    const signal = { type: 4, path: '/sample', interface: sample.name, member: 'LayoutChanged', signature: 'aa{sv}' };
    peer.send({ ...signal, body: [[[['colour', new Variant('s', 'red')]]]] });
    peer.send({ ...signal, signature: 's', body: ['x'] });
    peer.send({ ...signal, body: [[]] });
    await handled();
    await remote.methods.whoAmI();
    assert.deepEqual(heard, [[]]);
  });

  it('survives a listener that throws, and tells the others', async () => {
    const { error } = console;
    const logged: unknown[] = [];
    console.error = (...text) => logged.push(...text);
    const heard: string[] = [];
    await remote.subscribe('Happened', () => {
      throw new Error('listener');
    });
    await remote.subscribe('Happened', (async () => {
      throw new Error('later');
    }) as () => void);
    await remote.subscribe('Happened', (what) => heard.push(what));
    service.object.emit(sample, 'Happened', ['once']);
    await remote.methods.whoAmI();
    console.error = error;
    assert.deepEqual(heard, ['once']);
    assert.deepEqual(
      logged.map((one) => (one as Error).message),
      ['listener', 'later'],
    );
  });

  it('closes what a caller brought when its handler has settled, also if the caller left', async () => {
    const [reading, writing] = pipe();
    await handled();
    const before = descriptorsOpen();
    peer.send({ ...call('Wait', 'h', [0]), fds: [reading] });
    await service.waiting;
    assert.equal(descriptorsOpen(), before + 1);
    const left = new Promise<void>((resolve) => void serviceBus.subscriptions.watchName(peer.name, resolve));
    peer[Symbol.dispose]();
    await left;
    service.release();
    await remote.methods.whoAmI();
    // The peer's own socket is closed as well by now.
    assert.equal(descriptorsOpen(), before - 1);
    for (const fd of [reading, writing]) closeSync(fd);
    peer = await RawPeer.connect(daemon.address);
  });

  it('survives callers that leave before they are known', async () => {
    for (let i = 0; i < 50; i++) {
      const hasty = await RawPeer.connect(daemon.address);
      for (let n = 0; n < 20; n++) hasty.send(call('WhoAmI'));
      hasty[Symbol.dispose]();
    }
    assert.deepEqual(await remote.methods.whoAmI(), [clientBus.name, process.getuid?.()]);
  });
});
