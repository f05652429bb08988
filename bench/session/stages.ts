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
  const scope = `session-${output('loginctl', ['show-user', '--value', '--property=Display', user.name])}.scope`;
  const stages: Stage[] = [
    ['worker started', timestamp('ActiveEnterTimestampMonotonic', [worker])],
    // What pam_unix says comes after the password and the account were checked, and before pam_systemd.
    ['PAM opens the session', logged([`_SYSTEMD_UNIT=${worker}`, '--grep=session opened for user'])],
    ['user manager starts', timestamp('InactiveExitTimestampMonotonic', [manager])],
    ['user manager up', timestamp('ActiveEnterTimestampMonotonic', [manager])],
    // PAM is at its end, and the desktop's command comes next.
    ['logind made the session', timestamp('ActiveEnterTimestampMonotonic', [scope])],
    ['agent started', timestamp('ExecMainStartTimestampMonotonic', [...ofUser, agent])],
    ...agentStages(agent),
    ['compositor up', statSync(`${user.runtime}/wayland-0`).birthtimeMs - performance.timeOrigin],
  ];
  return stages.sort(([, a], [, b]) => a - b);
}

/** What an agent says itself once it is ready: each with the milliseconds since its process was started. */
function agentStages(agent: string): Stage[] {
  const said = entry([`_SYSTEMD_USER_UNIT=${agent}`, '--grep=^loaded after ']);
  const parts = [...said.MESSAGE.matchAll(/([^,]+?) after (\d+) ms/g)].map(([, what = '', after]) => ({
    what: what.trim(),
    after: Number(after),
  }));
  const { after: all = 0 } = parts.at(-1) ?? {};
  return parts.map(({ what, after }) => [`agent ${what}`, at(said) - all + after]);
}

function logged(which: readonly string[]): number {
  return at(entry(which));
}

type Entry = { MESSAGE: string; __REALTIME_TIMESTAMP: string; _SOURCE_REALTIME_TIMESTAMP?: string };

/** When it was sent, or else when the journal had it. */
function at({ __REALTIME_TIMESTAMP: received, _SOURCE_REALTIME_TIMESTAMP: sent = received }: Entry): number {
  return Number(sent) / 1000 - performance.timeOrigin;
}

function entry(which: readonly string[]): Entry {
  output('journalctl', ['--sync']);
  return JSON.parse(output('journalctl', [...which, '--lines=1', '--output=json'])) as Entry;
}

function timestamp(name: string, unit: readonly string[]): number {
  return fromMonotonic(Number(output('systemctl', ['show', '--value', `--property=${name}`, ...unit])) * 1000);
}

function output(command: string, args: readonly string[]): string {
  return execFileSync(command, args, { encoding: 'utf8' }).trim();
}
