import assert from 'node:assert/strict';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { socketNames } from '../../src/bus/address.js';
import { authenticate } from '../../src/bus/authentication.js';
import { Bus } from '../../src/bus/bus.js';
import { METHOD_CALL } from '../../src/bus/message.js';
import { connectUnix, send } from '../../src/bus/native/descriptors.js';
import { RemoteObject } from '../../src/bus/remote-object.js';
import { encodeMessage } from '../../src/bus/wire.js';
import { descriptorsOpen } from './descriptors-open.js';
import { PrivateBus } from './private-bus.js';
import { RawPeer } from './raw-peer.js';
import { type Sample, SampleService, sample } from './sample.js';

const DRIVER = {
  destination: 'org.freedesktop.DBus',
  path: '/org/freedesktop/DBus',
  interface: 'org.freedesktop.DBus',
};

describe('a connection to a bus', () => {
  let daemon: PrivateBus;

  beforeEach(async () => {
    daemon = await PrivateBus.start();
  });

  afterEach(() => daemon[Symbol.asyncDispose]());

  it('says who we are', async () => {
    await using bus = await Bus.connect(daemon.address);
    assert.match(bus.name, /^:1\.\d+$/);
  });

  it('leaves nothing open', async () => {
    await (await Bus.connect(daemon.address))[Symbol.asyncDispose]();
    const before = descriptorsOpen();
    for (let i = 0; i < 20; i++) await (await Bus.connect(daemon.address))[Symbol.asyncDispose]();
    assert.equal(descriptorsOpen(), before);
  });

  /** Connected, and with the first of these bytes sent, and nothing read: how a process may die. */
  async function leftBehind(...messages: Buffer[]): Promise<number> {
    const fd = connectUnix(socketNames(daemon.address)[0] as Buffer);
    await authenticate(fd, 10_000);
    for (const bytes of messages) assert.equal(send(fd, bytes, []), bytes.length);
    return fd;
  }

  const call = (serial: number, member: string) =>
    Buffer.concat(encodeMessage({ ...DRIVER, type: METHOD_CALL, serial, member }));

  it('is taken over from a process that died before it heard its answers', async () => {
    await using bus = await Bus.adopt(await leftBehind(call(1, 'Hello'), call(2, 'ListNames'), call(3, 'GetId')));
    await using other = await Bus.connect(daemon.address);
    assert.match(bus.name, /^:1\.\d+$/);
    const { body = [] } = await other.call({ ...DRIVER, member: 'ListNames' });
    assert.ok((body[0] as string[]).includes(bus.name));
  });

  it('is not taken over where a message was half written', async () => {
    const before = descriptorsOpen();
    for (const length of [1, 16, 40]) {
      const left = await leftBehind(call(1, 'Hello'), call(2, 'ListNames').subarray(0, length));
      await assert.rejects(Bus.adopt(left, { timeout: 500 }), { name: /^(ConnectionLost|DeadlineExceeded)$/ });
    }
    assert.equal(descriptorsOpen(), before);
  });

  it('fails where there is no bus', async () => {
    await assert.rejects(Bus.connect('unix:path=/nonexistent/bus'), { name: 'ConnectionLost' });
    await assert.rejects(Bus.connect('tcp:host=localhost,port=1'), { name: 'ConnectionLost' });
  });

  it('fails where the other side is no bus, is silent, or the wait is aborted', async () => {
    const directory = mkdtempSync(join(tmpdir(), 'no-bus-'));
    const path = join(directory, 'socket');
    const server = createServer((socket) => socket.resume()).listen(path);
    await once(server, 'listening');
    const address = `unix:path=${path}`;
    const before = descriptorsOpen();
    server.once('connection', (socket) => socket.end('REJECTED EXTERNAL\r\n'));
    await assert.rejects(Bus.connect(address), { name: 'ConnectionLost' });
    server.once('connection', (socket) => socket.end('HTTP/1.1 400 Bad Request\r\n\r\n\r\n'));
    await assert.rejects(Bus.connect(address), { name: 'ConnectionLost' });
    await assert.rejects(Bus.connect(address, { timeout: 1 }), { name: 'DeadlineExceeded' });
    const abort = new AbortController();
    const connecting = Bus.connect(address, { signal: abort.signal });
    abort.abort();
    await assert.rejects(connecting, { name: 'AbortError' });
    await assert.rejects(Bus.connect(address, { signal: abort.signal }), { name: 'AbortError' });
    const closed = new Promise((resolve) => server.close(resolve));
    await closed;
    assert.ok(descriptorsOpen() <= before);
    rmSync(directory, { recursive: true });
  });

  it('notices that the bus went away, and fails what waits', async () => {
    const bus = await Bus.connect(daemon.address);
    const peer = await RawPeer.connect(daemon.address);
    const waiting = bus.call({ destination: peer.name, path: '/', interface: 'a.b', member: 'C' });
    peer.once('message', () => void daemon[Symbol.asyncDispose]());
    await assert.rejects(waiting, { name: 'ConnectionLost' });
    assert.equal((await bus.closed).name, 'ConnectionLost');
    await assert.rejects(bus.call({ ...DRIVER, member: 'GetId' }), { name: 'ConnectionLost' });
    bus.send({ type: 4, path: '/', interface: 'a.b', member: 'C' });
    await bus[Symbol.asyncDispose]();
    peer[Symbol.dispose]();
  });

  it('gives up on a call by deadline and by signal, and takes no notice of a late answer', async () => {
    await using bus = await Bus.connect(daemon.address);
    using peer = await RawPeer.connect(daemon.address);
    const call = { destination: peer.name, path: '/', interface: 'a.b', member: 'C' };
    const arrived = once(peer, 'message');
    await assert.rejects(bus.call(call, { timeout: 1 }), { name: 'DeadlineExceeded' });
    const [{ serial, sender }] = await arrived;
    peer.send({ type: 2, destination: sender, replySerial: serial });
    const abort = new AbortController();
    const aborted = bus.call(call, { signal: abort.signal });
    abort.abort();
    await assert.rejects(aborted, { name: 'AbortError' });
    await assert.rejects(bus.call(call, { signal: abort.signal }), { name: 'AbortError' });
    await bus.call({ ...DRIVER, member: 'GetId' });
  });

  it('fails a call whose callee leaves', async () => {
    await using bus = await Bus.connect(daemon.address);
    const peer = await RawPeer.connect(daemon.address);
    peer.once('message', () => peer[Symbol.dispose]());
    await assert.rejects(bus.call({ destination: peer.name, path: '/', interface: 'a.b', member: 'C' }), {
      name: 'CallError',
      dbusName: 'org.freedesktop.DBus.Error.NoReply',
    });
  });

  it('refuses to send what the bus would throw us out for', async () => {
    await using bus = await Bus.connect(daemon.address);
    const bad = { ...DRIVER, member: 'GetId' };
    await assert.rejects(bus.call({ ...bad, destination: 'no name\n' }), TypeError);
    await assert.rejects(bus.call({ ...bad, path: '/a//b' }), TypeError);
    await assert.rejects(bus.call({ ...bad, signature: 'ay', body: [Buffer.alloc(33 * 2 ** 20)] }), RangeError);
    await assert.rejects(bus.call({ ...bad, signature: 'u', body: ['hunter2'] }), (error: Error) => {
      assert.doesNotMatch(error.message, /hunter2/);
      return true;
    });
    await bus.call(bad);
  });

  it('answers calls that nobody takes', async () => {
    await using bus = await Bus.connect(daemon.address);
    await using other = await Bus.connect(daemon.address);
    await assert.rejects(other.call({ destination: bus.name, path: '/', interface: 'a.b', member: 'C' }), {
      dbusName: 'org.freedesktop.DBus.Error.UnknownObject',
    });
  });

  it('delivers what was sent before it is closed', async () => {
    await using listener = await Bus.connect(daemon.address);
    const sender = await Bus.connect(daemon.address);
    const heard: unknown[] = [];
    const rule = { sender: sender.name, path: '/', interface: 'a.b', member: 'C' };
    await listener.subscriptions.subscribe(rule, ({ body }) => heard.push(body?.[0]));
    const left = new Promise<void>((resolve) => void listener.subscriptions.watchName(sender.name, resolve));
    for (let i = 0; i < 1000; i++)
      sender.send({ type: 4, path: '/', interface: 'a.b', member: 'C', signature: 'u', body: [i] });
    await sender[Symbol.asyncDispose]();
    await left;
    assert.deepEqual(heard, [...Array(1000).keys()]);
  });
});

