import { readFileSync } from 'node:fs';
import { run, uidOf } from './fixture.js';
import { notes } from './login-conversation.js';

/** The processes of a login and of a session that somebody may kill, beside the daemon and the tool. */
export type Process =
  | "login's worker"
  | "session's worker"
  | "session's whole unit"
  | 'desktop'
  | 'agent'
  | "user's systemd"
  | "user's bus"
  | 'logind';

/** Kills what is that of a user and of their session's path. */
export function kill(victim: Process, user: string, session: string): void {
  if (victim === "session's whole unit")
    run('systemctl', 'kill', '--signal=KILL', `remote-access-session-${session.slice(session.lastIndexOf('/') + 1)}`);
  else process.kill(pidOf(victim, user, session), 'SIGKILL');
}

/** The pid of such a process; of a unit, of its first one. */
export function pidOf(victim: Process, user: string, session: string): number {
  const id = session.slice(session.lastIndexOf('/') + 1);
  switch (victim) {
    case "login's worker": {
      // Gates note who comes by. Before the first of them it is the one that was started last.
      const held = notes('held').findLast((line) => line.startsWith(`${user} `));
      return Number(held?.split(' ')[2] ?? run('pgrep', '--newest', '--exact', 'remote-access-w'));
    }
    case "session's worker":
    case "session's whole unit":
      return mainPid(`remote-access-session-${id}.service`);
    case 'desktop': {
      const worker = pidOf("session's worker", user, session);
      return Number(readFileSync(`/proc/${worker}/task/${worker}/children`, 'utf8').trim());
    }
    case 'agent':
      return firstOf(user, `session.slice/remote-access-agent@${id}.service`);
    case "user's systemd":
      return mainPid(`user@${uidOf(user)}.service`);
    case "user's bus":
      return firstOf(user, 'session.slice/dbus.service');
    case 'logind':
      return mainPid('systemd-logind.service');
  }
}

function mainPid(unit: string): number {
  return Number(run('systemctl', 'show', '--value', '--property=MainPID', unit));
}

/** The first process of a unit of the user's. */
function firstOf(user: string, unit: string): number {
  const uid = uidOf(user);
  const group = `/sys/fs/cgroup/user.slice/user-${uid}.slice/user@${uid}.service/${unit}`;
  return Number(readFileSync(`${group}/cgroup.procs`, 'utf8').split('\n')[0]);
}
