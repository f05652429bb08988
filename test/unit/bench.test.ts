import assert from 'node:assert/strict';
import { quantiles } from '../../bench/figure.js';
import { table } from '../../bench/table.js';

describe('bench', () => {
  it('takes quantiles of samples in any order, and leaves those as they were', () => {
    const samples = Array.from({ length: 100 }, (_, i) => 100 - i);
    assert.deepEqual(quantiles(samples), { p50: 51, p95: 96, p99: 100 });
    assert.equal(samples[0], 100);
    assert.deepEqual(quantiles([7]), { p50: 7, p95: 7, p99: 7 });
    assert.deepEqual(quantiles([10, 9, 2]), { p50: 9, p95: 10, p99: 10 });
    assert.deepEqual(quantiles([]), { p50: NaN, p95: NaN, p99: NaN });
  });

  it('prints figures in columns, beside their references', () => {
    const lines = table([
      {
        name: 'call → answer',
        unit: 'µs',
        ours: { p50: 30, p95: 1234.5, p99: 90 },
        reference: { name: 'GDBus', p50: 60, p95: 80, p99: 60 },
        aim: 'p50 ≤ 0.6',
      },
      { name: 'agent', unit: 'MB', ours: { p50: 0.5, p95: 20, p99: 20 } },
    ]).split('\n');
    assert.deepEqual(
      lines.map((line) => line.split(/ {2,}/)),
      [
        ['', 'unit', 'p50', 'p95', 'p99', 'reference', 'p50', 'p95', 'p99', '×p50', '×p99', 'aim'],
        ['call → answer', 'µs', '30.0', '1235', '90.0', 'GDBus', '60.0', '80.0', '60.0', '0.50', '1.50', 'p50 ≤ 0.6'],
        ['agent', 'MB', '0.500', '20.0', '20.0'],
      ],
    );
    const ends = lines.map((line) => line.indexOf('p50') + 3);
    assert.equal(lines[1]?.slice(0, ends[0]).endsWith('30.0'), true);
    assert.equal(lines[2]?.slice(0, ends[0]).endsWith('0.500'), true);
  });
});
