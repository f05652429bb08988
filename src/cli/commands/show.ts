import type { SessionClient } from '../../bus/generated/dictionaries.js';
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
  const { client, 'last-client': last } = session;
  return [
    ['State', session.state],
    ['Since', timeText(session.created, 'unknown')],
    ['Desktop', `${session.desktop} (${session.compositor})`],
    ['Locked', session.locked ? 'yes' : 'no'],
    ['Client', client.since === undefined ? 'none' : `${named(client)}, since ${timeText(client.since, 'unknown')}`],
    ...(last.left === undefined ? [] : [['Last client', `${named(last)}, ${stay(last)}`] as [string, string]]),
    ['Logind', session['logind-session'] || 'none'],
    ['Unit', `remote-access-session-${session.id}.service`],
    ['Object', session.path],
  ];
}

function named({ name, address }: SessionClient): string {
  return [name === undefined || name === '' ? 'unnamed' : name, address].filter(Boolean).join(' from ');
}

function stay({ since, left }: SessionClient): string {
  return `${timeText(since ?? 0, 'unknown')} to ${timeText(left ?? 0, 'unknown')}`;
}
