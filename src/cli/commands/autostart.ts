import { execFile } from 'node:child_process';
import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { NoSuchUser, NotAuthorized, NotSupported, SessionFailed } from '../../errors.js';
import { findAccount } from '../account.js';
import type { Arguments } from '../arguments.js';
import type { Context } from '../context.js';
import { forEach } from '../for-each.js';
import { findUid } from '../offline/passwd.js';
import { UsageError } from '../usage-error.js';

/** Bytes in the name of a unit (systemd.unit(5)). */
const LONGEST_UNIT = 255;
const LINK = /^remote-access-autostart@(.+)\.service$/;
/** Where systemd notes that a unit is to start with the machine ([Install] in the unit). */
const WANTED = '/etc/systemd/system/multi-user.target.wants';

/** systemd keeps who they are: an instance of our template for each of them is enabled. */
export async function run(context: Context, given: Arguments): Promise<number> {
  const root = given.text('root') ?? '/';
  const users = given.positionals;
  const remove = given.flag('remove');
  if (users.length === 0) {
    if (remove) throw new UsageError('--remove needs the name of a user', 'autostart');
    context.output.list(await chosen(root), [{ title: 'USER', text: ({ user }) => user }], 'users');
    return 0;
  }
  if (process.geteuid?.() !== 0) throw new NotAuthorized('only root may choose whose sessions start at boot');
  return forEach(context, users, async (user) => {
    const name = (await nameOf(root, user)) ?? (remove ? user : undefined);
    if (name === undefined) throw new NoSuchUser(`there is no user '${user}'`);
    await systemctl(root, remove ? 'disable' : 'enable', await unitOf(name));
    if (context.output.json) context.output.object({ user: name });
  });
}

async function chosen(root: string): Promise<{ user: string }[]> {
  const links = await readdir(join(root, WANTED)).catch(() => []);
  const units = links.filter((name) => LINK.test(name)).sort();
  // One by one: it prints them with spaces between, which names may have, too.
  const names = await Promise.all(units.map((unit) => systemdEscape('--unescape', '--instance', '--', unit)));
  return names.map((name) => ({ user: name.trimEnd() }));
}

/** As the user database spells it; undefined if there is no such user. */
async function nameOf(root: string, user: string): Promise<string | undefined> {
  if (root === '/') return (await findAccount(user))?.name;
  return (await findUid(root, user)) === undefined ? undefined : user;
}

async function unitOf(user: string): Promise<string> {
  const unit = `remote-access-autostart@${(await systemdEscape('--', user)).trimEnd()}.service`;
  if (unit.length > LONGEST_UNIT) throw new NotSupported(`'${user}' is too long for the name of a systemd unit`);
  return unit;
}

function systemdEscape(...args: string[]): Promise<string> {
  return execute('systemd-escape', args);
}

async function systemctl(root: string, action: 'enable' | 'disable', unit: string): Promise<void> {
  const where = root === '/' ? [] : [`--root=${root}`];
  await execute('systemctl', ['--quiet', ...where, action, '--', unit]);
}

async function execute(program: string, args: readonly string[]): Promise<string> {
  try {
    const { stdout } = await promisify(execFile)(program, args, { env: { ...process.env, LC_ALL: 'C' } });
    return stdout;
  } catch (error) {
    const { stderr = '', message } = error as Error & { stderr?: string };
    throw new SessionFailed(stderr.trim().split('\n').at(-1) || message);
  }
}
