import type { Arguments } from '../arguments.js';
import type { Context } from '../context.js';
import { forEach } from '../for-each.js';
import { withPermission } from '../permission.js';

export async function run(context: Context, { positionals }: Arguments): Promise<number> {
  const { tokens } = await context.connect();
  return forEach(context, positionals, async (id) => {
    await withPermission((how) => tokens.methods.revoke(id, how));
    if (context.output.json) context.output.object({ id });
  });
}
