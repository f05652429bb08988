import assert from 'node:assert/strict';
import { isDeepStrictEqual } from 'node:util';
import type { Monitor } from '../../src/bus/generated/dictionaries.js';
import { areaOf, logicalSize, placeMonitors } from '../../src/layout/layout.js';
import { overlaps } from '../../src/layout/rectangle.js';
import { rescale } from '../../src/layout/rescale.js';
import { SeededRandom } from '../unit/seeded-random.js';
import { Census } from './census.js';
import { EiSender } from './ei-sender.js';
import { provision, type RemoteConnection, RemoteTool } from './remote-tool.js';
import { Watcher } from './watcher.js';

/** By hand there may be more. */
const LAYOUTS = Number(process.env.ENDURANCE_LAYOUTS ?? 200);
const SEED = Number(process.env.ENDURANCE_SEED ?? 200);
/** Among them one with sixteen monitors, which takes mutter as long as ten others. */
const MANY = 100;
/** Every so often somebody watches all monitors, else one. */
const ALL = 5;
/** Every so often there is one that mutter cannot show. */
const REFUSED = 25;

/** Small ones: mutter loses eight bytes for each pixel at each step (docs/decisions/monitors-and-layouts.md). */
function randomScreen(random: SeededRandom): Pick<Monitor, 'size' | 'scale'> {
  if (random.below(32) > 0) return { size: [96 + random.below(128), 80 + random.below(80)], scale: 1 };
  // From this size on mutter has scales to choose from.
  return { size: [1000, 600], scale: random.pick([1, 1.25]) };
}

/** Each beside one of those before it, at a random place of one of its edges. */
function randomLayout(random: SeededRandom, count: number): Monitor[] {
  const layout: Monitor[] = [];
  while (layout.length < count) {
    const beside = layout.length === 0 ? undefined : areaOf(random.pick(layout));
    const next: Monitor = {
      id: `m${random.below(2)}-${layout.length}`,
      ...randomScreen(random),
      position: [0, 0],
      refresh: random.pick([30, 60]),
      transform: random.below(8),
    };
    const [width, height] = logicalSize(next);
    if (beside !== undefined) {
      const along = (start: number, end: number, length: number) =>
        start - length + 1 + random.below(end - start + length - 1);
      next.position = random.pick<[number, number]>([
        [beside.right, along(beside.top, beside.bottom, height)],
        [beside.left - width, along(beside.top, beside.bottom, height)],
        [along(beside.left, beside.right, width), beside.bottom],
        [along(beside.left, beside.right, width), beside.top - height],
      ]);
    }
    if (!layout.some((other) => overlaps(areaOf(other), areaOf(next)))) layout.push(next);
  }
  random.pick(layout).primary = true;
  return layout;
}

/** What GetLayout tells about each monitor, without what is different for each connection. */
async function layoutOf(connection: RemoteConnection): Promise<Monitor[]> {
  const [, monitors] = await connection.monitors.getLayout();
  return monitors.map(({ node: _node, 'mapping-id': _mapping, ...rest }) => rest);
}

const upright = ({ size: [width, height], transform = 0 }: Monitor) =>
  transform % 2 === 0 ? [width, height] : [height, width];

describe('a mutter session', function () {
  this.timeout(60_000 + LAYOUTS * 5_000);
  const random = new SeededRandom(SEED);
  let tool: RemoteTool;
  let connection: RemoteConnection;
  let first: Monitor[];

  before(async () => {
    tool = RemoteTool.start();
    connection = await tool.connect(await tool.logIn(provision(), { desktop: 'mutter' }));
    first = await layoutOf(connection);
  });

  after(() => tool?.[Symbol.asyncDispose]());

  /** The layout must be so then, with the scales that mutter has; but a refresh rate changes only with the size. */
  async function change(asked: readonly Monitor[]): Promise<Monitor[]> {
    const old = new Map((await layoutOf(connection)).map((monitor) => [monitor.id, monitor]));
    await connection.layOut([...asked]);
    const layout = await layoutOf(connection);
    const scales = layout.map(({ scale }) => scale);
    assert.ok(asked.every(({ scale }, index) => Math.abs(scale - (scales[index] ?? 0)) < 0.06));
    const expected = rescale(placeMonitors(asked), scales).map((monitor) => {
      const before = old.get(monitor.id);
      return isDeepStrictEqual(before?.size, monitor.size) ? { ...monitor, refresh: before?.refresh } : monitor;
    });
    assert.deepEqual(layout, expected);
    return layout;
  }

  /** By mutter, after it has made or resized all monitors: nothing may be different then. */
  async function beRefused(): Promise<void> {
    const before = await layoutOf(connection);
    const row: Monitor[] = [];
    for (const scale of [1, 1, 7.3]) {
      const x = row.reduce((sum, monitor) => sum + logicalSize(monitor)[0], 0);
      const size: [number, number] = [1280, 720 + random.below(80)];
      row.push({ id: `m${random.below(2)}-${row.length}`, size, position: [x, 0], scale, primary: x === 0 });
    }
    await assert.rejects(connection.layOut(row), { dbusName: 'org.freedesktop.RemoteAccess.Error.InvalidLayout' });
    assert.deepEqual(await layoutOf(connection), before);
  }

  /** Changes the layout so often; somebody watches, and reaches all monitors with a pointer. */
  async function changeAtRandom(times: number): Promise<void> {
    await using watcher = Watcher.start();
    await using sender = await EiSender.start(connection);
    for (let turn = 0; turn < times; turn++) {
      if (turn % REFUSED === 0) await beRefused();
      const layout = await change(randomLayout(random, turn % MANY === MANY / 2 ? 16 : 1 + random.below(4)));
      const watched = turn % ALL === 0 ? layout : [random.pick(layout)];
      assert.deepEqual(
        await watcher.watch(
          connection,
          watched.map(({ id }) => id),
        ),
        Object.fromEntries(watched.map((monitor) => [monitor.id, upright(monitor)])),
      );
      const places = layout.map((monitor) => {
        const [width, height] = logicalSize(monitor);
        const [x, y] = monitor.position;
        return { id: monitor.id, x, y, width, height };
      });
      await sender.devices(({ regions }) => isDeepStrictEqual(regions, places));
      const { x, y, width, height } = random.pick(places);
      await sender.do('move-to', { x: x + random.below(width), y: y + random.below(height) });
    }
  }

  it(`survives ${LAYOUTS} random layouts while somebody watches, and keeps nothing of them`, async () => {
    // What is made once and kept is there after the first times.
    await changeAtRandom(5);
    await change(first);
    const before = Census.take(['alice']);
    await changeAtRandom(LAYOUTS);
    await change(first);
    assert.deepEqual(before.leftOver(), []);
  });
});
