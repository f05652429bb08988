import { CompositorInput } from '../src/portal-backend/eis/compositor-input.js';
import { type Quantiles, quantiles } from './figure.js';

/** A key that has no effect in any client: F13 of linux/input-event-codes.h. */
const KEY_F13 = 183;
const WARM_UP = 50;

const microseconds = () => Number(process.hrtime.bigint() / 1000n);

/**
 * From a key sent into EIS to its arrival in a client of the session, in milliseconds, for several ways into the same
 * session by turns.
 *
 * `ways`: EIS descriptors by name, which become the measurement's own. `seen` settles with the time (microseconds of
 * CLOCK_MONOTONIC) at which the client in the session sees the next key of that code pressed or released.
 */
export async function inputLatency(
  ways: Readonly<Record<string, number>>,
  seen: (code: number, pressed: boolean) => Promise<number>,
  rounds: number,
): Promise<Record<string, Quantiles>> {
  const senders = Object.entries(ways).map(([name, fd]) => ({
    name,
    input: new CompositorInput(fd, { name: 'bench' }),
    times: [] as number[],
  }));
  await Promise.all(senders.map(({ input }) => input.ready));
  for (let round = -WARM_UP; round < rounds; round++) {
    for (const { input, times } of senders) {
      for (const pressed of [true, false]) {
        const arrival = seen(KEY_F13, pressed);
        const sent = microseconds();
        input.key(KEY_F13, pressed);
        input.frame(BigInt(sent));
        const took = (await arrival) - sent;
        if (round >= 0 && pressed) times.push(took / 1000);
      }
    }
  }
  for (const { input } of senders) input[Symbol.dispose]();
  return Object.fromEntries(senders.map(({ name, times }) => [name, quantiles(times)]));
}
