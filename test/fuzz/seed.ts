import { randomInt } from 'node:crypto';

/**
 * What a fuzzer runs with, from the environment: FUZZ_SEED repeats a run whose name told its seed, FUZZ_MESSAGES makes
 * it longer than `usual`.
 */
export function chosenSeed(usual: number): { seed: number; messages: number } {
  const { FUZZ_SEED, FUZZ_MESSAGES } = process.env;
  return {
    seed: FUZZ_SEED === undefined ? randomInt(1, 2 ** 31) : Number(FUZZ_SEED),
    messages: FUZZ_MESSAGES === undefined ? usual : Number(FUZZ_MESSAGES),
  };
}
