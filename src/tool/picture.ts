import { closeSync } from 'node:fs';
import type { Readable } from 'node:stream';
import type { MonitorState, Stream } from '../bus/generated/dictionaries.js';
import { InvalidArgs, SessionFailed } from '../errors.js';
import { Pipeline } from './gstreamer.js';
import type { ToolConnection } from './tool-connection.js';

/** Three bytes a pixel: red, green, blue. */
export type Picture = { readonly width: number; readonly height: number; readonly pixels: Buffer };

/** Where a stream stands in a picture of several: its node, and its place in pixels. */
export type Part = {
  readonly node: number;
  readonly left: number;
  readonly top: number;
  readonly width: number;
  readonly height: number;
};

/** Milliseconds; a first frame comes within a tenth of a second on an idle machine. */
const DEADLINE = 20_000;
const TRIES = 3;

/**
 * A picture of all monitors at their places, black where there is none, or of one of them. With several scales the
 * largest is everybody's, so that nothing is lost and everything fits. Takes the grant `capture`.
 */
export async function takePicture(connection: ToolConnection, monitor?: string): Promise<Picture> {
  for (let tries = 1; ; tries++) {
    const [serial, monitors] = await connection.monitors.methods.getLayout();
    const streams = await connection.capture.property('Streams');
    const parts = arrange(monitors, streams, monitor);
    const fd = await connection.capture.methods.openPipeWireRemote({});
    try {
      return compose(parts, await grab(fd, parts));
    } catch (error) {
      // A layout that changes meanwhile takes the streams away.
      const [now] = await connection.monitors.methods.getLayout();
      if (now === serial || tries === TRIES) throw error;
    } finally {
      closeSync(fd);
    }
  }
}

/** Places the streams, all of them or one monitor's, in one picture. InvalidArgs names the monitors that there are. */
export function arrange(
  monitors: readonly MonitorState[],
  streams: readonly (readonly [node: number, Stream])[],
  monitor?: string,
): Part[] {
  const scaleOf = (id: string) => monitors.find((each) => each.id === id)?.scale ?? 1;
  const wanted = streams.filter(([, { id }]) => monitor === undefined || id === monitor);
  if (wanted.length === 0) {
    if (monitor === undefined) throw new SessionFailed('the session has no pictures');
    throw new InvalidArgs(`there is no monitor '${monitor}', only ${streams.map(([, { id }]) => id).join(', ')}`);
  }
  const largest = Math.max(...wanted.map(([, { id }]) => scaleOf(id)));
  const left = Math.min(...wanted.map(([, { position }]) => position[0]));
  const top = Math.min(...wanted.map(([, { position }]) => position[1]));
  return wanted.map(([node, { id, position, size }]) => ({
    node,
    left: Math.round((position[0] - left) * largest),
    top: Math.round((position[1] - top) * largest),
    width: Math.round((size[0] * largest) / scaleOf(id)),
    height: Math.round((size[1] * largest) / scaleOf(id)),
  }));
}

/** Width and height of the whole. */
export function extent(parts: readonly Part[]): [width: number, height: number] {
  return [
    Math.max(...parts.map(({ left, width }) => left + width)),
    Math.max(...parts.map(({ top, height }) => top + height)),
  ];
}

/** A frame of each stream, of the size of its part, through a descriptor of OpenPipeWireRemote. */
async function grab(fd: number, parts: readonly Part[]): Promise<Buffer[]> {
  const branches = parts.map(({ node, width, height }, index) => {
    const caps = `video/x-raw,format=RGB,width=${width},height=${height},pixel-aspect-ratio=1/1`;
    const source = `pipewiresrc fd=3 path=${node} num-buffers=1`;
    return `${source} ! videoconvert ! videoscale add-borders=false ! ${caps} ! fdsink fd=${index + 4}`;
  });
  using pipeline = new Pipeline(branches.join(' '), [fd, ...parts.map(() => 'pipe' as const)]);
  const late = setTimeout(() => pipeline[Symbol.dispose](), DEADLINE);
  try {
    const [frames] = await Promise.all([Promise.all(pipeline.outputs.map(readAll)), pipeline.ended]);
    return frames;
  } finally {
    clearTimeout(late);
  }
}

async function readAll(stream: Readable): Promise<Buffer> {
  const parts: Buffer[] = [];
  for await (const part of stream) parts.push(part);
  return Buffer.concat(parts);
}

function compose(parts: readonly Part[], frames: readonly Buffer[]): Picture {
  const [width, height] = extent(parts);
  const pixels = Buffer.alloc(width * height * 3);
  for (const [index, part] of parts.entries()) {
    const frame = frames[index];
    // GStreamer begins each row at a multiple of four bytes.
    const stride = Math.ceil((part.width * 3) / 4) * 4;
    if (frame?.length !== stride * part.height) throw new SessionFailed('GStreamer got no whole picture');
    for (let y = 0; y < part.height; y++)
      frame.copy(pixels, ((part.top + y) * width + part.left) * 3, y * stride, y * stride + part.width * 3);
  }
  return { width, height, pixels };
}
