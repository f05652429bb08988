/** Of many measurements of one thing, in the figure's unit. */
export type Quantiles = { p50: number; p95: number; p99: number };

/** One line of the table: what we measured, beside what it is to be judged by, measured in the same run. */
export type Figure = {
  name: string;
  unit: 'ms' | 'µs' | 'MB' | 'share';
  ours: Quantiles;
  reference?: Quantiles & { name: string };
  /** What we want of it, for people. */
  aim?: string;
};

export function quantiles(samples: readonly number[]): Quantiles {
  const sorted = Float64Array.from(samples).sort();
  const at = (share: number): number => sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? NaN;
  return { p50: at(0.5), p95: at(0.95), p99: at(0.99) };
}
