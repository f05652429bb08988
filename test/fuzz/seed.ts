/** `./check` says the same messages each time: what it finds can be found again. */
const USUAL_SEED = 1;

/** What a fuzzer runs with, from the environment: FUZZ_SEED, and FUZZ_MESSAGES for longer than `usual`. */
export function chosenSeed(usual: number): { seed: number; messages: number } {
  const { FUZZ_SEED, FUZZ_MESSAGES } = process.env;
  return { seed: Number(FUZZ_SEED ?? USUAL_SEED), messages: Number(FUZZ_MESSAGES ?? usual) };
}
