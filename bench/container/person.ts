import { execFileSync } from 'node:child_process';
import koffi from 'koffi';
import { Bus } from '../../src/bus/bus.js';
import { Tool } from '../../src/tool/tool.js';

/** Node's own refuses on Debian, lest io_uring go by another identity; a connect goes by this one. */
const seteuid: (uid: number) => number = koffi.load('libc.so.6').func('int seteuid(uint32_t uid)');

/** A user of the container. */
export type Person = { readonly name: string; readonly uid: number; readonly gid: number; readonly runtime: string };

export function person(name: string): Person {
  const id = (which: string) => Number(execFileSync('id', [which, name], { encoding: 'utf8' }));
  const uid = id('-u');
  return { name, uid, gid: id('-g'), runtime: `/run/user/${uid}` };
}

export const NOBODY = person('nobody');

/** A remote desktop tool of user nobody. */
export function foreignTool(): Promise<Tool> {
  return as(NOBODY, () => Tool.start());
}

/** The user's own bus. */
export function userBus(user: Person): Promise<Bus> {
  return as(user, () => Bus.connect(`unix:path=${user.runtime}/bus`));
}

/** A bus goes by the effective uid at the time of connecting, which is the call's synchronous part. */
export function as<T>({ uid }: Person, action: () => T): T {
  if (seteuid(uid) !== 0) throw new Error(`not root: cannot act as uid ${uid}`);
  try {
    return action();
  } finally {
    seteuid(0);
  }
}
