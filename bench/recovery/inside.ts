import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, rmSync } from 'node:fs';
import { setTimeout as delay } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import type { OutgoingCall } from '../../src/bus/bus.js';
import { CallError } from '../../src/bus/call-error.js';
import { Tool } from '../../src/tool/tool.js';
import { asUser } from '../../test/system/in-session.js';
import { provision } from '../../test/system/remote-tool.js';
import { endSessions } from '../container/end-sessions.js';
import { FrameTimes, fromMonotonic } from '../container/first-frame.js';
import { foreignTool, person } from '../container/person.js';
import { alternate } from '../container/rounds.js';
import { see } from '../container/see.js';
import { bareNodeService, gdbusService, type Service } from '../container/services.js';
import { type Figure, quantiles } from '../figure.js';

const OURS: Service = { name: 'org.freedesktop.RemoteAccess', unit: 'remote-accessd.service' };

/** How long pictures are watched, and how long before the daemon is killed, in milliseconds. */
const WATCHED = 1500;
const BEFORE = 500;

const alice = person('alice');
const admin = await Tool.start();
const bareNode = bareNodeService();
const gdbus = gdbusService();

const figures = [...(await activation()), ...(await agentKilled()), ...(await daemonKilled())];
process.stdout.write(`${JSON.stringify(figures)}\n`);
process.exit(0);

/** A call that any of the services answers with little. */
function callOf({ name }: Service): OutgoingCall {
  if (name === OURS.name)
    return { destination: name, path: '/org/freedesktop/RemoteAccess', interface: name, member: 'ListSessions' };
  return {
    ...{ destination: name, path: '/bench', interface: 'org.example.Bench', member: 'Echo' },
    ...{ signature: 'sa{sv}', body: ['', []] },
  };
}

/** Until somebody answers: what was on its way to the one that died is answered by the bus. */
async function answered(call: OutgoingCall): Promise<number> {
  const started = performance.now();
  for (;;)
    try {
      await admin.bus.call(call);
      return performance.now() - started;
    } catch (error) {
      if (!(error instanceof CallError) || !error.dbusName.endsWith('.NoReply')) throw error;
    }
}

/** From a call to a service that is not running to the answer; nobody has a session. */
async function activation(): Promise<Figure[]> {
  const cold = (service: Service) => async () => {
    execFileSync('systemctl', ['stop', service.unit], { stdio: 'ignore' });
    return answered(callOf(service));
  };
  const samples = await alternate(
    { ours: cold(OURS), bare: cold(bareNode), inC: cold(gdbus) },
    { most: 50, seconds: 40 },
  );
  const name = 'call that activates → answer';
  return [
    {
      ...{ name, unit: 'ms', ours: quantiles(samples.ours) },
      reference: { name: 'bare Node service', ...quantiles(samples.bare) },
    },
    {
      name: '',
      unit: 'ms',
      ours: quantiles(samples.ours),
      reference: { name: 'GDBus in C', ...quantiles(samples.inC) },
    },
  ];
}

