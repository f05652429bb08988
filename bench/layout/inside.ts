import { PipeWire } from '../../src/portal-backend/pipewire/pipewire.js';
import { Tool } from '../../src/tool/tool.js';
import { provision } from '../../test/system/remote-tool.js';
import { onlyConnector, record, SessionByHand } from '../container/by-hand.js';
import { endSessions } from '../container/end-sessions.js';
import { frameOf } from '../container/first-frame.js';
import { as, foreignTool, person } from '../container/person.js';
import { alternate } from '../container/rounds.js';
import { see } from '../container/see.js';
import { type Figure, quantiles } from '../figure.js';

/** Windows that are resized by somebody's hand: never twice the same size. */
const sizes = (function* (): Generator<[number, number], never> {
  for (let turn = 0; ; turn++) yield [1024 + 16 * (turn % 32), 768];
})();

const bob = person('bob');
const admin = await Tool.start();
const tool = await foreignTool();
const session = await tool.logIn('token', { token: provision() }, { desktop: 'mutter' });
const connection = await tool.connect(session);

// Two sessions, for a monitor has one owner.
const byHand = await SessionByHand.start(bob, ['mutter', '--headless', '--wayland', '--no-x11']);
process.env.XDG_RUNTIME_DIR = bob.runtime;
const deadline = () => ({ signal: AbortSignal.timeout(10_000) });
const pipeWire = await as(bob, () => PipeWire.connect(deadline()));
const { node: owned } = await record(byHand.bus);
await pipeWire.negotiate(owned, { width: 800, height: 600, refresh: 60 }, deadline());
const connector = await onlyConnector(byHand.bus);

const { ours, directly } = await alternate(
  {
    ours: async () => {
      const size = sizes.next().value;
      const started = performance.now();
      await connection.layOut([{ id: 'default', size, position: [0, 0], scale: 1, primary: true }]);
      return check(await see(connection), size) - started;
    },
    directly: async () => {
      const size = sizes.next().value;
      const started = performance.now();
      await pipeWire.negotiate(owned, { width: size[0], height: size[1], refresh: 60 }, deadline());
      const stream = await record(byHand.bus, connector);
      const frame = await frameOf(bob, stream.node);
      await stream.stop();
      return check(frame, size) - started;
    },
  },
  { most: 100, seconds: 40 },
);

const figure: Figure = {
  name: 'SetLayout → first frame at the new size',
  unit: 'ms',
  ours: quantiles(ours),
  reference: { name: 'mutter directly', ...quantiles(directly) },
};
process.stdout.write(`${JSON.stringify([figure])}\n`);
await byHand[Symbol.asyncDispose]();
await endSessions(admin);
process.exit(0);

/** When a picture came, which has to have that size. */
function check({ size, at }: { size: readonly number[]; at: number }, wanted: readonly number[]): number {
  if (String(size) !== String(wanted)) throw new Error(`the picture has ${size} pixels, not ${wanted}`);
  return at;
}
