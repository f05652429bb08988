/**
 * The agent's input relay by itself, as the session's user: takes the compositor's EIS descriptor from the socket named
 * as the first argument, then obeys JSON lines on stdin and answers each with one on stdout.
 */
import { closeSync, readdirSync } from 'node:fs';
import { createInterface } from 'node:readline';
import { connectUnix, send } from '../../../src/bus/native/descriptors.js';
import type { ToolRegion } from '../../../src/ei/regions.js';
import { CompositorInput } from '../../../src/portal-backend/eis/compositor-input.js';
import { type InputGrant, ToolInput } from '../../../src/portal-backend/eis/tool-input.js';
import { receiveOne } from './receive-one.js';

type Order =
  | { do: 'tool'; tool: string; grants: InputGrant[] }
  /** Sends the descriptor to whoever listens at `path`, or over the socket that is `inherited`. */
  | { do: 'connect'; tool: string; path: string }
  | { do: 'connect'; tool: string; inherited: number }
  | { do: 'regions'; regions: ToolRegion[] }
  | { do: 'revoke'; tool: string; grant: InputGrant }
  | { do: 'dispose'; tool: string }
  | { do: 'status' };

const say = (what: object) => process.stdout.write(`${JSON.stringify(what)}\n`);

const give = (to: { path: string } | { inherited: number }, fd: number) => {
  const socket = 'path' in to ? connectUnix(Buffer.from(to.path)) : to.inherited;
  send(socket, Buffer.from('e'), [fd]);
  if ('path' in to) closeSync(socket);
  closeSync(fd);
};

const compositor = new CompositorInput(await receiveOne(connectUnix(Buffer.from(process.argv[2] ?? ''))));
await compositor.ready;
const tools = new Map<string, ToolInput>();
let regions: ToolRegion[] = [];
const tool = (name: string): ToolInput => {
  const found = tools.get(name);
  if (found === undefined) throw new Error(`no tool ${name}`);
  return found;
};

const obey = (order: Order): object => {
  switch (order.do) {
    case 'tool':
      tools.set(order.tool, new ToolInput(compositor, { grants: order.grants, regions }));
      return {};
    case 'connect':
      give(order, tool(order.tool).connect());
      return {};
    case 'regions':
      regions = order.regions;
      for (const each of tools.values()) each.setRegions(regions);
      return {};
    case 'revoke':
      tool(order.tool).revoke(order.grant);
      return {};
    case 'dispose':
      tool(order.tool)[Symbol.dispose]();
      tools.delete(order.tool);
      return {};
    case 'status':
      return {
        descriptors: readdirSync('/proc/self/fd').length,
        memory: process.memoryUsage().rss,
        closed: compositor.closed,
      };
  }
};

say({ ready: [...compositor.capabilities] });
for await (const line of createInterface({ input: process.stdin })) say(obey(JSON.parse(line) as Order));
