import { NoSuchSession } from '../../errors.js';
import type { Arguments } from '../arguments.js';
import type { Context } from '../context.js';
import { findSession, ownUser, readSession, type SessionInfo } from '../session-info.js';
import { timeText } from '../time.js';

export async function run({ output, connect }: Context, { positionals: [name] }: Arguments): Promise<void> {
  const service = await connect();
  const session = await readSession(service, await findSession(service, name ?? ownUser()));
  if (session === undefined) throw new NoSuchSession('the session has just ended');
  if (output.json) return output.object(session);
  output.fields(`${session.id} - ${session.user} (${session.uid})`, fields(session));
}

function fields(session: SessionInfo): [string, string][] {
  const { name, address, since } = session.client;
  const client = [name === undefined || name === '' ? 'unnamed' : name, address].filter(Boolean).join(' from ');
  return [
    ['State', session.state],
    ['Since', timeText(session.created, 'unknown')],
    ['Desktop', `${session.desktop} (${session.compositor})`],
    ['Locked', session.locked ? 'yes' : 'no'],
    ['Client', since === undefined ? 'none' : `${client}, since ${timeText(since, 'unknown')}`],
    ['Logind', session['logind-session'] || 'none'],
    ['Unit', `remote-access-session-${session.id}.service`],
    ['Object', session.path],
  ];
}
