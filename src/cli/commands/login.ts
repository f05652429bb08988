import type { OpenLoginOptions } from '../../bus/generated/dictionaries.js';
import { parseLayout } from '../../layout/notation.js';
import { Tool } from '../../tool/tool.js';
import type { Arguments } from '../arguments.js';
import type { Context } from '../context.js';
import { methodsFor, Negotiation, type Wish } from '../negotiation.js';
import { readToken } from '../secret.js';
import { ownUser, readSession } from '../session-info.js';
import { CLIENT_NAME } from '../target.js';
import { UsageError } from '../usage-error.js';

export async function run({ output, connect }: Context, given: Arguments): Promise<void> {
  const wish = await readWish(given);
  const desktop = given.text('desktop');
  const layout = given.text('layout');
  const options: OpenLoginOptions = {
    'client-name': CLIENT_NAME,
    methods: methodsFor(wish),
    ...(desktop === undefined ? {} : { desktop }),
    ...(layout === undefined ? {} : { monitors: parseLayout(layout, [{ id: 'default' }]) }),
  };
  const service = await connect();
  await using login = await new Tool(service.bus).openLogin(options);
  const path = await new Negotiation(login, wish, output).logIn();
  const session = await readSession(service, path);
  if (output.json && session !== undefined) output.object(session);
  else output.line(session?.id ?? path);
}

/** Raises UsageError for what does not go together: nothing that was asked for is passed over. */
async function readWish(given: Arguments): Promise<Wish> {
  const delegate = given.flag('delegate');
  const host = given.text('host');
  const named = given.text('user');
  const token = await readToken(given);
  const method = given.text('method') ?? (delegate ? 'kerberos' : token === undefined ? undefined : 'token');
  const refuse = (why: string): never => {
    throw new UsageError(why, 'login');
  };
  if (token !== undefined && method !== 'token') refuse(`a token is no use for ${method}`);
  if (method === 'token' && named !== undefined) refuse('the session is that of the token: --user says no more');
  if (delegate && method !== 'kerberos') refuse(`--delegate is no use for ${method}`);
  if (host !== undefined && method !== undefined && method !== 'kerberos') refuse(`--host is no use for ${method}`);
  const decided = method === 'token' || method === 'kerberos';
  const self = ownUser();
  if (named === undefined && !decided && process.getuid?.() === 0) refuse('root has no session: --user says whose');
  const user = named ?? (decided ? undefined : self);
  if (method === 'peer' && user !== self) refuse(`peer is for one's own session: that of ${self}, not ${user}`);
  const kerberos = { delegate, ...(host === undefined ? {} : { service: `host@${host}` }) };
  return { method, user, own: user === self, token, kerberos };
}
