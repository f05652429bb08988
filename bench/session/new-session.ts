import type { Tool } from '../../src/tool/tool.js';
import { endSessions } from '../container/end-sessions.js';
import { foreignTool, type Person } from '../container/person.js';
import { connectAndSee } from '../container/see.js';
import { userGone } from '../container/user-manager.js';
import { type Stage, startStages } from './stages.js';

/**
 * A new session of a user's, from the login to the first picture: how long that took, and when each stage was reached, in
 * milliseconds since the login. Nothing of the session is left when this returns.
 */
export async function newSession(
  user: Person,
  admin: Tool,
  logIn: (tool: Tool) => Promise<string>,
): Promise<{ took: number; stages: Stage[] }> {
  const tool = await foreignTool();
  const started = performance.now();
  const path = await logIn(tool);
  const completed = performance.now();
  const { at, connected, opened } = await connectAndSee(tool, path);
  const reached: Stage[] = [
    ...startStages(path, user),
    ['Completed', completed],
    ['connected', connected],
    ['descriptor of the picture', opened],
    ['first frame', at],
  ];
  await tool[Symbol.asyncDispose]();
  await endSessions(admin);
  userGone(user);
  return { took: at - started, stages: reached.map(([stage, time]) => [stage, time - started]) };
}
