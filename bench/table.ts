import { writeFileSync } from 'node:fs';
import { availableParallelism, cpus, release, totalmem } from 'node:os';
import type { Figure } from './figure.js';

/** The figures as text: ours, the reference's, and how many times the reference ours are. */
export function table(figures: readonly Figure[]): string {
  const rows = [['', 'unit', 'p50', 'p95', 'p99', 'reference', 'p50', 'p95', 'p99', '×p50', '×p99', 'aim']];
  for (const { name, unit, ours, reference, aim } of figures)
    rows.push([
      name,
      unit,
      ...[ours.p50, ours.p95, ours.p99].map(short),
      reference?.name ?? '',
      ...(reference ? [reference.p50, reference.p95, reference.p99].map(short) : ['', '', '']),
      ...(reference ? [ours.p50 / reference.p50, ours.p99 / reference.p99].map((ratio) => ratio.toFixed(2)) : ['', '']),
      aim ?? '',
    ]);
  const widths = (rows[0] ?? []).map((_, column) => Math.max(...rows.map((row) => [...(row[column] ?? '')].length)));
  const isText = (column: number): boolean => [0, 1, 5, 11].includes(column);
  return rows
    .map((row) =>
      row
        .map((cell, i) => (isText(i) ? cell.padEnd(widths[i] ?? 0) : cell.padStart(widths[i] ?? 0)))
        .join('  ')
        .trimEnd(),
    )
    .join('\n');
}

/** Writes the figures with what they were measured on. */
export function writeResults(path: string, figures: readonly Figure[]): void {
  const machine = {
    processor: cpus()[0]?.model ?? 'unknown',
    processors: availableParallelism(),
    memory: totalmem(),
    kernel: release(),
    node: process.version,
  };
  writeFileSync(path, `${JSON.stringify({ date: new Date().toISOString(), machine, figures }, null, 2)}\n`);
}

function short(value: number): string {
  return value >= 1000 ? value.toFixed(0) : value.toPrecision(3);
}
