import { formatHashedToken, formatToken, generateToken, hashSecret } from '../../token-store/token.js';
import type { Arguments } from '../arguments.js';
import type { Context } from '../context.js';
import { writeTokenFile } from '../token-file.js';
import { UsageError } from '../usage-error.js';

export async function run({ output }: Context, given: Arguments): Promise<void> {
  const file = given.text('token-out');
  if (file === undefined) throw new UsageError('--token-out is missing: where to write the token', 'generate');
  const token = generateToken();
  const hashed = { id: token.id, hash: hashSecret(token.secret).toString('hex') };
  await writeTokenFile(file, async () => formatToken(token));
  if (output.json) output.object({ ...hashed, 'token-file': file });
  else output.line(formatHashedToken(hashed));
}
