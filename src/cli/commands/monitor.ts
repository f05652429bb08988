import type { Context } from '../context.js';
import { type Event, EventStream } from '../event-stream.js';
import type { Output } from '../output.js';
import { clientText } from '../session-info.js';
import { timeText } from '../time.js';

export async function run({ output, connect }: Context): Promise<never> {
  const service = await connect();
  await using _events = await EventStream.open(service, (event) => print(output, event));
  throw await service.bus.closed;
}

function print(output: Output, { event, ...about }: Event): void {
  const now = Date.now();
  if (output.json) return output.object({ time: now / 1000, event, ...about });
  const words = Object.entries(about).map(([key, value]) =>
    key === 'id' ? String(value) : `${key}=${typeof value === 'object' ? clientText(value) || 'none' : value}`,
  );
  const time = `${timeText(Math.floor(now / 1000), '').slice(11)}.${String(now % 1000).padStart(3, '0')}`;
  output.line([time, event.padEnd('service-started'.length), ...words].join(' ').trimEnd());
}
