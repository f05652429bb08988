import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { closeSync } from 'node:fs';
import { asNobody, type RemoteConnection } from './remote-tool.js';

export type Picture = {
  readonly size: [number, number];
  /** Red, green and blue at a place. */
  at(x: number, y: number): [number, number, number];
  readonly pixels: Buffer;
};

/** How long gst-launch-1.0 may take: a first frame comes within a tenth of a second on an idle machine. */
const SECONDS = 20;

/** What a process of user nobody gets from a node through this descriptor; undefined if nothing in that time. */
export async function grab(fd: number, node: number, seconds = SECONDS): Promise<Picture | undefined> {
  const source = ['pipewiresrc', 'fd=3', `path=${node}`, 'num-buffers=1', '!', 'videoconvert', '!'];
  const sink = ['video/x-raw,format=RGB', '!', 'pnmenc', '!', 'fdsink', 'fd=1'];
  const gst = ['timeout', String(seconds), 'gst-launch-1.0', '-q', ...source, ...sink];
  const [program, args] = asNobody(gst);
  const child = spawn(program, args, { stdio: ['ignore', 'pipe', 'ignore', fd], env: { PATH: process.env.PATH } });
  const parts: Buffer[] = [];
  child.stdout?.on('data', (part: Buffer) => parts.push(part));
  await once(child, 'close');
  return parse(Buffer.concat(parts));
}

/** A picture of one of the connection's monitors. */
export async function photograph(connection: RemoteConnection, monitor: string): Promise<Picture> {
  const node = (await connection.streams()).find(([, stream]) => stream.id === monitor)?.[0];
  assert.ok(node !== undefined, `no stream of ${monitor}`);
  const fd = await connection.capture.openPipeWireRemote({});
  try {
    const picture = await grab(fd, node);
    assert.ok(picture !== undefined, `no picture of ${monitor} on ${connection.path}, node ${node}`);
    return picture;
  } finally {
    closeSync(fd);
  }
}

/** Portable pixmap, binary, 8 bits. */
function parse(bytes: Buffer): Picture | undefined {
  const header = /^P6\s(?:#.*\n)*(\d+)\s(\d+)\s255\s/.exec(bytes.toString('latin1', 0, 200));
  if (header === null) return undefined;
  const size: [number, number] = [Number(header[1]), Number(header[2])];
  const pixels = bytes.subarray(header[0].length);
  assert.equal(pixels.length, size[0] * size[1] * 3);
  return {
    size,
    pixels,
    at: (x, y) => {
      const [red = 0, green = 0, blue = 0] = pixels.subarray((y * size[0] + x) * 3);
      return [red, green, blue];
    },
  };
}
