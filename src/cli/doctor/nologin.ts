import { readFile } from 'node:fs/promises';
import { type Check, type Finding, problem, unlessWrong } from './finding.js';

/** While one of these exists, PAM lets nobody in (pam_nologin(8)); systemd makes the second while it boots and ends. */
const FILES = ['/etc/nologin', '/run/nologin'];

export const nologin: Check = {
  name: 'logins',
  async look() {
    const wrong: Finding[] = [];
    for (const path of FILES) {
      const text = await readFile(path, 'utf8').catch(() => undefined);
      if (text === undefined) continue;
      const [line = ''] = text.trim().split('\n');
      wrong.push(problem(`${path} keeps everybody out${line === '' ? '' : `: ${line}`}`, `rm ${path}`));
    }
    return unlessWrong(wrong, 'are allowed');
  },
};
