/**
 * Uses PipeWire as the session's user: one command per line of stdin, as JSON, answered by one line of JSON. A confined
 * descriptor goes to the other end of the socket on descriptor 3.
 */
import { closeSync, readdirSync } from 'node:fs';
import { createInterface } from 'node:readline';
import { send } from '../../../src/bus/native/descriptors.js';
import { PipeWire } from '../../../src/portal-backend/pipewire/pipewire.js';

export type Command =
  | { do: 'negotiate'; jobs: [node: number, width: number, height: number, refresh: number][] }
  | { do: 'confine'; nodes: number[] }
  | { do: 'repeat'; node: number; times: number }
  | { do: 'abort'; node: number }
  | { do: 'await-close' };

const deadline = () => ({ signal: AbortSignal.timeout(10_000) });
const descriptors = () => readdirSync('/proc/self/fd').length;
const pipeWire = await PipeWire.connect(deadline());

async function negotiateAll(jobs: [number, number, number, number][]) {
  await Promise.all(
    jobs.map(([node, width, height, refresh]) => pipeWire.negotiate(node, { width, height, refresh }, deadline())),
  );
}

/** How many descriptors more are open than before, after so many negotiations and confined connections each. */
async function repeat(node: number, times: number) {
  const once = async (turn: number) => {
    await pipeWire.negotiate(node, { width: turn % 2 ? 640 : 641, height: 480, refresh: 60 }, deadline());
    closeSync(await pipeWire.openConfined([node], 1, deadline()));
  };
  await once(0);
  const before = descriptors();
  for (let turn = 1; turn <= times; turn++) await once(turn);
  return descriptors() - before;
}

function handOver(fd: number) {
  send(3, Buffer.from('x'), [fd]);
  closeSync(fd);
}

async function obey(command: Command): Promise<unknown> {
  switch (command.do) {
    case 'negotiate':
      return negotiateAll(command.jobs);
    case 'confine':
      return handOver(await pipeWire.openConfined(command.nodes, 1, deadline()));
    case 'repeat':
      return repeat(command.node, command.times);
    case 'abort': {
      const controller = new AbortController();
      const job = pipeWire.negotiate(
        command.node,
        { width: 800, height: 600, refresh: 60 },
        { signal: controller.signal },
      );
      controller.abort();
      return job;
    }
    case 'await-close':
      return pipeWire.closed;
  }
}

for await (const line of createInterface({ input: process.stdin })) {
  const answer = await obey(JSON.parse(line)).then(
    (result) => ({ result }),
    (error: Error) => ({ error: error.name, message: error.message }),
  );
  process.stdout.write(`${JSON.stringify(answer)}\n`);
}
await pipeWire[Symbol.asyncDispose]();
