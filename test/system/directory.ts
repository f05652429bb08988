import { appendFileSync, chmodSync, chownSync, copyFileSync, mkdirSync, readdirSync, writeFileSync } from 'node:fs';
import { run } from './fixture.js';

/** Users who are not in /etc/passwd: they come from libnss-extrausers, which reads files of its own. */

const DEBS = '/var/lib/debs/nss';
const FILES = '/var/lib/extrausers';
const PROBE = 'libnss_probe.so.2';

/** Everybody's. */
export const PASSWORD = 'Frosch+Teich9';

/** Installs the module and has it asked after /etc/passwd; then test/nss/probe.c as well, for the names it is for. */
export function startDirectory(): void {
  run('dpkg', '--force-unsafe-io', '--install', ...readdirSync(DEBS).map((name) => `${DEBS}/${name}`));
  copyFileSync(`/src/dist/test/${PROBE}`, `/usr/lib/${PROBE}`);
  mkdirSync(FILES, { recursive: true });
  for (const name of ['passwd', 'group', 'shadow']) writeFileSync(`${FILES}/${name}`, '');
  chmodSync(`${FILES}/shadow`, 0o600);
  run('sed', '--in-place', 's/^\\(passwd\\|group\\|shadow\\):.*/\\1: files extrausers probe/', '/etc/nsswitch.conf');
}

/** Adds a user with a group of the same number; the home is /home/UID, which is made unless somebody else is to. */
export function addUser(name: string, uid: number, { home = true }: { home?: boolean } = {}): void {
  const hash = run('openssl', 'passwd', '-6', PASSWORD);
  appendFileSync(`${FILES}/passwd`, `${name}:x:${uid}:${uid}:${name}:/home/${uid}:/bin/bash\n`);
  appendFileSync(`${FILES}/group`, `group${uid}:x:${uid}:\n`);
  appendFileSync(`${FILES}/shadow`, `${name}:${hash}:20000:0:99999:7:::\n`);
  if (!home) return;
  mkdirSync(`/home/${uid}`, { recursive: true, mode: 0o700 });
  chownSync(`/home/${uid}`, uid, uid);
}
