import { setTimeout as delay } from 'node:timers/promises';
import type { ObjectTree } from '../bus/object-tree.js';
import type { Configuration } from './configuration.js';
import { LONGEST_TIMER } from './countdown.js';

/** Resolves when nobody has called for IdleExit=, at most twice as long, and nothing needs the daemon. */
export async function unneeded(tree: ObjectTree, needed: () => boolean, configuration: Configuration): Promise<void> {
  for (;;) {
    const { IdleExit: seconds } = configuration.settings.Daemon;
    const { calls } = tree;
    if (!(await passes(seconds * 1000, configuration))) continue;
    if (Number.isFinite(seconds) && calls === tree.calls && tree.idle && !needed()) return;
  }
}

/** Whether so many milliseconds pass before the configuration changes. */
async function passes(milliseconds: number, configuration: Configuration): Promise<boolean> {
  const changed = new AbortController();
  const abort = () => changed.abort();
  configuration.once('changed', abort);
  try {
    await delay(Math.min(Math.max(milliseconds, 10), LONGEST_TIMER), undefined, { signal: changed.signal });
    return true;
  } catch {
    return false;
  } finally {
    configuration.off('changed', abort);
  }
}
