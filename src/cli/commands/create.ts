import type { CallOptions } from '../../bus/descriptor.js';
import type { CreateSessionOptions } from '../../bus/generated/dictionaries.js';
import { parseLayout } from '../../layout/notation.js';
import type { Arguments } from '../arguments.js';
import type { Context } from '../context.js';
import { withPermission } from '../permission.js';
import { withProgress } from '../progress.js';
import { START_DEADLINE } from '../service.js';
import { ownUser, readSession } from '../session-info.js';

export async function run({ output, connect }: Context, given: Arguments): Promise<void> {
  const user = given.positionals[0] ?? ownUser();
  const desktop = given.text('desktop');
  const service = await connect();
  const layout = given.text('layout');
  const options: CreateSessionOptions = {
    ...(desktop === undefined ? {} : { desktop }),
    ...(layout === undefined ? {} : { monitors: parseLayout(layout, [{ id: 'default' }]) }),
    ...(given.flag('new') ? { reuse: false } : {}),
  };
  const create = (how: CallOptions) =>
    withProgress(`Starting the session of ${user}`, service.root.methods.createSession(user, options, how));
  const path = await withPermission(create, { timeout: START_DEADLINE });
  const session = await readSession(service, path);
  // It may have ended already, which is for the next call to say.
  if (!output.json) output.line(path.slice(path.lastIndexOf('/') + 1));
  else if (session !== undefined) output.object(session);
}
