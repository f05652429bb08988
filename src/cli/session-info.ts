import { userInfo } from 'node:os';
import { CallError } from '../bus/call-error.js';
import type { SessionClient } from '../bus/generated/dictionaries.js';
import { NoSuchSession } from '../errors.js';
import { findAccount } from './account.js';
import type { Service } from './service.js';

/** A session as JSON shows it. */
export type SessionInfo = {
  readonly id: string;
  readonly class: string;
  readonly uid: number;
  readonly user: string;
  readonly state: string;
  readonly desktop: string;
  readonly compositor: string;
  readonly 'logind-session': string;
  /** Seconds since 1970-01-01 UTC. */
  readonly created: number;
  readonly locked: boolean;
  readonly client: SessionClient;
  readonly 'last-client': SessionClient;
  readonly path: string;
};

/** A session as ListSessions tells it. */
type Listed = [id: string, kind: string, uid: number, user: string, path: string];

/** The sessions that the caller may see, by user name and then by age. */
export async function listSessions(service: Service): Promise<SessionInfo[]> {
  const listed = await service.root.methods.listSessions();
  const sessions = await Promise.all(listed.map(([, , , , path]) => readSession(service, path)));
  return sessions
    .filter((session) => session !== undefined)
    .sort((a, b) => (a.user < b.user ? -1 : a.user > b.user ? 1 : a.created - b.created));
}

/** The session of that id, or the one of the user of that name. NoSuchSession. */
export async function findSession(service: Service, name: string): Promise<string> {
  const listed = await service.root.methods.listSessions();
  const found = listed.find(([id]) => id === name) ?? (await sessionOf(name, listed));
  if (found === undefined) throw new NoSuchSession(`there is no session '${name}', nor one of a user of that name`);
  return found[4];
}

/** The one of a user among those that ListSessions told, by whichever of their names. */
export async function sessionOf(user: string, listed: readonly Listed[]): Promise<Listed | undefined> {
  const named = listed.find(([, , , name]) => name === user);
  if (named !== undefined || listed.length === 0) return named;
  const uid = (await findAccount(user))?.uid;
  return listed.find(([, , owner]) => owner === uid);
}

/** The name of the user who runs us. */
export function ownUser(): string {
  return userInfo().username;
}

/** Undefined if it ended meanwhile. */
export async function readSession(service: Service, path: string): Promise<SessionInfo | undefined> {
  try {
    const all = await service.session(path).allProperties();
    const [uid, user] = all.User;
    return {
      id: all.Id,
      class: all.Class,
      uid,
      user,
      state: all.State,
      desktop: all.Desktop,
      compositor: all.Compositor,
      'logind-session': all.LogindSession,
      created: Number(all.Created),
      locked: all.Locked,
      client: all.Client,
      'last-client': all.LastClient,
      path,
    };
  } catch (error) {
    if (error instanceof CallError && error.dbusName === 'org.freedesktop.DBus.Error.UnknownObject') return undefined;
    throw error;
  }
}

/** Who is connected: `laptop (192.0.2.7)`, or what of it is known. */
export function clientText({ name, address, since }: SessionInfo['client']): string {
  if (since === undefined) return '';
  if (name === undefined || name === '') return address ?? 'unnamed';
  return address === undefined || address === '' ? name : `${name} (${address})`;
}
