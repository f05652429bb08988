import assert from 'node:assert/strict';
import { createRequire } from 'node:module';
import { inspect } from 'node:util';
import values from 'dbus-native/lib/values.js';
import { marshal } from '../../../src/bus/marshal.js';

/** Another implementation of the format. */
const oracle = createRequire(import.meta.url)('dbus-native/lib/marshall.js') as typeof marshal;

const { Variant } = values;
const long = 'ü'.repeat(100_000);

describe('marshalling', () => {
  for (const [signature, body] of [
    ['y', [255]],
    [
      'ybynyqyiyuyxytyd',
      [1, true, 2, -32768, 3, 65535, 4, -1, 5, 2 ** 32 - 1, 6, -(2n ** 63n), 7, 2n ** 64n - 1n, 8, 0.1],
    ],
    ['sog', ['', '/', '']],
    ['sss', ['plain', 'größer', '日本 🖥️ and a text that is longer than what is copied letter by letter']],
    ['s', [long]],
    ['yay', [1, Buffer.from('bytes')]],
    ['ay', [Buffer.alloc(100_000, 7)]],
    ['yas', [1, ['a', 'bc']]],
    ['yax', [1, []]],
    [
      'ya(ys)',
      [
        1,
        [
          [2, 'a'],
          [3, ''],
        ],
      ],
    ],
    [
      'ya{sv}',
      [
        1,
        [
          ['k', new Variant('u', 7)],
          ['l', new Variant('a{sv}', [['m', new Variant('as', ['x'])]])],
        ],
      ],
    ],
    ['a{oa{sa{sv}}}', [[['/a', [['b.c', [['D', new Variant('(id)', [1, 2.5])]]]]]]]],
    ['vv', [new Variant('v', new Variant('g', 'a{sv}')), new Variant('ah', [0, 1])]],
    ['t', [1_800_000_000]],
  ] as [string, unknown[]][])
    it(`writes ${signature} as others do`, () => {
      assert.deepEqual(marshal(signature, body), oracle(signature, body));
    });

  it('writes numbers that are none', () => {
    assert.ok(Number.isNaN(marshal('d', [Number.NaN]).readDoubleLE()));
  });

  for (const [signature, value] of [
    ['y', 256],
    ['y', -1],
    ['n', 32768],
    ['q', 1.5],
    ['i', 2 ** 31],
    ['u', -1],
    ['u', '1'],
    ['u', Number.NaN],
    ['h', undefined],
    ['x', 2n ** 63n],
    ['t', -1n],
    ['t', 2 ** 53],
    ['t', 1.5],
    ['b', 1],
    ['d', '1'],
    ['s', 7],
    ['s', null],
    ['s', 'a\0b'],
    ['s', `${'long '.repeat(20)}\0`],
    ['s', 'ü\0'],
    ['o', 'a/b'],
    ['o', '/a/'],
    ['g', '!'],
    ['g', 'a'.repeat(300)],
    ['ay', [1, 2]],
    ['as', 'abc'],
    ['(ii)', [1]],
    ['a{sv}', { a: 1 }],
    ['v', 'a'],
    ['v', undefined],
    ['v', new Variant('ss', 'a')],
  ] as [string, unknown][])
    it(`refuses ${inspect(value).slice(0, 30)} for ${signature}`, () => {
      assert.throws(() => marshal(signature, [value]), {
        name: 'TypeError',
        message: `the values do not fit the signature '${signature}'`,
      });
    });

  it('refuses too few and too many values, and goes on', () => {
    assert.throws(() => marshal('ss', ['a']), TypeError);
    assert.throws(() => marshal('s', ['a', 'b']), TypeError);
    assert.deepEqual(marshal('s', ['a']), oracle('s', ['a']));
  });
});
