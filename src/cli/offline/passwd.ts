import { readFile } from 'node:fs/promises';
import { join } from 'node:path';

/**
 * The uid of a user in a file system's own /etc/passwd (passwd(5)); undefined if it has none of that name. Other
 * databases of that system cannot be asked: it does not run.
 */
export async function findUid(root: string, user: string): Promise<number | undefined> {
  const text = await readFile(join(root, 'etc/passwd'), 'utf8');
  for (const line of text.split('\n')) {
    const [name, , uid = ''] = line.split(':');
    if (name === user && /^\d{1,10}$/.test(uid)) return Number(uid);
  }
  return undefined;
}
