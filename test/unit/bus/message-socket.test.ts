import assert from 'node:assert/strict';
import { closeSync } from 'node:fs';
import type { Message } from '../../../src/bus/message.js';
import { MessageSocket } from '../../../src/bus/message-socket.js';
import { duplicate, pipe, receive, send, socketPair } from '../../../src/bus/native/descriptors.js';
import { encodeMessage } from '../../../src/bus/wire.js';
import { descriptorsOpen } from '../../bus/descriptors-open.js';

const signal = (body: unknown[], signature = 'u'): Message => ({ type: 4, serial: 1, path: '/', signature, body });
const bytesOf = (message: Message): Buffer => Buffer.concat(encodeMessage(message));

describe('a message socket', () => {
  let fds: [number, number];
  let closed: Promise<Error>;
  let before: number;

  /** Our end, and what it gets: as many messages as are waited for. */
  const listen = (count: number): { socket: MessageSocket; messages: Promise<Message[]> } => {
    const got: Message[] = [];
    let socket: MessageSocket | undefined;
    const messages = new Promise<Message[]>((resolve) => {
      closed = new Promise((gone) => {
        socket = new MessageSocket(fds[0], {
          message: (message) => {
            got.push(message);
            if (got.length === count) resolve(got);
          },
          closed: gone,
        });
      });
    });
    return { socket: socket as unknown as MessageSocket, messages };
  };

  beforeEach(() => {
    before = descriptorsOpen();
    fds = socketPair();
  });

  it('puts together messages that come in pieces and takes apart what comes at once', async () => {
    const { socket, messages } = listen(3);
    const bytes = Buffer.concat([signal([1]), signal([2]), signal([3])].map(bytesOf));
    for (let at = 0; at < bytes.length - 40; at++) send(fds[1], bytes.subarray(at, at + 1), []);
    send(fds[1], bytes.subarray(bytes.length - 40), []);
    assert.deepEqual(
      (await messages).map(({ body }) => body),
      [[1], [2], [3]],
    );
    socket.destroy(new Error('done'));
    closeSync(fds[1]);
    assert.equal(descriptorsOpen(), before);
  });

  it('carries 8 MiB both ways through small socket buffers, with descriptors in between', async () => {
    const { socket, messages } = listen(5);
    const other: Message[] = [];
    const echo = new MessageSocket(fds[1], {
      message: (message) => {
        other.push(message);
        echo.send({ ...signal(message.body ?? [], message.signature), ...(message.fds && { fds: message.fds }) });
      },
      closed: () => {},
    });
    const bytes = Buffer.alloc(8 * 2 ** 20, 'pattern');
    const [reading, writing] = pipe();
    socket.send(signal([bytes], 'ay'));
    socket.send({ ...signal([1]), fds: [duplicate(reading), duplicate(writing)] });
    socket.send({ ...signal([bytes], 'ay'), fds: [duplicate(writing)] });
    socket.send(signal([2]));
    socket.send({ ...signal([3]), fds: [reading, writing] });
    const got = await messages;
    assert.deepEqual(
      got.map(({ body }) => (Buffer.isBuffer(body?.[0]) ? body[0].equals(bytes) : body?.[0])),
      [true, 1, true, 2, 3],
    );
    assert.deepEqual(
      got.map((message) => message.fds?.length),
      [undefined, 2, 1, undefined, 2],
    );
    for (const message of got) for (const fd of message.fds ?? []) closeSync(fd);
    socket.destroy(new Error('done'));
    echo.destroy(new Error('done'));
    assert.equal(descriptorsOpen(), before);
  });

  it('sends the messages of one turn together', async () => {
    const { socket } = listen(0);
    for (let i = 0; i < 100; i++) socket.send(signal([i]));
    await new Promise((resolve) => setImmediate(resolve));
    const into = Buffer.alloc(65536);
    assert.equal(receive(fds[1], into, []), 100 * bytesOf(signal([0])).length);
    socket.destroy(new Error('done'));
    closeSync(fds[1]);
  });

  it('closes descriptors that it could not send, and those that nobody claimed', async () => {
    const { socket } = listen(0);
    const [reading, writing] = pipe();
    socket.send(signal([Buffer.alloc(8 * 2 ** 20)], 'ay'));
    socket.send({ ...signal([1]), fds: [duplicate(reading)] });
    assert.throws(() => socket.send({ ...signal(['no number']), fds: [duplicate(reading)] }), TypeError);
    await new Promise((resolve) => setImmediate(resolve));
    socket.send({ ...signal([1]), fds: [duplicate(reading)] });
    const half = bytesOf({ ...signal([1]), fds: [writing] });
    send(fds[1], half.subarray(0, 20), [writing]);
    closeSync(fds[1]);
    assert.equal((await closed).name, 'ConnectionLost');
    socket.send({ ...signal([1]), fds: [duplicate(reading)] });
    for (const fd of [reading, writing]) closeSync(fd);
    assert.equal(descriptorsOpen(), before);
  });

  it('closes at what is no message, and at descriptors that did not come', async () => {
    listen(0);
    send(fds[1], Buffer.from('GET / HTTP/1.1\r\n\r\n'), []);
    assert.equal((await closed).name, 'ConnectionLost');
    closeSync(fds[1]);
    fds = socketPair();
    listen(0);
    send(fds[1], bytesOf({ ...signal([1]), fds: [1] }), []);
    assert.equal((await closed).message, 'a message came without its descriptors');
    closeSync(fds[1]);
    assert.equal(descriptorsOpen(), before);
  });

  it('takes in no more while too much waits to go out', async () => {
    let got = 0;
    const socket = new MessageSocket(fds[0], { message: () => got++, closed: () => {} });
    const mebibyte = signal([Buffer.alloc(2 ** 20)], 'ay');
    for (let i = 0; i < 65; i++) socket.send(mebibyte);
    await new Promise((resolve) => setImmediate(resolve));
    send(fds[1], bytesOf(signal([1])), []);
    await new Promise((resolve) => setImmediate(resolve));
    assert.equal(got, 0);
    const into = Buffer.alloc(2 ** 20);
    for (let read = 0; read < 65 * 2 ** 20; ) {
      const length = receive(fds[1], into, []);
      read += Math.max(length, 0);
      if (length < 0) await new Promise((resolve) => setImmediate(resolve));
    }
    while (got === 0) await new Promise((resolve) => setImmediate(resolve));
    assert.equal(got, 1);
    socket.destroy(new Error('done'));
    closeSync(fds[1]);
  });

  it('sends what it has before it ends', async () => {
    const { socket } = listen(0);
    socket.send(signal([Buffer.alloc(2 ** 20)], 'ay'));
    socket.end();
    const into = Buffer.alloc(2 ** 20);
    let read = 0;
    for (let length = -1; length !== 0; length = receive(fds[1], into, [])) {
      read += Math.max(length, 0);
      if (length < 0) await new Promise((resolve) => setImmediate(resolve));
    }
    assert.equal(read, bytesOf(signal([Buffer.alloc(2 ** 20)], 'ay')).length);
    await closed;
    closeSync(fds[1]);
    assert.equal(descriptorsOpen(), before);
  });
});
