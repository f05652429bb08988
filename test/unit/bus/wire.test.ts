import assert from 'node:assert/strict';
import { createRequire } from 'node:module';
import { marshal } from '../../../src/bus/marshal.js';
import type { Message } from '../../../src/bus/message.js';
import { Variant } from '../../../src/bus/variant.js';
import { decodeMessage, encodeMessage, messageLength, ProtocolError } from '../../../src/bus/wire.js';

/** Another implementation of the message format. */
const oracle = createRequire(import.meta.url)('dbus-native/lib/message.js') as {
  marshall(message: Message): Buffer;
  unmarshall(bytes: Buffer): Message;
};

const none = (count: number): number[] => {
  throw new Error(`${count} descriptors asked for`);
};
const decode = (bytes: Buffer): Message => decodeMessage(bytes, 0, bytes.length, false, none);

const samples: Record<string, Message> = {
  'a call': { type: 1, serial: 1, path: '/', interface: 'a.b', member: 'C', destination: ':1.5' },
  'a call with arguments': {
    type: 1,
    serial: 0xffff_ffff,
    flags: 3,
    path: '/org/example/Object_1',
    interface: 'org.example.Interface',
    member: 'Member',
    destination: 'org.example.Service',
    signature: 'sau',
    body: ['grüße', [1, 2, 3]],
  },
  'a reply': { type: 2, serial: 7, replySerial: 9, destination: ':1.5', signature: 'ay', body: [Buffer.from('abc')] },
  'an error': { type: 3, serial: 7, replySerial: 9, errorName: 'a.b.C', destination: ':1.5' },
  'a signal': { type: 4, serial: 7, path: '/a', interface: 'a.b', member: 'C', signature: 'b', body: [true] },
};

describe('the wire format', () => {
  for (const [what, message] of Object.entries(samples)) {
    it(`writes ${what} as others do`, () => {
      assert.deepEqual(Buffer.concat(encodeMessage(message)), oracle.marshall(message));
    });

    it(`reads ${what} back`, () => {
      const bytes = Buffer.concat(encodeMessage(message));
      assert.equal(messageLength(bytes, 0), bytes.length);
      assert.deepEqual(decode(bytes), { flags: 0, ...message });
    });
  }

  it('counts descriptors', () => {
    const bytes = Buffer.concat(encodeMessage({ type: 2, serial: 1, replySerial: 1, fds: [8, 9] }));
    assert.deepEqual(decodeMessage(bytes, 0, bytes.length, false, (count) => [...Array(count).keys()]).fds, [0, 1]);
  });

  it('marks a body that cannot be read', () => {
    const bytes = Buffer.concat(encodeMessage({ type: 4, serial: 1, path: '/', signature: 's', body: ['text'] }));
    bytes.writeUInt32LE(1000, bytes.length - 9);
    assert.equal(decode(bytes).malformed, true);
  });

  it('shares byte arrays only where asked', () => {
    const bytes = Buffer.concat(
      encodeMessage({ type: 4, serial: 1, path: '/', signature: 'ay', body: [Buffer.of(1)] }),
    );
    const own = decodeMessage(bytes, 0, bytes.length, false, none);
    const shared = decodeMessage(bytes, 0, bytes.length, true, none);
    bytes[bytes.length - 1] = 2;
    assert.deepEqual([own.body, shared.body], [[Buffer.of(1)], [Buffer.of(2)]]);
  });

  it('refuses what is no message', () => {
    const bytes = Buffer.concat(encodeMessage(samples['a call'] as Message));
    for (const [at, value] of [
      [0, 0x48],
      [3, 2],
      [7, 0xff],
      [15, 0xff],
    ] as const) {
      const broken = Buffer.from(bytes);
      broken[at] = value;
      assert.throws(() => messageLength(broken, 0), ProtocolError);
    }
  });

  it('passes over header fields of later versions, whatever their type', () => {
    const call = samples['a call with arguments'] as Message;
    for (const [signature, value] of [
      ['y', 7],
      ['s', 'new'],
      ['a{sv}', [['key', new Variant('(td)', [5n, 1.5])]]],
    ] as const)
      assert.deepEqual(decode(withField(call, 99, signature, value)), { flags: 0, ...call });
    const broken = withField(call, 99, 's', 'new');
    broken.writeUInt32LE(0xffff, broken.indexOf('new') - 4);
    assert.throws(() => decode(broken), ProtocolError);
  });

  it('never reads past a header, whatever is in it', () => {
    const bytes = Buffer.concat(encodeMessage(samples['a call'] as Message));
    for (let at = 16; at < bytes.length; at++)
      for (const value of [0, 1, 0x73, 0x76, 0x80, 0xff]) {
        const broken = Buffer.from(bytes);
        broken[at] = value;
        try {
          decodeMessage(broken, 0, broken.length, false, (count) => Array(Math.min(count, 1)).fill(0));
        } catch (error) {
          assert.ok(error instanceof ProtocolError, String(error));
        }
      }
  });

  it('refuses to write names that are none', () => {
    for (const wrong of [{ path: 'x' }, { path: '/a/' }, { member: 'a b' }, { destination: 'a\0' }, { interface: 'ü' }])
      assert.throws(() => encodeMessage({ ...(samples['a call'] as Message), ...wrong }), TypeError);
  });

  it('refuses to write more than the system bus carries', () => {
    const fds = Array(17).fill(0);
    assert.throws(() => encodeMessage({ type: 4, serial: 1, fds }), RangeError);
    const body = [Buffer.alloc(32 * 2 ** 20)];
    assert.throws(() => encodeMessage({ type: 4, serial: 1, signature: 'ay', body }), RangeError);
  });

  it('does not quote values that do not fit', () => {
    assert.throws(() => encodeMessage({ type: 4, serial: 1, signature: 'u', body: ['hunter2'] }), {
      name: 'TypeError',
      message: "the values do not fit the signature 'u'",
    });
  });
});

/** A message with one more header field, its value of a type that may begin right after its signature. */
function withField(message: Message, code: number, signature: string, value: unknown): Buffer {
  const [header = Buffer.alloc(0), body = Buffer.alloc(0)] = encodeMessage(message);
  const start = Buffer.concat([Buffer.of(code, signature.length), Buffer.from(`${signature}\0`)]);
  const field = Buffer.concat([start, marshal(signature, [value])]);
  const all = Buffer.concat([header, field, Buffer.alloc(-field.length & 7), body]);
  all.writeUInt32LE(header.length - 16 + field.length, 12);
  return all;
}
