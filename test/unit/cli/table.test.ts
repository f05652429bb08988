import assert from 'node:assert/strict';
import { formatTable, visible, widthOf } from '../../../src/cli/table.js';

type Row = { name: string; count: number };

const COLUMNS = [
  { title: 'NAME', text: ({ name }: Row) => name },
  { title: 'COUNT', text: ({ count }: Row) => `${count}`, right: true },
  { title: 'AGAIN', text: ({ name }: Row) => name },
] as const;

describe('a table', () => {
  it('is aligned, numbers to the right, without spaces at the end of lines', () => {
    const rows = [
      { name: 'a', count: 1 },
      { name: 'longer', count: 100_000 },
    ];
    assert.deepEqual(formatTable(COLUMNS, rows), ['NAME    COUNT AGAIN', 'a           1 a', 'longer 100000 longer']);
    assert.deepEqual(formatTable(COLUMNS, []), ['NAME COUNT AGAIN']);
  });

  it('has a mark for what is empty, and none of the control characters of others', () => {
    const [, line] = formatTable(COLUMNS, [{ name: '', count: 0 }]);
    assert.equal(line, '-        0 -');
    const [, evil = ''] = formatTable(COLUMNS, [{ name: 'a\x1b[2J\n\u{9b}b', count: 0 }]);
    assert.equal(evil.split(' ')[0], 'a\u{fffd}[2J\u{fffd}\u{fffd}b');
    assert.equal(visible('\x07ok\x7f'), '\u{fffd}ok\u{fffd}');
  });

  it('is aligned also with wide, combining and joined characters', () => {
    for (const [text, width] of [
      ['Zoë', 3],
      ['Zoe\u{308}', 3],
      ['漢字', 4],
      ['ｶﾅ', 2],
      ['👩‍👩‍👧', 2],
      ['\u{200b}', 0],
    ] as const)
      assert.equal(widthOf(text), width, text);
    const [heading = '', line = ''] = formatTable(COLUMNS, [{ name: '漢字漢字', count: 1 }]);
    assert.equal(heading.indexOf('COUNT') + 'COUNT'.length, widthOf(line.slice(0, line.indexOf('1') + 1)));
  });
});
