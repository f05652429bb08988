import type { OpenLoginOptions } from '../../bus/generated/dictionaries.js';
import { parseLayout } from '../../layout/notation.js';
import { Tool } from '../../tool/tool.js';
import type { Arguments } from '../arguments.js';
import type { Context } from '../context.js';
import { withProgress } from '../progress.js';
import { readToken } from '../secret.js';
import { readSession } from '../session-info.js';
import { CLIENT_NAME } from '../target.js';
import { UsageError } from '../usage-error.js';

export async function run({ output, connect }: Context, given: Arguments): Promise<void> {
  const user = given.text('user');
  const token = await readToken(given);
  if (user !== undefined && token !== undefined)
    throw new UsageError('the session is that of the token: --user says no more', 'login');
  const desktop = given.text('desktop');
  const layout = given.text('layout');
  const options: OpenLoginOptions = {
    'client-name': CLIENT_NAME,
    ...(desktop === undefined ? {} : { desktop }),
    ...(layout === undefined ? {} : { monitors: parseLayout(layout, [{ id: 'default' }]) }),
  };
  const service = await connect();
  const tool = new Tool(service.bus);
  const path = await logIn();
  const session = await readSession(service, path);
  if (output.json && session !== undefined) output.object(session);
  else output.line(session?.id ?? path);

  async function logIn(): Promise<string> {
    if (user === undefined) {
      const login = token === undefined ? tool.logIn('peer', {}, options) : tool.logIn('token', { token }, options);
      return withProgress('Logging in', login);
    }
    const { Questions } = await import('../questions.js');
    using questions = new Questions();
    return await tool.logIn('pam', { user }, options, (style, message) => questions.ask(style, message));
  }
}
