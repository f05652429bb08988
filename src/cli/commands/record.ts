import { once } from 'node:events';
import { open } from 'node:fs/promises';
import { setTimeout as delay } from 'node:timers/promises';
import { SessionFailed } from '../../errors.js';
import { Recording } from '../../tool/recording.js';
import type { Arguments } from '../arguments.js';
import type { Context } from '../context.js';
import { withProgress } from '../progress.js';
import { connectToSession, untilClosed } from '../target.js';
import { UsageError } from '../usage-error.js';

const LONGEST = 7 * 24 * 3600;
const FASTEST = 120;

export async function run(context: Context, given: Arguments): Promise<void> {
  const [file = '-'] = given.positionals;
  const duration = given.number('duration', LONGEST);
  const frameRate = given.number('frame-rate', FASTEST) ?? 30;
  if (duration === 0 || frameRate === 0) throw new UsageError('--duration and --frame-rate begin at 1', 'record');
  if (file === '-' && process.stdout.isTTY)
    throw new UsageError('standard output is a terminal, which shows no video', 'record');
  const stop = stopRequest();
  const connection = await connectToSession(context, given, ['capture'], { cursor: 'embedded' });
  await using handle = file === '-' ? undefined : await open(file, 'w');
  using recording = await Recording.start(connection, handle?.fd ?? 1, {
    monitor: given.text('monitor'),
    frameRate,
    frames: duration === undefined ? undefined : duration * frameRate,
  });
  let failure: Error | undefined;
  const end = (reason?: Error): void => {
    failure ??= reason;
    recording.finish();
  };
  const changed = new SessionFailed('the layout changed: the recording ends there');
  await using _subscription = await connection.monitors.subscribe('LayoutChanged', () => end(changed));
  const closed = untilClosed(connection);
  closed.catch(end);
  stop.then(() => end());
  const { width, height } = recording;
  // Streams end with the connection, which may be known a moment later.
  const ended = recording.ended.catch((error) => Promise.race([closed, delay(1000).then(() => Promise.reject(error))]));
  await withProgress('recording', ended);
  if (failure !== undefined) throw failure;
  if (file !== '-' && context.output.json) context.output.object({ file, width, height });
}

/** Resolves when somebody wants us to stop, as with Ctrl-C. */
function stopRequest(): Promise<unknown> {
  return Promise.race(['SIGINT', 'SIGTERM', 'SIGHUP'].map((signal) => once(process, signal)));
}