/** From the end of the agent to a picture for a tool that connects again as soon as it hears of it. */
async function agentKilled(): Promise<Figure[]> {
  const tool = await foreignTool();
  const session = await tool.logIn('token', { token: provision() }, { desktop: 'mutter' });
  const agent = `remote-access-agent@${session.slice(session.lastIndexOf('/') + 1)}.service`;
  const user = ['--user', `--machine=${alice.name}@`];
  const starts = `/run/user/${alice.uid}/remote-access/${session.slice(session.lastIndexOf('/') + 1)}.starts`;
  let connection = await tool.connect(session);
  await see(connection);
  const stages = new Map<string, number[]>();
  const property = (name: string): string =>
    execFileSync('systemctl', [...user, 'show', '--value', `--property=${name}`, agent], { encoding: 'utf8' }).trim();
  const { ours, bare } = await alternate(
    {
      ours: async () => {
        // It is not about agents that die one after the other.
        rmSync(starts, { force: true });
        const pid = Number(property('MainPID'));
        let heard: () => void = () => {};
        const closed = new Promise<void>((resolve) => {
          heard = resolve;
        });
        await using _closed = await connection.connection.subscribe('Closed', () => heard());
        const started = performance.now();
        process.kill(pid, 'SIGKILL');
        await closed;
        const told = performance.now();
        connection = await tool.connect(session);
        const connected = performance.now();
        const { at, opened } = await see(connection);
        const running = fromMonotonic(Number(property('ExecMainStartTimestampMonotonic')) * 1000);
        for (const [stage, time] of [
          ['Closed', told],
          ['next agent started', running],
          ['connected', connected],
          ['descriptor of the picture', opened],
        ] as const)
          stages.set(stage, [...(stages.get(stage) ?? []), time - started]);
        return at - started;
      },
      bare: () => killed(bareNode),
    },
    { most: 50, seconds: 40 },
  );
  await connection.connection.methods.close();
  await tool[Symbol.asyncDispose]();
  return [
    {
      name: 'agent killed → first frame',
      unit: 'ms',
      ours: quantiles(ours),
      reference: { name: 'bare Node service answers', ...quantiles(bare) },
      aim: 'p50 ≤ 250 ms',
    },
    ...[...stages].map(([stage, times]): Figure => ({ name: `  until ${stage}`, unit: 'ms', ours: quantiles(times) })),
  ];
}

/** From the end of a service to the answer of the one that systemd starts in its place. */
async function killed(service: Service, call = callOf(service)): Promise<number> {
  // Until it answers it may not be there yet. systemd waits longer for each restart that follows on others.
  await answered(call);
  execFileSync('systemctl', ['reset-failed', service.unit]);
  const pid = execFileSync('systemctl', ['show', '--value', '--property=MainPID', service.unit], { encoding: 'utf8' });
  process.kill(Number(pid), 'SIGKILL');
  return answered(call);
}

/** What a tool that watches and calls notices of the end of the daemon. */
async function daemonKilled(): Promise<Figure[]> {
  const session = await admin.logIn('token', { token: provision() }, { desktop: 'mutter' });
  const connection = await admin.connect(session);
  const script = fileURLToPath(new URL('./animation.py', import.meta.url));
  const [program, args] = asUser(alice.name, ['python3', script]);
  const animation = spawn(program, args, { stdio: ['ignore', 'pipe', 'inherit'] });
  if (animation.stdout === null) throw new TypeError('stdout is no pipe');
  await once(animation.stdout, 'data');
  const [[node] = []] = await connection.capture.property('Streams');
  const fd = await connection.capture.methods.openPipeWireRemote({});
  const frames = new FrameTimes(fd, node ?? 0);
  while (frames.all.length < 10) await delay(10);

  const call = {
    destination: OURS.name,
    path: connection.path,
    interface: `${OURS.name}.Monitors`,
    member: 'GetLayout',
  };
  const again: number[] = [];
  /** The largest gap between two pictures while something happens. */
  const gap = async (what: () => Promise<unknown>) => {
    const from = frames.all.length;
    await delay(BEFORE);
    await what();
    await delay(WATCHED - BEFORE);
    const times = frames.all.slice(from);
    return Math.max(...times.slice(1).map((time, i) => time - (times[i] ?? 0)));
  };
  const { kill, quiet } = await alternate(
    {
      kill: () => gap(async () => again.push(await killed(OURS, call))),
      quiet: () => gap(async () => {}),
    },
    { most: 20, seconds: 60 },
  );
  const { bare } = await alternate({ bare: () => killed(bareNode) }, { most: again.length, seconds: 20 });
  frames[Symbol.dispose]();
  closeSync(fd);
  animation.kill();
  await endSessions(admin);
  return [
    {
      name: 'largest gap between frames, daemon killed',
      unit: 'ms',
      ours: quantiles(kill),
      reference: { name: 'daemon left alone', ...quantiles(quiet) },
      aim: 'as alone',
    },
    {
      name: 'daemon killed → the same call answered',
      unit: 'ms',
      ours: quantiles(again.slice(1)),
      reference: { name: 'bare Node service', ...quantiles(bare) },
    },
  ];
}
