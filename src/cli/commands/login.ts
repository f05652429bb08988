import type { OpenLoginOptions } from '../../bus/generated/dictionaries.js';
import { parseLayout } from '../../layout/notation.js';
import { Tool } from '../../tool/tool.js';
import type { Arguments } from '../arguments.js';
import type { Context } from '../context.js';
import { withProgress } from '../progress.js';
import { readToken } from '../secret.js';
import { readSession } from '../session-info.js';
import { CLIENT_NAME } from '../target.js';

export async function run({ output, connect }: Context, given: Arguments): Promise<void> {
  const token = await readToken(given);
  const desktop = given.text('desktop');
  const layout = given.text('layout');
  const options: OpenLoginOptions = {
    'client-name': CLIENT_NAME,
    ...(desktop === undefined ? {} : { desktop }),
    ...(layout === undefined ? {} : { monitors: parseLayout(layout, [{ id: 'default' }]) }),
  };
  const service = await connect();
  const tool = new Tool(service.bus);
  const login = token === undefined ? tool.logIn('peer', {}, options) : tool.logIn('token', { token }, options);
  const path = await withProgress('Logging in', login);
  const session = await readSession(service, path);
  if (output.json && session !== undefined) output.object(session);
  else output.line(session?.id ?? path);
}
