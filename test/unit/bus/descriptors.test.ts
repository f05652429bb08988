import assert from 'node:assert/strict';
import { closeSync, writeSync } from 'node:fs';
import {
  connectUnix,
  duplicate,
  peerCredentials,
  pipe,
  READABLE,
  receive,
  send,
  socketPair,
  Watch,
  WRITABLE,
} from '../../../src/bus/native/descriptors.js';
import { descriptorsOpen } from '../../bus/descriptors-open.js';

describe('descriptors', () => {
  it('go through a socket with the first of several buffers', () => {
    const before = descriptorsOpen();
    const [a, b] = socketPair();
    const [reading, writing] = pipe();
    assert.equal(send(a, [Buffer.from('one '), Buffer.alloc(0), Buffer.from('two')], [reading, writing]), 7);
    const into = Buffer.alloc(16);
    const fds: number[] = [];
    assert.equal(receive(b, into, fds), 7);
    assert.equal(into.toString('latin1', 0, 7), 'one two');
    assert.equal(fds.length, 2);
    assert.equal(receive(b, into, fds), -1);
    for (const fd of [a, b, reading, writing, ...fds]) closeSync(fd);
    assert.equal(descriptorsOpen(), before);
  });

  it('are sent by 253 at most', () => {
    const [a, b] = socketPair();
    assert.throws(() => send(a, Buffer.of(0), Array(254).fill(a)), { code: 'EINVAL' });
    assert.throws(() => send(a, Buffer.of(0), [-1]), { code: 'EBADF' });
    assert.equal(send(a, Buffer.of(0), Array(253).fill(a)), 1);
    const fds: number[] = [];
    assert.equal(receive(b, Buffer.alloc(1), fds), 1);
    assert.equal(fds.length, 253);
    for (const fd of [a, b, ...fds]) closeSync(fd);
  });

  it('say that a send is partial or would block, and that the other end is gone', () => {
    const [a, b] = socketPair();
    const bytes = Buffer.alloc(8 * 2 ** 20);
    const sent = send(a, bytes, []);
    assert.ok(sent > 0 && sent < bytes.length);
    assert.equal(send(a, bytes, []), -1);
    closeSync(a);
    const into = Buffer.alloc(bytes.length);
    while (receive(b, into, []) > 0);
    assert.equal(receive(b, into, []), 0);
    assert.throws(() => send(b, bytes, []), { code: 'EPIPE' });
    closeSync(b);
  });

  it('name what went wrong', () => {
    assert.throws(() => connectUnix(Buffer.from('/nonexistent/socket')), { code: 'ENOENT' });
    assert.throws(() => connectUnix(Buffer.alloc(200, 'x')), { code: 'ENAMETOOLONG' });
    assert.throws(() => connectUnix(Buffer.alloc(0)), { code: 'ENAMETOOLONG' });
    assert.throws(() => receive(-1, Buffer.alloc(1), []), { code: 'EBADF' });
    assert.throws(() => duplicate(-1), { code: 'EBADF' });
    assert.throws(() => new Watch(-1, () => {}), { code: 'EBADF' });
  });

  it('tell who is on the other side', () => {
    const [a, b] = socketPair();
    assert.deepEqual(peerCredentials(a), { pid: process.pid, uid: process.getuid?.(), gid: process.getgid?.() });
    for (const fd of [a, b]) closeSync(fd);
  });
});

describe('a watch', () => {
  const watched = (fd: number, events: number): Promise<number> =>
    new Promise((resolve) => {
      const watch = new Watch(
        fd,
        (ready) => {
          watch[Symbol.dispose]();
          resolve(ready);
        },
        events,
      );
    });

  it('tells when a descriptor can be read or written', async () => {
    const [a, b] = socketPair();
    assert.equal(await watched(a, READABLE | WRITABLE), WRITABLE);
    send(b, Buffer.of(1), []);
    assert.equal(await watched(a, READABLE), READABLE);
    closeSync(b);
    assert.equal(await watched(a, READABLE | WRITABLE), READABLE | WRITABLE);
    closeSync(a);
  });

  it('pauses and resumes', async () => {
    const [reading, writing] = pipe();
    let told = 0;
    await new Promise<void>((resolve) => {
      const watch = new Watch(reading, () => {
        told++;
        watch.events = 0;
        if (told === 2) {
          watch[Symbol.dispose]();
          resolve();
        } else
          setImmediate(() => {
            assert.equal(told, 1);
            watch.events = READABLE;
          });
      });
      writeSync(writing, 'x');
    });
    for (const fd of [reading, writing]) closeSync(fd);
  });

  it('may be disposed of twice, and is silent afterwards', async () => {
    const [reading, writing] = pipe();
    const watch = new Watch(reading, () => assert.fail('disposed of'));
    writeSync(writing, 'x');
    watch[Symbol.dispose]();
    watch[Symbol.dispose]();
    watch.events = READABLE;
    assert.equal(await watched(reading, READABLE), READABLE);
    for (const fd of [reading, writing]) closeSync(fd);
  });
});
