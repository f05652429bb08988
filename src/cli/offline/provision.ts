import { constants } from 'node:fs';
import { mkdir, open, realpath } from 'node:fs/promises';
import { join, sep } from 'node:path';
import type { ProvisionOptions } from '../../bus/generated/dictionaries.js';
import { InvalidArgs, NoSuchUser, NotAuthorized } from '../../errors.js';
import { parseHashedToken } from '../../token-store/token.js';
import { type Provision, TokenStore } from '../../token-store/token-store.js';
import type { Arguments } from '../arguments.js';
import { handOut } from '../commands/provision.js';
import type { Context } from '../context.js';
import { GRANTS } from '../grants.js';
import { readSecretFile } from '../secret.js';
import { UsageError } from '../usage-error.js';
import { findUid } from './passwd.js';

/** The largest uid; one more means "no user" to the kernel. */
const LARGEST_UID = 0xff_ff_ff_fe;

/** `provision --offline`: the same as the service does, in a file system where it does not run. */
export async function provisionOffline(context: Context, given: Arguments, options: ProvisionOptions): Promise<void> {
  const root = given.text('root');
  if (root === undefined) throw new UsageError('--offline needs --root', 'provision');
  const from = given.text('hash-from');
  if (from !== undefined && given.text('token-out') !== undefined)
    throw new UsageError('with --hash-from there is no token that could be written to --token-out', 'provision');
  // The service trusts no token that is not root's.
  if (process.geteuid?.() !== 0) throw new NotAuthorized('--offline is for root: the tokens have to be root’s');
  const user = given.positionals[0] ?? '';
  const request: Provision = {
    user,
    uid: given.number('uid', LARGEST_UID) ?? (await lookUp(root, user)),
    grants: options.grants ?? GRANTS,
    label: options.label ?? '',
    appId: options['app-id'] ?? '',
    expires: options.expires ?? 0,
    uses: options.uses ?? 0,
    desktop: options.desktop ?? '',
  };
  if (from === undefined)
    return handOut(context, given, async () => {
      using store = await openStore(root);
      return store.provision(request);
    });
  const hashed = parseHashedToken(await readSecretFile('--hash-from', from));
  using store = await openStore(root);
  await store.place(request, hashed);
  if (context.output.json) context.output.object({ id: hashed.id });
  else context.output.line(hashed.id);
}

async function lookUp(root: string, user: string): Promise<number> {
  const uid = await findUid(root, user);
  if (uid === undefined)
    throw new NoSuchUser(
      `there is no user '${user}' in ${join(root, 'etc/passwd')}; --uid says which uid it will have`,
    );
  return uid;
}

/** Where the service keeps tokens, in that file system: made if need be, as systemd would (remote-accessd.service). */
async function openStore(root: string): Promise<TokenStore> {
  const top = await realpath(root);
  let folder = top;
  for (const [name, mode] of FOLDERS) {
    folder = join(folder, name);
    await mkdir(folder, { mode }).catch((error: NodeJS.ErrnoException) => {
      if (error.code !== 'EEXIST') throw error;
    });
    // A link to outside would have us write on the machine that makes the image.
    const real = await realpath(folder);
    if (real !== folder && !real.startsWith(top === sep ? sep : top + sep))
      throw new InvalidArgs(`${folder} leads out of ${root}`);
  }
  const store = await TokenStore.open(folder);
  // The folder's name is new in its parent: both have to outlive the image being cut off.
  await using parent = await open(join(folder, '..'), constants.O_RDONLY | constants.O_DIRECTORY);
  await parent.sync();
  return store;
}

const FOLDERS: readonly (readonly [name: string, mode: number])[] = [
  ['var', 0o755],
  ['lib', 0o755],
  ['remote-access', 0o700],
  ['tokens', 0o700],
];
