import assert from 'node:assert/strict';
import { logicalSize, type PlacedMonitor, placeMonitors } from '../../src/layout/layout.js';
import { nearestScale, rescale } from '../../src/layout/rescale.js';
import { SeededRandom } from './seeded-random.js';

const monitor = (id: string, x: number, y: number, rest: Partial<PlacedMonitor> = {}): PlacedMonitor => ({
  id,
  size: [1600, 900],
  position: [x, y],
  scale: 1.5,
  refresh: 60,
  transform: 0,
  primary: id === 'a',
  ...rest,
});

const positions = (layout: readonly PlacedMonitor[]) => layout.map(({ position }) => position);

/** What mutter 48 offers for 1600×900 in place of 1.5; 1072×603 logical pixels instead of 1067×600. */
const OFFERED = 1600 / 1072;

/** A scale near the one given that leaves a whole number of logical pixels. */
function offeredFor({ size: [width], scale }: PlacedMonitor, random: SeededRandom): number {
  return width / (Math.round(width / scale) + random.below(11) - 5);
}

const SIZES: [number, number][] = [
  [1600, 900],
  [1920, 1080],
  [2560, 1440],
  [1366, 768],
  [1280, 1024],
];
const SCALES = [1, 1.25, 1.5, 1.75, 2];

describe('rescale', () => {
  it('takes the nearest scale, if there is one near enough', () => {
    const offered = [1, 1.25, OFFERED, 1.7543859];
    assert.equal(nearestScale(1.5, offered), OFFERED);
    assert.equal(nearestScale(1.25, offered), 1.25);
    assert.equal(nearestScale(1.3, offered), 1.25);
    assert.equal(nearestScale(1.32, offered), undefined);
    assert.equal(nearestScale(3, offered), undefined);
    assert.equal(nearestScale(1, []), undefined);
  });

  it('changes nothing where the scales are the same', () => {
    const layout = [monitor('a', 0, 0), monitor('b', 1067, 100), monitor('c', 1067, 700)];
    assert.deepEqual(
      rescale(
        layout,
        layout.map(({ scale }) => scale),
      ),
      layout,
    );
  });

  it('moves what is right of and below a monitor that grows', () => {
    const layout = [
      monitor('a', 0, 0),
      monitor('b', 1067, 0, { scale: 1 }),
      monitor('c', 0, 600, { size: [900, 900] }),
    ];
    const fitted = rescale(layout, [OFFERED, 1, 1.5]);
    assert.deepEqual(positions(fitted), [
      [0, 0],
      [1072, 0],
      [0, 603],
    ]);
    assert.equal(fitted[0]?.scale, OFFERED);
  });

  it('keeps the far ends flush, and other offsets as they are', () => {
    const flush = [monitor('a', 0, 300, { scale: 1 }), monitor('b', 1600, 600)];
    assert.deepEqual(positions(rescale(flush, [1, OFFERED])), [
      [0, 0],
      [1600, 297],
    ]);
    const offset = [monitor('a', 0, 0, { scale: 1 }), monitor('b', 1600, 123)];
    assert.deepEqual(positions(rescale(offset, [1, OFFERED])), [
      [0, 0],
      [1600, 123],
    ]);
  });

  it('still lets monitors touch that touched by one pixel only', () => {
    const layout = [monitor('a', 0, 0, { scale: 1.4925 }), monitor('b', 1072, 602)];
    assert.deepEqual(positions(rescale(layout, [1.5, 1.5])), [
      [0, 0],
      [1067, 599],
    ]);
  });

  it('stays around the primary, and begins at the top left corner', () => {
    const layout = [monitor('b', 0, 0), monitor('a', 1067, 0)];
    assert.deepEqual(positions(rescale(layout, [OFFERED, OFFERED])), [
      [0, 0],
      [1072, 0],
    ]);
  });

  it('refuses what overlaps then', () => {
    // b hangs between a and c and is the only one that changes; d, on the other side of c, does not move with it.
    const layout = [
      monitor('a', 0, 0, { scale: 1, size: [1000, 500] }),
      monitor('b', 1000, 0, { scale: 1, size: [1000, 500] }),
      monitor('c', 0, 500, { scale: 1, size: [1500, 500] }),
      monitor('d', 1500, 500, { scale: 1, size: [500, 500] }),
    ];
    assert.throws(() => rescale(layout, [1000 / 900, 1, 1, 1]), { name: 'InvalidLayout', message: /overlaps/ });
  });

  it('keeps random rows, columns and grids together', () => {
    const random = new SeededRandom(7);
    for (let turn = 0; turn < 500; turn++) {
      const columns = 1 + random.below(4);
      const rows = 1 + random.below(4);
      // In a grid all are of a kind; a row or column may mix them.
      const same = columns > 1 && rows > 1;
      const kind = { size: random.pick(SIZES), scale: random.pick(SCALES) };
      const layout: PlacedMonitor[] = [];
      let [x, y] = [0, 0];
      for (let row = 0; row < rows; row++) {
        x = same || rows === 1 ? 0 : x;
        for (let column = 0; column < columns; column++) {
          const look = same ? kind : { size: random.pick(SIZES), scale: random.pick(SCALES) };
          const next = monitor(`m${row}-${column}`, x, y, { ...look, primary: row + column === 0 });
          layout.push(next);
          if (columns > 1) x += logicalSize(next)[0];
        }
        y += logicalSize(layout.at(-1) as PlacedMonitor)[1];
      }
      const offered = offeredFor(layout[0] as PlacedMonitor, random);
      const scales = layout.map((one) => (same ? offered : offeredFor(one, random)));
      const fitted = rescale(placeMonitors(layout), scales);
      assert.deepEqual(placeMonitors(fitted), fitted);
      for (const [index, one] of fitted.entries()) {
        const [before, after] = [layout[index] as PlacedMonitor, one];
        assert.deepEqual({ ...before, position: 0, scale: 0 }, { ...after, position: 0, scale: 0 });
        assert.equal(before.position[0] === 0, after.position[0] === 0);
        assert.equal(before.position[1] === 0, after.position[1] === 0);
      }
    }
  });
});
