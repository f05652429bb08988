import { Tool } from '../../tool/tool.js';
import type { Arguments } from '../arguments.js';
import type { Context } from '../context.js';
import { forEachSession } from '../for-each.js';
import { CLIENT_NAME } from '../target.js';

export async function run(context: Context, { positionals }: Arguments): Promise<number> {
  const tool = new Tool((await context.connect()).bus);
  return forEachSession(context, positionals, async ({ path }) => {
    // It displaces the others and then leaves: what comes after the last client, the screen lock for example, comes now.
    const { connection } = await tool.connect(path, { 'client-name': CLIENT_NAME, grants: [] });
    await connection.methods.close();
  });
}
