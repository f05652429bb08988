import { InvalidLayout } from '../errors.js';
import { areaOf, checkGaps, checkOverlaps, type PlacedMonitor } from './layout.js';
import { isAdjacent, type Rectangle } from './rectangle.js';

/** How far an offered scale may be from the one asked for. Compositors that want whole logical pixels offer few. */
const NEAR_ENOUGH = 0.06;

/** The offered scale that is nearest to the one asked for; undefined if none is near enough. */
export function nearestScale(asked: number, offered: readonly number[]): number | undefined {
  const [nearest] = [...offered].sort((a, b) => Math.abs(a - asked) - Math.abs(b - asked));
  return nearest !== undefined && Math.abs(nearest - asked) <= NEAR_ENOUGH ? nearest : undefined;
}

/**
 * The same arrangement with other scales, one for each monitor: monitors that share an edge still do, with their
 * offset along it. Fails with InvalidLayout where the monitors then overlap, or leave a gap.
 */
export function rescale(layout: readonly PlacedMonitor[], scales: readonly number[]): PlacedMonitor[] {
  const scaled = layout.map((monitor, index) => ({ ...monitor, scale: scales[index] ?? monitor.scale }));
  const before = layout.map(areaOf);
  const sizes = scaled.map(areaOf).map(({ left, top, right, bottom }): Size => [right - left, bottom - top]);
  const after = walk(
    before,
    sizes,
    Math.max(
      0,
      layout.findIndex(({ primary }) => primary),
    ),
  );
  const left = Math.min(...after.map((area) => area.left));
  const top = Math.min(...after.map((area) => area.top));
  checkOverlaps(layout, after);
  checkGaps(layout, after);
  return scaled.map((monitor, index) => {
    const area = after[index] as Rectangle;
    return { ...monitor, position: [area.left - left, area.top - top] };
  });
}

type Size = readonly [width: number, height: number];

/** Places the areas one after another, each at the edge that it shares with one that is placed already. */
function walk(before: readonly Rectangle[], sizes: readonly Size[], first: number): Rectangle[] {
  const after: Rectangle[] = [];
  const start = before[first] as Rectangle;
  after[first] = place(sizes[first] as Size, start.left, start.top);
  const reached = [first];
  for (const index of reached)
    for (const [next, area] of before.entries()) {
      const from = before[index] as Rectangle;
      if (after[next] !== undefined || !isAdjacent(from, area)) continue;
      after[next] = attach(from, area, after[index] as Rectangle, sizes[next] as Size);
      reached.push(next);
    }
  const lost = before.findIndex((_area, index) => after[index] === undefined);
  if (lost >= 0) throw new InvalidLayout('the monitors do not all touch each other');
  return after;
}

/** Where an area of that size goes beside `moved`, as `area` was beside `from`. */
function attach(from: Rectangle, area: Rectangle, moved: Rectangle, [width, height]: Size): Rectangle {
  if (from.right === area.left || area.right === from.left) {
    const left = from.right === area.left ? moved.right : moved.left - width;
    const top = along([from.top, from.bottom], [area.top, area.bottom], [moved.top, moved.bottom], height);
    return place([width, height], left, top);
  }
  const top = from.bottom === area.top ? moved.bottom : moved.top - height;
  const left = along([from.left, from.right], [area.left, area.right], [moved.left, moved.right], width);
  return place([width, height], left, top);
}

type Span = readonly [start: number, end: number];

/** The new start along a common edge: ends that were flush at the far side alone stay so; otherwise the offset stays. */
function along(from: Span, area: Span, moved: Span, length: number): number {
  const start = from[0] !== area[0] && from[1] === area[1] ? moved[1] - length : moved[0] + area[0] - from[0];
  // A monitor that has become shorter must not be passed by.
  return Math.min(Math.max(start, moved[0] - length + 1), moved[1] - 1);
}

function place([width, height]: Size, left: number, top: number): Rectangle {
  return { left, top, right: left + width, bottom: top + height };
}
