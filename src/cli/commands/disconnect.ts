import type { Arguments } from '../arguments.js';
import type { Context } from '../context.js';
import { forEachSession } from '../for-each.js';

export function run(context: Context, { positionals }: Arguments): Promise<number> {
  return forEachSession(context, positionals, (session) => session.methods.disconnect());
}
