/** A rectangle of an absolute device: one monitor. Offset and size in logical pixels, not negative. */
export type Region = {
  readonly mappingId: string;
  readonly x: number;
  readonly y: number;
  readonly width: number;
  readonly height: number;
  /** Physical pixels for each logical one: what libei calls the region's physical scale. */
  readonly scale: number;
};

/** A monitor as a tool sees it. `mappingId` is the monitor's id. */
export type ToolRegion = Region & {
  /** The compositor's own mapping id of that monitor, or its place name. */
  readonly compositorMappingId: string;
};

/** How a region is called that has no mapping id: by where it is, in logical pixels. */
export function placeName(x: number, y: number, width: number, height: number): string {
  return `${x},${y} ${width}x${height}`;
}

/** The region that contains the point; edges belong to the region on their right and below, as in libei. */
export function regionAt<R extends Region>(regions: readonly R[], x: number, y: number): R | undefined {
  for (const region of regions) {
    if (x >= region.x && x < region.x + region.width && y >= region.y && y < region.y + region.height) return region;
  }
  return undefined;
}

/** The nearest value in [from, from + size) that a 32-bit float can hold, which is what goes over the wire. */
export function clampInto(value: number, from: number, size: number): number {
  const last = from + size - 1 / 64;
  return Math.min(Math.max(value, from), last);
}
