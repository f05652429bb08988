import type { SeededRandom } from '../unit/seeded-random.js';

/** Where a message says how long it is: byte order, length of the body, length of the header (D-Bus specification). */
const FRAME: readonly number[] = [0, 4, 5, 6, 7, 12, 13, 14, 15];
/** Flags and serial: changed, an answer would not come, or to another question. */
const QUESTION: readonly number[] = [1, 2, 8, 9, 10, 11];

/**
 * A copy of a message with some bytes changed. `framed`: it still ends where it did, so that what follows is read as
 * the next message.
 */
export function mutate(random: SeededRandom, message: Buffer, framed: boolean): Buffer {
  const bytes = Buffer.from(message);
  for (let count = 1 + random.below(4); count > 0; count--) {
    const at = random.below(4) === 0 ? random.below(Math.min(bytes.length, 24)) : random.below(bytes.length);
    if (framed && FRAME.includes(at)) continue;
    if (QUESTION.includes(at) && random.below(8) > 0) continue;
    bytes[at] = random.pick([0, 1, 0xff, 0x7f, (bytes[at] as number) ^ (1 << random.below(8)), random.below(256)]);
  }
  return framed || random.below(3) > 0 ? bytes : bytes.subarray(0, random.below(bytes.length));
}
