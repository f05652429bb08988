import { CallError } from '../../bus/call-error.js';
import type { Arguments } from '../arguments.js';
import type { Context } from '../context.js';
import { Departures } from '../departures.js';
import { forEachSession } from '../for-each.js';
import { withProgress } from '../progress.js';

export async function run(context: Context, given: Arguments): Promise<number> {
  if (given.flag('no-wait'))
    return forEachSession(context, given.positionals, (session) => session.methods.terminate());
  const departures = await Departures.watch(await context.connect());
  return forEachSession(context, given.positionals, async (session, name) => {
    try {
      await session.methods.terminate();
    } catch (error) {
      // It ended by itself meanwhile, which is what was asked for.
      if (error instanceof CallError && error.dbusName === 'org.freedesktop.DBus.Error.UnknownObject') return;
      throw error;
    }
    await withProgress(`Ending the session ${name}`, departures.of(session.path));
  });
}
