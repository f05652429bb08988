import assert from 'node:assert/strict';
import { existsSync, readFileSync } from 'node:fs';

const PAGE = 'docs/xrdp-parity.md';

/** The titles of a file's tests that are written there, as patterns: parts that are computed may be anything. */
function titles(file: string): RegExp[] {
  const written = readFileSync(file, 'utf8').matchAll(/\bit\(\s*(['"`])((?:\\.|(?!\1).)*)\1/gs);
  return [...written].flatMap(([, , title = '']) => {
    // One that is computed as a whole would be any title.
    if (!/[a-z]/i.test(title.replace(/\$\{[^}]*\}/g, ''))) return [];
    const [first = '', ...rest] = title.split(/\$\{[^}]*\}/).map((part) => part.replace(/[\\^$.*+?()[\]{}|]/g, '\\$&'));
    return new RegExp(`^${[first, ...rest].join('.+')}$`);
  });
}

/** Where a test is that the page calls so. */
function fileOf(name: string): string {
  return `test/${name.includes('/') ? name : `system/${name}`}.test.ts`;
}

describe('the table for people who know xrdp', () => {
  const lines = readFileSync(PAGE, 'utf8').split('\n');
  /** The rows of tables whose last column says what shows them. */
  const rows = lines.flatMap((line, index) => {
    const start = lines.slice(0, index).findLastIndex((above) => !above.startsWith('|')) + 1;
    return line.startsWith('|') && index >= start + 2 && /\| shown by \|$/.test(lines[start] ?? '') ? [line] : [];
  });

  it('has tests in every row, and they exist', () => {
    assert.ok(rows.length > 50, `${rows.length} rows`);
    for (const row of rows) {
      const cells = row.slice(2, -2).split(' | ');
      assert.equal(cells.length, 3, row);
      for (const shown of (cells[2] ?? '').split(/; (?=`)/)) {
        const [, name = '', title = ''] = /^`([\w/-]+)` \*(.+)\*$/.exec(shown) ?? [];
        const file = fileOf(name);
        assert.ok(name !== '' && existsSync(file), `${file} in ${row}`);
        assert.ok(
          titles(file).some((pattern) => pattern.test(title)),
          `${file} has no test called "${title}"`,
        );
      }
    }
  });
});
