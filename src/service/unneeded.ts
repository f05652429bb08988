import { setTimeout as delay } from 'node:timers/promises';
import type { ObjectTree } from '../bus/object-tree.js';

/** Resolves when nobody has called for so many milliseconds, at most twice as many, and nothing needs the daemon. */
export async function unneeded(tree: ObjectTree, needed: () => boolean, after: number): Promise<void> {
  if (after === Number.POSITIVE_INFINITY) return new Promise(() => {});
  for (let calls = -1; calls !== tree.calls || !tree.idle || needed(); ) {
    calls = tree.calls;
    await delay(Math.max(after, 10));
  }
}