describe('subscriptions', () => {
  let daemon: PrivateBus;
  let client: Bus;

  beforeEach(async () => {
    daemon = await PrivateBus.start();
    client = await Bus.connect(daemon.address);
  });

  afterEach(async () => {
    await client[Symbol.asyncDispose]();
    await daemon[Symbol.asyncDispose]();
  });

  const own = async (bus: Bus, name = 'org.example.Service') =>
    bus.call({ ...DRIVER, member: 'RequestName', signature: 'su', body: [name, 0] });

  const release = (bus: Bus) =>
    bus.call({ ...DRIVER, member: 'ReleaseName', signature: 's', body: ['org.example.Service'] });

  it('follow a well-known name from owner to owner', async () => {
    const heard: string[] = [];
    const remote = new RemoteObject<Sample>(client, sample, 'org.example.Service', '/sample');
    const subscribing = [
      remote.subscribe('Happened', (what) => heard.push(`a ${what}`)),
      remote.subscribe('Happened', (what) => heard.push(`b ${what}`)),
    ];
    await Promise.all(subscribing);
    for (const what of ['first', 'second']) {
      await using bus = await Bus.connect(daemon.address);
      const service = new SampleService(bus);
      service.object.emit(sample, 'Happened', ['too early']);
      await own(bus);
      service.object.emit(sample, 'Happened', [what]);
      await remote.methods.whoAmI();
    }
    assert.deepEqual(heard, ['a first', 'b first', 'a second', 'b second']);
  });

  it('know the owner although the name changes hands while they ask', async () => {
    const heard: string[] = [];
    await using first = await Bus.connect(daemon.address);
    await own(first);
    await using second = await Bus.connect(daemon.address);
    const service = new SampleService(second);
    const remote = new RemoteObject<Sample>(client, sample, 'org.example.Service', '/sample');
    for (let round = 0; round < 50; round++) {
      const subscribing = remote.subscribe('Happened', (what) => heard.push(what));
      await Promise.all([release(first), own(second)]);
      const subscription = await subscribing;
      service.object.emit(sample, 'Happened', [String(round)]);
      await remote.methods.whoAmI();
      await subscription[Symbol.asyncDispose]();
      await Promise.all([release(second), own(first)]);
    }
    assert.deepEqual(heard, [...Array(50).keys()].map(String));
  });

  it('end when disposed', async () => {
    const heard: string[] = [];
    await using bus = await Bus.connect(daemon.address);
    const service = new SampleService(bus);
    await own(bus);
    const remote = new RemoteObject<Sample>(client, sample, 'org.example.Service', '/sample');
    const subscription = await remote.subscribe('Happened', (what) => heard.push(what));
    await subscription[Symbol.asyncDispose]();
    await subscription[Symbol.asyncDispose]();
    service.object.emit(sample, 'Happened', ['unheard']);
    await remote.methods.whoAmI();
    assert.deepEqual(heard, []);
  });

  it('leave nothing behind when the bus refuses a rule, and work afterwards', async () => {
    const rule = { sender: 'org.example.Service', path: 'not a path', interface: 'a.b', member: 'C' };
    for (let i = 0; i < 2; i++)
      await assert.rejects(
        client.subscriptions.subscribe(rule, () => {}),
        { dbusName: 'org.freedesktop.DBus.Error.MatchRuleInvalid' },
      );
    // The bus allows 512 rules.
    for (let i = 0; i < 600; i++) {
      const good = await client.subscriptions.subscribe({ ...rule, path: `/p${i}` }, () => {});
      await good[Symbol.asyncDispose]();
    }
  });

  it('tell once that a name has left, also if it had before', async () => {
    const gone: string[] = [];
    const peer = await RawPeer.connect(daemon.address);
    const left = new Promise<void>((resolve) => void client.subscriptions.watchName(peer.name, resolve));
    const watch = await client.subscriptions.watchName(peer.name, () => gone.push('disposed'));
    watch[Symbol.dispose]();
    await client.subscriptions.watchName(peer.name, () => gone.push('left'));
    peer[Symbol.dispose]();
    await left;
    assert.deepEqual(gone, ['left']);
    await client.subscriptions.watchName(peer.name, () => gone.push('had left'));
    assert.deepEqual(gone, ['left', 'had left']);
  });
});
