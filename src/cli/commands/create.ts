import type { Arguments } from '../arguments.js';
import type { Context } from '../context.js';
import { withProgress } from '../progress.js';
import { START_DEADLINE } from '../service.js';
import { ownUser, readSession } from '../session-info.js';

export async function run({ output, connect }: Context, given: Arguments): Promise<void> {
  const user = given.positionals[0] ?? ownUser();
  const desktop = given.text('desktop');
  const service = await connect();
  const options = { ...(desktop === undefined ? {} : { desktop }), ...(given.flag('new') ? { reuse: false } : {}) };
  const starting = service.root.methods.createSession(user, options, { timeout: START_DEADLINE });
  const path = await withProgress(`starting the session of ${user}`, starting);
  const session = await readSession(service, path);
  // It may have ended already, which is for the next call to say.
  if (!output.json) output.line(path.slice(path.lastIndexOf('/') + 1));
  else if (session !== undefined) output.object(session);
}
