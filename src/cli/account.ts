import { ask } from './doctor/finding.js';

/** Somebody as the user database spells it, which may have other names for them or ignore case. */
export type Account = { readonly name: string; readonly uid: number };

/** Undefined if there is no user of that name, or the database does not answer. */
export async function findAccount(user: string): Promise<Account | undefined> {
  // getent(1) would take it for a uid.
  if (/^\s*[+-]?\d*$/.test(user)) return undefined;
  const [name = '', , uid] = ((await ask('getent', 'passwd', '--', user)) ?? '').split(':');
  return uid === undefined ? undefined : { name, uid: Number(uid) };
}
