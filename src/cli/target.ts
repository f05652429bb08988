import type { ConnectOptions, Grant } from '../bus/generated/dictionaries.js';
import { NoSuchSession, SessionFailed } from '../errors.js';
import { Tool } from '../tool/tool.js';
import type { ToolConnection } from '../tool/tool-connection.js';
import type { Arguments } from './arguments.js';
import type { Context } from './context.js';
import { withProgress } from './progress.js';
import { readToken } from './secret.js';
import type { Service } from './service.js';
import { sessionOf } from './session-info.js';
import { UsageError } from './usage-error.js';

/** How people see us among a session's clients. */
export const CLIENT_NAME = 'remoteaccessctl';

/**
 * Connects to the session that the options name, with no more than these grants, and beside whoever works there. The
 * connection lives as long as this process.
 */
export async function connectToSession(
  context: Context,
  given: Arguments,
  grants: Grant[],
  options: ConnectOptions = {},
): Promise<ToolConnection> {
  const named = ['session', 'user'].filter((option) => given.text(option) !== undefined);
  const token = await readToken(given);
  if (named.length > 1) throw new UsageError('--session and --user exclude each other');
  if (token !== undefined && named.length > 0)
    throw new UsageError(`the session is that of the token: --${named[0]} says no more`);
  const service = await context.connect();
  const tool = new Tool(service.bus);
  const path = token === undefined ? await findTarget(service, given) : await logIn(tool, token);
  return tool.connect(path, { 'client-name': CLIENT_NAME, 'on-conflict': 'share', grants, ...options });
}

const REASONS: Readonly<Record<string, string>> = {
  displaced: 'another client has taken the session over',
  revoked: 'the token was revoked',
  expired: 'the token has expired',
  idle: 'nobody has used the session for too long',
  'session-ended': 'the session has ended',
  'service-ended': 'the service has ended',
};

/** Fails when the connection is gone, for what takes its time. */
export async function untilClosed(connection: ToolConnection): Promise<never> {
  const reason = await connection.closed();
  throw new SessionFailed(REASONS[reason] ?? `the connection was closed: ${reason}`);
}

/** Logs in with a token, which starts the session unless it runs, and resolves with its path. */
function logIn(tool: Tool, token: string): Promise<string> {
  return withProgress('Logging in', tool.logIn('token', { token }, { 'client-name': CLIENT_NAME }));
}

async function findTarget(service: Service, given: Arguments): Promise<string> {
  const id = given.text('session');
  if (id !== undefined) return service.root.methods.getSession(id);
  const user = given.text('user');
  const uid = process.getuid?.();
  const sessions = await service.root.methods.listSessions();
  const found = user === undefined ? sessions.find(([, , owner]) => owner === uid) : await sessionOf(user, sessions);
  if (found !== undefined) return found[4];
  if (user === undefined && uid !== 0) throw new NoSuchSession('you have no session; remoteaccessctl login starts it');
  if (user === undefined)
    throw new UsageError(
      'root has no session: --user or --session says whose, and remoteaccessctl sessions lists them',
    );
  if (uid === 0) throw new NoSuchSession(`${user} has no session; remoteaccessctl create ${user} starts it`);
  throw new NoSuchSession(`there is no session of ${user} that you may use; with a token, --token-file logs in to it`);
}
