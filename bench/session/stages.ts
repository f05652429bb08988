import { execFileSync } from 'node:child_process';
import { statSync } from 'node:fs';
import { fromMonotonic } from '../container/first-frame.js';
import type { Person } from '../container/person.js';

/** What was reached, and when, as performance.now() counts. */
export type Stage = readonly [name: string, at: number];

/** How far the start of a session was when, by what others noted about it: nothing here disturbs the start itself. */
export function startStages(session: string, user: Person): Stage[] {
  const id = session.slice(session.lastIndexOf('/') + 1);
  const worker = `remote-access-session-${id}.service`;
  const agent = `remote-access-agent@${id}.service`;
  const manager = `user@${user.uid}.service`;
  const ofUser = ['--user', `--machine=${user.name}@`];
  const agentStarted = timestamp('ExecMainStartTimestampMonotonic', [...ofUser, agent]);
  const stages: Stage[] = [
    ['worker started', timestamp('ActiveEnterTimestampMonotonic', [worker])],
    // What pam_unix says comes after the password and the account were checked, and before pam_systemd.
    ['PAM opens the session', logged([`_SYSTEMD_UNIT=${worker}`, '--grep=session opened for user'])],
    ['user manager starts', timestamp('InactiveExitTimestampMonotonic', [manager])],
    ['user manager up', timestamp('ActiveEnterTimestampMonotonic', [manager])],
    ['agent started', agentStarted],
    ...agentStages(agent).map(([what, after]): Stage => [`agent: ${what}`, agentStarted + after]),
    ['compositor up', statSync(`${user.runtime}/wayland-0`).birthtimeMs - performance.timeOrigin],
  ];
  return stages.sort(([, a], [, b]) => a - b);
}

/** What an agent says itself once it is ready, in milliseconds since its process was started. */
function agentStages(agent: string): [what: string, after: number][] {
  const { MESSAGE } = entry([`_SYSTEMD_USER_UNIT=${agent}`, '--grep=^loaded after ']);
  return [...MESSAGE.matchAll(/([^,]+?) after (\d+) ms/g)].map(([, what = '', after]) => [what.trim(), Number(after)]);
}

function logged(which: readonly string[]): number {
  return Number(entry(which)._SOURCE_REALTIME_TIMESTAMP) / 1000 - performance.timeOrigin;
}

function entry(which: readonly string[]): { MESSAGE: string; _SOURCE_REALTIME_TIMESTAMP: string } {
  execFileSync('journalctl', ['--sync']);
  return JSON.parse(execFileSync('journalctl', [...which, '--lines=1', '--output=json'], { encoding: 'utf8' }));
}

function timestamp(name: string, unit: readonly string[]): number {
  return fromMonotonic(Number(property(name, unit)) * 1000);
}

function property(name: string, unit: readonly string[]): string {
  return execFileSync('systemctl', ['show', '--value', `--property=${name}`, ...unit], { encoding: 'utf8' }).trim();
}
