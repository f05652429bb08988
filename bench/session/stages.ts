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
  const ofUser = ['--user', `--machine=${user.name}@`];
  const stages: Stage[] = [
    ['worker started', timestamp('ActiveEnterTimestampMonotonic', [worker])],
    ['user manager up', timestamp('ActiveEnterTimestampMonotonic', [`user@${user.uid}.service`])],
    ['agent started', timestamp('ExecMainStartTimestampMonotonic', [...ofUser, agent])],
    ['compositor up', statSync(`${user.runtime}/wayland-0`).birthtimeMs - performance.timeOrigin],
  ];
  return stages.sort(([, a], [, b]) => a - b);
}

function timestamp(name: string, unit: readonly string[]): number {
  return fromMonotonic(Number(property(name, unit)) * 1000);
}

function property(name: string, unit: readonly string[]): string {
  return execFileSync('systemctl', ['show', '--value', `--property=${name}`, ...unit], { encoding: 'utf8' }).trim();
}
