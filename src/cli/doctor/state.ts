import { readdir, readFile, stat, statfs } from 'node:fs/promises';
import { join } from 'node:path';
import { parseRecord } from '../../token-store/token-record.js';
import { type Check, type Finding, problem, unlessWrong, warning } from './finding.js';

const STATE = '/var/lib/remote-access';
const TOKENS = `${STATE}/tokens`;
/** Bytes and files: some hundred tokens. */
const LEAST_SPACE = 1_048_576;
const LEAST_FILES = 100;

/** Where tokens are kept. */
export const state: Check = {
  name: 'token store',
  async look() {
    const folder = await stat(STATE).catch(() => undefined);
    const wrong = await space(folder === undefined ? '/var/lib' : STATE);
    if (folder === undefined) return unlessWrong(wrong, `${STATE} is made by the first token`);
    wrong.push(...wrongOwner(STATE, folder));
    if (process.geteuid?.() !== 0) return unlessWrong(wrong, `${STATE}; only root sees what is in it`);
    const tokens = await stat(TOKENS).catch(() => undefined);
    if (tokens === undefined) return unlessWrong(wrong, 'no tokens yet');
    wrong.push(...wrongOwner(TOKENS, tokens));
    const names = (await readdir(TOKENS)).filter((name) => name.endsWith('.json'));
    const bad = (await Promise.all(names.map(badToken))).filter((finding) => finding !== undefined);
    return unlessWrong([...wrong, ...bad], `${names.length} tokens`);
  },
};

function wrongOwner(path: string, { uid, mode }: { uid: number; mode: number }): Finding[] {
  const wrong: Finding[] = [];
  if (uid !== 0)
    wrong.push(problem(`${path} belongs to uid ${uid}, so its tokens are not trusted`, `chown root:root ${path}`));
  if ((mode & 0o077) !== 0)
    wrong.push(warning(`${path} is open to others (mode ${(mode & 0o7777).toString(8)})`, `chmod 700 ${path}`));
  return wrong;
}

async function space(path: string): Promise<Finding[]> {
  const { bsize, bavail, files, ffree } = await statfs(path);
  // Some file systems do not count files.
  if (bsize * bavail >= LEAST_SPACE && (files === 0 || ffree >= LEAST_FILES)) return [];
  return [
    problem(`the disk of ${path} is full: no token can be made, or counted down`, `df -h ${path}; df -i ${path}`),
  ];
}

async function badToken(name: string): Promise<Finding | undefined> {
  const path = join(TOKENS, name);
  try {
    const { uid, mode } = await stat(path);
    if (uid !== 0 || (mode & 0o022) !== 0)
      return warning(`${path} could have been written by others, and is passed over`, `rm ${path}`);
    parseRecord(await readFile(path, 'utf8'));
    return undefined;
  } catch (error) {
    return warning(`${path} cannot be read: ${error instanceof Error ? error.message : error}`, `rm ${path}`);
  }
}
