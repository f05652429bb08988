import type { Context } from './context.js';
import { EXIT } from './exit-code.js';
import { reportFailure } from './failure.js';

/** Does the same to each of several things. One that fails is told and does not keep the others from being done. */
export async function forEach<Item extends string>(
  { output }: Context,
  items: readonly Item[],
  work: (item: Item) => Promise<void>,
): Promise<number> {
  let first: number = EXIT.ok;
  for (const item of items) {
    try {
      await work(item);
    } catch (error) {
      const code = reportFailure(error, { json: output.json, about: items.length > 1 ? item : undefined });
      if (first === EXIT.ok) first = code;
    }
  }
  return first;
}
