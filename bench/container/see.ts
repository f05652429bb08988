import { closeSync } from 'node:fs';
import type { Tool } from '../../src/tool/tool.js';
import type { ToolConnection } from '../../src/tool/tool-connection.js';
import { type Frame, frameOver } from './first-frame.js';

/** The first picture of a connection's only monitor, and when there was a descriptor for it. */
export async function see(connection: ToolConnection): Promise<Frame & { opened: number }> {
  const streams = await connection.capture.property('Streams');
  const fd = await connection.capture.methods.openPipeWireRemote({});
  const opened = performance.now();
  try {
    const [[node] = []] = streams;
    if (node === undefined) throw new Error('the connection has no stream');
    return { ...(await frameOver(fd, node)), opened };
  } finally {
    closeSync(fd);
  }
}

/** Connects to a session and sees the first picture. */
export async function connectAndSee(tool: Tool, session: string) {
  const connection = await tool.connect(session);
  const connected = performance.now();
  return { connection, connected, ...(await see(connection)) };
}
