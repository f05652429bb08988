import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readdirSync, readFileSync } from 'node:fs';
import { setTimeout as delay } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { remoteAccess } from '../../src/bus/generated/remote-access.js';
import { RemoteObject } from '../../src/bus/remote-object.js';
import { Tool } from '../../src/tool/tool.js';
import { endSessions } from '../container/end-sessions.js';
import { type Figure, quantiles } from '../figure.js';

/** What each program has for itself while it waits: its proportional share of memory (PSS), by number of sessions. */

const USERS = ['alice', 'bob', 'carol', 'dave', 'erin'] as const;

/** Node gives memory back some time after it was busy. */
const REST_MS = 10_000;
const IDLE = fileURLToPath(new URL('../../dist/bench/idle', import.meta.url));

for (const user of USERS.slice(2)) execFileSync('useradd', ['--create-home', '--shell', '/bin/bash', user]);
const admin = await Tool.start();
const root = new RemoteObject(admin.bus, remoteAccess, 'org.freedesktop.RemoteAccess', '/org/freedesktop/RemoteAccess');

const figures: Figure[] = [];
for (const count of [0, 1, 5]) {
  const sessions = `${count} session${count === 1 ? '' : 's'}`;
  // What programs share counts for less the more of them there are, so each reference runs as often, and alone.
  const node = await references(count, process.execPath, '-e', 'setInterval(() => {}, 1e6); console.log("hello")');
  const hello = await references(count, IDLE);
  for (const user of USERS.slice(0, count)) await root.methods.createSession(user, { desktop: 'mutter' });
  await root.methods.listSessions();
  await delay(REST_MS);
  const daemon = memory((args) => args.includes('/usr/lib/remote-access/remote-accessd.cjs'));
  figures.push({ name: `daemon, ${sessions}`, unit: 'MB', ours: quantiles(daemon) });
  if (count === 0) continue;
  const worker = memory((args) => args[0] === '/usr/libexec/remote-access-worker');
  const agent = memory((args) => args.includes('/usr/lib/remote-access/remote-access-agent.cjs'));
  for (const measured of [worker, agent])
    if (measured.length !== count) throw new Error(`${measured.length} processes for ${count} sessions`);
  figures.push(
    {
      name: `worker, ${sessions}`,
      unit: 'MB',
      ours: quantiles(worker),
      reference: { name: 'a C hello', ...quantiles(hello) },
      aim: '≤ 5 MB',
    },
    {
      name: `agent, ${sessions}`,
      unit: 'MB',
      ours: quantiles(agent),
      reference: { name: 'node -e', ...quantiles(node) },
    },
    {
      name: `worker and agent, ${sessions}`,
      unit: 'MB',
      ours: quantiles([(sum(worker) + sum(agent)) / count]),
      aim: '≤ 30 MB',
    },
  );
  await endSessions(admin);
}
process.stdout.write(`${JSON.stringify(figures)}\n`);
process.exit(0);

/** Of the processes whose arguments are so, in MB. */
function memory(matches: (args: string[]) => boolean): number[] {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name) && matches(argumentsOf(name)))
    .map(pss);
}

function argumentsOf(pid: string): string[] {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, 'utf8').split('\0');
  } catch {
    return [];
  }
}

function pss(pid: string | number): number {
  const kilobytes = /^Pss:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/smaps_rollup`, 'utf8'))?.[1];
  if (kilobytes === undefined) throw new Error(`process ${pid} has no PSS`);
  return (Number(kilobytes) * 1024) / 1e6;
}

/** What that many processes of a program have that prints something and then waits. */
async function references(count: number, file: string, ...args: string[]): Promise<number[]> {
  const processes: ChildProcess[] = [];
  try {
    for (let i = 0; i < count; i++) {
      const child = spawn(file, args, { stdio: ['ignore', 'pipe', 'inherit'] });
      processes.push(child);
      if (child.stdout !== null) await once(child.stdout, 'data');
    }
    await delay(REST_MS);
    return processes.map(({ pid = 0 }) => pss(pid));
  } finally {
    for (const child of processes) child.kill();
    await Promise.all(processes.map((child) => child.exitCode ?? child.signalCode ?? once(child, 'exit')));
  }
}

function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0);
}
