import type { Monitor } from '../bus/generated/dictionaries.js';
import { InvalidLayout } from '../errors.js';
import { isAdjacent, overlaps, type Rectangle } from './rectangle.js';

/** A monitor of a valid layout: nothing is left to choose. */
export type PlacedMonitor = Required<Monitor>;

const MOST_MONITORS = 16;
const LONGEST_SIDE = 16_384;
const LARGEST_SCALE = 8;
const FASTEST_REFRESH = 480;
/** Physical pixels of all monitors together: sixteen of 3840×2160, which at four bytes a pixel are half a gigabyte. */
const MOST_PIXELS = MOST_MONITORS * 3840 * 2160;
/** Logical pixels of the whole in each direction; sixteen monitors 4096 wide at scale 1 fit side by side. */
const LARGEST_EXTENT = 65_536;
const LARGEST_COORDINATE = 2 ** 31;

/** What a session begins with if nobody says otherwise. */
export function defaultLayout(): PlacedMonitor[] {
  return [{ id: 'default', size: [1280, 720], position: [0, 0], scale: 1, refresh: 60, transform: 0, primary: true }];
}

/**
 * Width and height in logical pixels: after the transform (odd ones stand the picture on its side), divided by the
 * scale and rounded, as compositors with logical coordinates do it.
 */
export function logicalSize({ size: [width, height], scale, transform = 0 }: Monitor): [number, number] {
  const [across, down] = transform % 2 === 1 ? [height, width] : [width, height];
  return [Math.round(across / scale), Math.round(down / scale)];
}

/**
 * The layout with everything filled in, moved so that its top left corner is (0, 0): a monitor left of the primary may
 * have a negative position. InvalidLayout names the monitor and what is wrong with it.
 */
export function placeMonitors(monitors: readonly Monitor[]): PlacedMonitor[] {
  if (monitors.length === 0) throw new InvalidLayout('a layout needs at least one monitor');
  if (monitors.length > MOST_MONITORS)
    throw new InvalidLayout(`a layout has at most ${MOST_MONITORS} monitors, not ${monitors.length}`);
  for (const monitor of monitors) checkMonitor(monitor);
  checkIds(monitors);
  const pixels = monitors.reduce((sum, { size: [width, height] }) => sum + width * height, 0);
  if (pixels > MOST_PIXELS)
    throw new InvalidLayout(`the monitors have ${pixels} pixels together, more than ${MOST_PIXELS}`);
  const primary = findPrimary(monitors);
  const areas = monitors.map(areaOf);
  checkOverlaps(monitors, areas);
  checkGaps(monitors, areas);
  const left = Math.min(...areas.map((area) => area.left));
  const top = Math.min(...areas.map((area) => area.top));
  checkExtent('wide', Math.max(...areas.map((area) => area.right)) - left);
  checkExtent('high', Math.max(...areas.map((area) => area.bottom)) - top);
  return monitors.map((monitor) => ({
    ...monitor,
    position: [monitor.position[0] - left, monitor.position[1] - top],
    refresh: monitor.refresh ?? 60,
    transform: monitor.transform ?? 0,
    primary: monitor === primary,
  }));
}

function checkMonitor(monitor: Monitor): void {
  const { id, size, position, scale, refresh, transform } = monitor;
  if (!/^[a-z0-9-]{1,32}$/.test(id))
    throw new InvalidLayout(`the monitor id ${JSON.stringify(id.slice(0, 32))} is not 1 to 32 of a-z, 0-9 and '-'`);
  const refuse = (problem: string): never => {
    throw new InvalidLayout(`monitor '${id}' ${problem}`);
  };
  if (!size.every((side) => Number.isInteger(side) && side >= 1 && side <= LONGEST_SIDE))
    refuse(`has size ${size.join('×')}: each side must be 1 to ${LONGEST_SIDE}`);
  if (!position.every((at) => Number.isInteger(at) && Math.abs(at) <= LARGEST_COORDINATE))
    refuse(`has position ${position.join(', ')}: both must be 32-bit integers`);
  if (!(scale > 0 && scale <= LARGEST_SCALE))
    refuse(`has scale ${scale}: it must be above 0 and at most ${LARGEST_SCALE}`);
  if (refresh !== undefined && !(refresh >= 1 && refresh <= FASTEST_REFRESH))
    refuse(`has refresh rate ${refresh}: it must be 1 to ${FASTEST_REFRESH} Hz`);
  if (transform !== undefined && !(Number.isInteger(transform) && transform >= 0 && transform <= 7))
    refuse(`has transform ${transform}: it must be 0 to 7`);
  const [width, height] = logicalSize(monitor);
  if (width < 1 || height < 1 || width > LARGEST_EXTENT || height > LARGEST_EXTENT)
    refuse(`has logical size ${width}×${height} at scale ${scale}: each side must be 1 to ${LARGEST_EXTENT}`);
}

function checkIds(monitors: readonly Monitor[]): void {
  const ids = new Set<string>();
  for (const { id } of monitors) {
    if (ids.has(id)) throw new InvalidLayout(`two monitors have the id '${id}'`);
    ids.add(id);
  }
}

function findPrimary(monitors: readonly Monitor[]): Monitor | undefined {
  const [first, second] = monitors.filter(({ primary }) => primary === true);
  if (first !== undefined && second !== undefined)
    throw new InvalidLayout(`monitors '${first.id}' and '${second.id}' are both primary: exactly one must be`);
  if (first === undefined && monitors.length > 1) throw new InvalidLayout('no monitor is primary: exactly one must be');
  return first ?? monitors[0];
}

/** What a monitor covers of the logical plane. */
export function areaOf(monitor: Monitor): Rectangle {
  const [left, top] = monitor.position;
  const [width, height] = logicalSize(monitor);
  return { left, top, right: left + width, bottom: top + height };
}

/** InvalidLayout names two monitors that overlap. */
export function checkOverlaps(monitors: readonly Monitor[], areas: readonly Rectangle[]): void {
  for (const [later, area] of areas.entries())
    for (const [earlier, other] of areas.slice(0, later).entries())
      if (overlaps(area, other))
        throw new InvalidLayout(`monitor '${monitors[earlier]?.id}' overlaps '${monitors[later]?.id}'`);
}

/** From the first monitor, every other one has to be reached over common edges; a common corner is not enough. */
export function checkGaps(monitors: readonly Monitor[], areas: readonly Rectangle[]): void {
  const reached = areas.slice(0, 1);
  for (const area of reached)
    for (const other of areas) if (!reached.includes(other) && isAdjacent(area, other)) reached.push(other);
  const apart = areas.findIndex((area) => !reached.includes(area));
  if (apart >= 0)
    throw new InvalidLayout(`there is a gap between monitor '${monitors[apart]?.id}' and '${monitors[0]?.id}'`);
}

function checkExtent(direction: string, extent: number): void {
  if (extent > LARGEST_EXTENT)
    throw new InvalidLayout(`the layout is ${extent} logical pixels ${direction}, more than ${LARGEST_EXTENT}`);
}
