import assert from 'node:assert/strict';
import { bodyCodecFor, codecFor } from '../../../src/bus/codec.js';
import { Variant } from '../../../src/bus/variant.js';
import { decodeMessage, encodeMessage } from '../../../src/bus/wire.js';
import { InvalidArgs } from '../../../src/errors.js';

/** A value after its way over the wire. */
function roundTrip(type: string, value: unknown, dictionary?: 'Monitor'): unknown {
  const codec = bodyCodecFor([{ type, dictionary }]);
  const body = codec.encode([value], { fds: [] });
  const bytes = Buffer.concat(encodeMessage({ type: 4, serial: 1, signature: codec.signature, body }));
  const message = decodeMessage(bytes, 0, bytes.length, false, () => []);
  return codec.decode(message.body ?? [], { fds: [] })[0];
}

describe('values', () => {
  for (const [type, value] of [
    ['y', 255],
    ['b', false],
    ['n', -32768],
    ['q', 65535],
    ['i', -(2 ** 31)],
    ['u', 2 ** 32 - 1],
    ['x', -(2n ** 63n)],
    ['t', 2n ** 64n - 1n],
    ['d', 0.1],
    ['s', ''],
    ['s', '日本 🖥️'],
    ['o', '/a/b'],
    ['g', 'a{sv}'],
    ['ay', Buffer.from('bytes')],
    ['as', []],
    ['aay', [Buffer.of(1), Buffer.alloc(0)]],
    ['(ub)', [1, true]],
    ['a(s(ii))', [['a', [1, -1]]]],
    ['at', [1n, 2n]],
    ['v', new Variant('as', ['a'])],
    ['av', [new Variant('v', new Variant('y', 1)), new Variant('a{uv}', new Map([[1, new Variant('s', 'x')]]))]],
    ['a{sv}', new Map([['__proto__', new Variant('s', 'x')]])],
    ['a{u(sas)}', new Map([[7, ['a', ['b']]]])],
    ['a{sa{sv}}', new Map([['a', new Map([['b', new Variant('d', 1.5)]])]])],
  ] as const)
    it(`of type ${type} survive the way over the wire`, () => {
      assert.deepEqual(roundTrip(type, value), value);
    });

  it('of type h are descriptors here and indices there', () => {
    const sent = { fds: [] as number[] };
    const encoded = codecFor('a{sh}').encode(
      new Map([
        ['a', 7],
        ['b', 9],
      ]),
      sent,
    );
    assert.deepEqual(sent.fds, [7, 9]);
    assert.deepEqual(
      codecFor('a{sh}').decode(encoded, { fds: [17, 19] }),
      new Map([
        ['a', 17],
        ['b', 19],
      ]),
    );
  });

  it('of type h must be there, and once where they change hands', () => {
    const codec = codecFor('ah');
    assert.throws(() => codec.decode([1], { fds: [17] }), InvalidArgs);
    assert.deepEqual(codec.decode([0, 0], { fds: [17] }), [17, 17]);
    assert.throws(() => codec.decode([0, 0], { fds: [17], claimed: new Set() }), InvalidArgs);
    const claimed = new Set<number>();
    codec.decode([1], { fds: [17, 18], claimed });
    assert.deepEqual([...claimed], [18]);
  });

  it('in variants may be of any number of types', () => {
    for (let i = 1; i < 1000; i++) {
      const type = `(${[...i.toString(3)].map((digit) => 'sub'[Number(digit)]).join('')})`;
      const value = [...i.toString(3)].map((digit) => ['', 1, true][Number(digit)]);
      assert.deepEqual(roundTrip('v', new Variant(type, value)), new Variant(type, value));
    }
  });
});

describe('dictionaries with a schema', () => {
  const monitor = { id: 'a', size: [640, 480], position: [0, 0], scale: 1, primary: true };
  const wire = (entries: Record<string, [string, unknown]>) =>
    Object.entries(entries).map(([key, [type, value]]) => [key, new Variant(type, value)]);
  const good: Record<string, [string, unknown]> = {
    id: ['s', 'a'],
    size: ['(uu)', [640, 480]],
    position: ['(ii)', [0, 0]],
    scale: ['d', 1],
    primary: ['b', true],
  };
  const decode = (pairs: unknown) => codecFor('a{sv}', 'Monitor').decode(pairs, { fds: [] });

  it('are plain objects without a prototype', () => {
    const decoded = roundTrip('aa{sv}', [monitor], 'Monitor') as object[];
    assert.equal(Object.getPrototypeOf(decoded[0]), null);
    assert.deepEqual({ ...decoded[0] }, monitor);
  });

  it('leave out what is undefined', () => {
    const [decoded] = roundTrip('aa{sv}', [{ ...monitor, refresh: undefined }], 'Monitor') as object[];
    assert.ok(decoded !== undefined && !('refresh' in decoded));
  });

  for (const [what, pairs, message] of [
    ['an unknown key', wire({ ...good, colour: ['s', 'red'] }), "unknown key 'colour'"],
    ['a key of every object', [...wire(good), ['__proto__', new Variant('s', '')]], "unknown key '__proto__'"],
    ['a long unknown key', wire({ ['k'.repeat(99)]: ['s', ''] }), `unknown key '${'k'.repeat(64)}…'`],
    ['a key twice', [...wire(good), ...wire({ id: ['s', 'b'] })], "key 'id' is there twice"],
    ['another type', wire({ ...good, scale: ['s', '1'] }), "'scale' has D-Bus type 's', expected 'd'"],
    ['a missing key', wire({ id: ['s', 'a'] }), "key 'size' is missing"],
  ] as const)
    it(`refuse ${what} and name the key`, () => {
      assert.throws(() => decode(pairs), { name: 'InvalidArgs', message });
    });

  it('have numbers for 64-bit integers and refuse larger ones', () => {
    const options = codecFor('a{sv}', 'ProvisionOptions');
    const expires = (value: bigint) => options.decode([['expires', new Variant('t', value)]], { fds: [] });
    assert.deepEqual({ ...(expires(1_800_000_000n) as object) }, { expires: 1_800_000_000 });
    assert.throws(() => expires(2n ** 64n - 1n), { name: 'InvalidArgs', message: "'expires' is out of range" });
  });

  it('do not quote a value, since it may be secret', () => {
    const parameters = codecFor('a{sv}', 'BeginParameters');
    const token = 'hunter2'.repeat(1000);
    assert.throws(
      () => parameters.decode([['token', new Variant('s', token)]], { fds: [] }),
      (error: Error) => error instanceof InvalidArgs && /token/.test(error.message) && !/hunter2/.test(error.message),
    );
  });
});
