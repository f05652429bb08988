import type { Session } from '../bus/generated/session.js';
import type { RemoteObject } from '../bus/remote-object.js';
import type { Context } from './context.js';
import { EXIT } from './exit-code.js';
import { reportFailure } from './failure.js';
import { findSession, ownUser } from './session-info.js';

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

/** The same for sessions, given by their ids or their users' names; without any, the caller's own. */
export async function forEachSession(
  context: Context,
  names: readonly string[],
  work: (session: RemoteObject<Session>, name: string) => Promise<void>,
): Promise<number> {
  const service = await context.connect();
  return forEach(context, names.length === 0 ? [ownUser()] : names, async (name) => {
    const session = service.session(await findSession(service, name));
    await work(session, name);
    if (context.output.json) context.output.object({ id: session.path.slice(session.path.lastIndexOf('/') + 1) });
  });
}
