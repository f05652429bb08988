import { Tool } from '../../src/tool/tool.js';
import { provision } from '../../test/system/remote-tool.js';
import { onlyConnector, record, SessionByHand } from '../container/by-hand.js';
import { endSessions } from '../container/end-sessions.js';
import { frameOf } from '../container/first-frame.js';
import { foreignTool, person, userBus } from '../container/person.js';
import { alternate } from '../container/rounds.js';
import { connectAndSee } from '../container/see.js';
import { endUserManagersAtOnce, userGone } from '../container/user-manager.js';
import { type Figure, quantiles } from '../figure.js';
import { newSession } from './new-session.js';

const alice = person('alice');
const admin = await Tool.start();

/** By hand these are started so; from the session files of Debian 13 and of this project. */
const DESKTOPS = {
  mutter: ['mutter', '--headless', '--wayland', '--no-x11'],
  gnome: ['/usr/bin/gnome-session'],
} as const;

const figures: Figure[] = [];

endUserManagersAtOnce();

for (const desktop of ['mutter', 'gnome'] as const) figures.push(...(await startFigures(desktop)));
figures.push(await connectFigure());
process.stdout.write(`${JSON.stringify(figures)}\n`);
process.exit(0);

/** From nothing of the user's running to a picture. */
async function startFigures(desktop: keyof typeof DESKTOPS): Promise<Figure[]> {
  const stages = new Map<string, number[]>();
  let first = true;
  const ways = {
    ours: async () => {
      const token = provision();
      const { took, stages: reached } = await newSession(alice, admin, (tool) =>
        tool.logIn('token', { token }, { desktop }),
      );
      if (!first) for (const [stage, time] of reached) stages.set(stage, [...(stages.get(stage) ?? []), time]);
      first = false;
      return took;
    },
    byHand: async () => {
      const started = performance.now();
      const running = await SessionByHand.start(alice, DESKTOPS[desktop]);
      const stream = await record(running.bus);
      const { at } = await frameOf(alice, stream.node, [1280, 720]);
      await running[Symbol.asyncDispose]();
      userGone(alice);
      return at - started;
    },
  };
  const { ours, byHand } = await alternate(ways, { most: 20, seconds: 60 });
  return [
    {
      name: `token → first frame, ${desktop}`,
      unit: 'ms',
      ours: quantiles(ours),
      reference: { name: 'by hand', ...quantiles(byHand) },
      aim: 'p50 ≤ 1.5',
    },
    ...[...stages].map(([stage, times]): Figure => ({ name: `  until ${stage}`, unit: 'ms', ours: quantiles(times) })),
  ];
}

/** To a session that runs. */
async function connectFigure(): Promise<Figure> {
  const tool = await foreignTool();
  const path = await tool.logIn('token', { token: provision() }, { desktop: 'mutter' });
  const bus = await userBus(alice);
  const connector = await onlyConnector(bus);
  const { ours, directly } = await alternate(
    {
      ours: async () => {
        const started = performance.now();
        const { at, connection } = await connectAndSee(tool, path);
        await connection.connection.methods.close();
        return at - started;
      },
      directly: async () => {
        const started = performance.now();
        const stream = await record(bus, connector);
        const { at } = await frameOf(alice, stream.node);
        await stream.stop();
        return at - started;
      },
    },
    { most: 100, seconds: 30 },
  );
  await endSessions(admin);
  return {
    name: 'Connect → first frame',
    unit: 'ms',
    ours: quantiles(ours),
    reference: { name: 'RecordMonitor', ...quantiles(directly) },
  };
}
