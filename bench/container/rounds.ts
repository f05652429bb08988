/**
 * Measures several ways to the same end by turns, A B A B, so that what else the machine does meets all of them alike:
 * until there are `most` samples of each or the time is up, but `least` in any case. The first round warms up.
 */
export async function alternate<Name extends string>(
  ways: Readonly<Record<Name, () => Promise<number>>>,
  { least = 5, most, seconds }: { least?: number; most: number; seconds: number },
): Promise<Record<Name, number[]>> {
  const entries = Object.entries<() => Promise<number>>(ways);
  const samples = Object.fromEntries(entries.map(([name]) => [name, [] as number[]])) as Record<Name, number[]>;
  const end = performance.now() + seconds * 1000;
  for (let round = 0; round <= most && (round <= least || performance.now() < end); round++)
    for (const [name, measure] of entries) {
      const sample = await measure();
      if (round > 0) samples[name as Name].push(sample);
    }
  return samples;
}
