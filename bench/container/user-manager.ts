import { execFileSync } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';
import type { Person } from './person.js';

/** Usually it outlives the last session for ten seconds, and then the next session would find half of it started. */
export function endUserManagersAtOnce(): void {
  mkdirSync('/etc/systemd/logind.conf.d', { recursive: true });
  writeFileSync('/etc/systemd/logind.conf.d/bench.conf', '[Login]\nUserStopDelaySec=0\n');
  execFileSync('systemctl', ['restart', 'systemd-logind']);
}

/** Returns when a user's manager, which stays for a moment after the last session, is gone. */
export function userGone(user: Person): void {
  execFileSync('sh', ['-c', `while systemctl --quiet is-active user@${user.uid}; do sleep 0.05; done`]);
  execFileSync('sh', ['-c', `while [ -e ${user.runtime}/bus ]; do sleep 0.05; done`]);
}
