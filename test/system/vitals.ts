import { readdirSync, readFileSync } from 'node:fs';
import type { Bus } from '../../src/bus/bus.js';
import { ROOT, run, SERVICE } from './fixture.js';

/** What a process holds, and whether it is still the same one. */
export type Vitals = { pid: number; descriptors: number; kilobytes: number };

export function vitalsOf(pid: number): Vitals {
  const [, resident = ''] = /^VmRSS:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8')) ?? [];
  return { pid, descriptors: readdirSync(`/proc/${pid}/fd`).length, kilobytes: Number(resident) };
}

export function daemonPid(): number {
  return Number(run('systemctl', 'show', '--value', '--property=MainPID', 'remote-accessd.service'));
}

export function agentPid(user: string, session: string): number {
  const show = ['systemctl', '--user', `--machine=${user}@.host`, 'show', '--value', '--property=MainPID'];
  return Number(run(...show, `remote-access-agent@${session}.service`));
}

/** The daemon's objects below a path, whoever may see them: what its introspection lists. */
export async function children(bus: Bus, below: string): Promise<string[]> {
  const path = `${ROOT}/${below}`;
  const call = { destination: SERVICE, path, interface: 'org.freedesktop.DBus.Introspectable', member: 'Introspect' };
  const { body = [] } = await bus.call(call).catch((error: { dbusName?: string }) => {
    if (error.dbusName !== 'org.freedesktop.DBus.Error.UnknownObject') throw error;
    return { body: [''] };
  });
  return [...String(body[0]).matchAll(/<node name="([^"]+)"/g)].map(([, name]) => name ?? '');
}
