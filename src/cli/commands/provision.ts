import type { ProvisionOptions } from '../../bus/generated/dictionaries.js';
import type { Arguments } from '../arguments.js';
import type { Context } from '../context.js';
import { parseGrants } from '../grants.js';
import { withPermission } from '../permission.js';
import { parseTime } from '../time.js';
import { writeTokenFile } from '../token-file.js';
import { UsageError } from '../usage-error.js';

const LARGEST_U32 = 0xff_ff_ff_ff;
const OFFLINE_OPTIONS = ['root', 'uid', 'hash-from'];

export async function run(context: Context, given: Arguments): Promise<void> {
  const options = readOptions(given);
  if (given.flag('offline')) {
    const { provisionOffline } = await import('../offline/provision.js');
    return provisionOffline(context, given, options);
  }
  const needless = OFFLINE_OPTIONS.find((option) => given.text(option) !== undefined);
  if (needless !== undefined) throw new UsageError(`--${needless} needs --offline`, 'provision');
  await handOut(context, given, async () => {
    const { tokens } = await context.connect();
    const user = given.positionals[0] ?? '';
    const [id, token] = await withPermission((how) => tokens.methods.provision(user, options, how));
    return { id, token };
  });
}

/** Makes a token and gives it to the caller: on standard output, or in the file of --token-out. */
export async function handOut(
  { output }: Context,
  given: Arguments,
  make: () => Promise<{ id: string; token: string }>,
): Promise<void> {
  const file = given.text('token-out');
  if (file === undefined) {
    const { id, token } = await make();
    return output.json ? output.object({ id, token }) : output.line(token);
  }
  let id = '';
  await writeTokenFile(file, async () => {
    const made = await make();
    id = made.id;
    return made.token;
  });
  if (output.json) output.object({ id, 'token-file': file });
  else output.line(id);
}

function readOptions(given: Arguments): ProvisionOptions {
  const options: ProvisionOptions = {};
  const grants = given.text('grants');
  const expires = given.text('expires');
  const uses = given.number('uses', LARGEST_U32);
  if (grants !== undefined) options.grants = parseGrants('grants', grants);
  if (expires !== undefined) options.expires = parseTime('expires', expires);
  if (uses !== undefined) options.uses = uses;
  for (const key of ['label', 'app-id', 'desktop'] as const) {
    const text = given.text(key);
    if (text !== undefined) options[key] = text;
  }
  return options;
}
