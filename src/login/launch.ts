import { watch } from 'node:fs';
import { join } from 'node:path';
import { InvalidArgs, SessionFailed } from '../errors.js';
import { Worker } from './worker.js';

/** A unit's property as systemd's D-Bus interface takes it. */
export type UnitProperty = readonly [name: string, signature: string, value: unknown];

/** The part of systemd that is needed here. */
export interface Systemd {
  /** Starts a service; resolves when systemd has accepted the job or later, rejects if it did not. */
  startTransientUnit(name: string, properties: readonly UnitProperty[], signal: AbortSignal): Promise<void>;
  /** Kills a service's main process. */
  killUnit(name: string): Promise<void>;
}

export type LaunchOptions = {
  /** The session's id: 1 to 64 of `a-z0-9-`. */
  id: string;
  /** Where workers listen: exists, and only root may enter it. */
  directory: string;
  systemd: Systemd;
  /** The worker's program. */
  program?: string;
  signal?: AbortSignal;
};

/** The installed program. */
export const WORKER = '/usr/libexec/remote-access-worker';
const DEADLINE = 10_000;
/** In microseconds; the worker itself needs 5 seconds at most, and PAM's closing. */
const STOP_TIMEOUT = 30_000_000n;

/**
 * Starts a worker in a unit of its own and connects to it. Throws SessionFailed; nothing needs to be cleaned up then,
 * for a worker to which nobody speaks ends by itself.
 */
export async function launchWorker(options: LaunchOptions): Promise<Worker> {
  const { id, directory, systemd, program = WORKER } = options;
  if (!/^[a-z0-9-]{1,64}$/.test(id)) throw new InvalidArgs(`'${id}' is no id of a session`);
  const socket = join(directory, id);
  using finish = new Finish();
  const timeout = AbortSignal.timeout(DEADLINE);
  const signals = [timeout, finish.signal, ...(options.signal === undefined ? [] : [options.signal])];
  const signal = AbortSignal.any(signals);
  try {
    // The worker makes its socket visible when it can take connections.
    const visible = appearance(directory, id, signal);
    await Promise.all([visible, systemd.startTransientUnit(unitName(id), unitProperties(id, program, socket), signal)]);
    const worker = await Worker.connect(socket, { signal });
    // What it opened by then is closed in its place.
    worker.once('stuck', () => systemd.killUnit(unitName(id)).catch(() => {}));
    return worker;
  } catch (cause) {
    options.signal?.throwIfAborted();
    if (timeout.aborted) throw new SessionFailed(`The worker did not start within ${DEADLINE / 1000} s`, { cause });
    throw new SessionFailed(`The worker could not be started: ${cause instanceof Error ? cause.message : cause}`, {
      cause,
    });
  }
}

/** The unit that holds a session's worker. */
export function unitName(id: string): string {
  return `remote-access-session-${id}.service`;
}

/**
 * There is no sandbox and no resource limit here: the user's whole session would inherit it. What remains of a
 * session whose worker was killed is in logind's scope, so it is ended by ExecStopPost=; and by a unit of its own where
 * the whole unit was killed (`systemctl kill`), and ExecStopPost= with it.
 */
function unitProperties(id: string, program: string, socket: string): UnitProperty[] {
  return [
    ['Description', 's', `RemoteAccess session ${id}`],
    ['Type', 's', 'exec'],
    ['ExecStart', 'a(sasb)', [[program, [program, socket], false]]],
    ['ExecStopPost', 'a(sasb)', [[program, [program, '--sweep', socket], true]]],
    ['OnFailure', 'as', [`remote-access-sweep@${id}.service`]],
    ['KillMode', 's', 'mixed'],
    ['TimeoutStopUSec', 't', STOP_TIMEOUT],
    ['CollectMode', 's', 'inactive-or-failed'],
    // At shutdown the session is closed while these still answer.
    ['After', 'as', ['dbus.service', 'systemd-logind.service', 'systemd-user-sessions.service']],
  ];
}

/** Resolves when `name` appears in the directory; must be called before what makes it appear. */
function appearance(directory: string, name: string, signal: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    const watcher = watch(directory, { signal });
    watcher.on('change', (_, changed) => {
      if (changed !== name) return;
      watcher.close();
      resolve();
    });
    watcher.on('error', reject);
    signal.addEventListener('abort', () => reject(signal.reason), { once: true });
  });
}

/** Aborts what is still under way at the end of a block. */
class Finish extends AbortController implements Disposable {
  [Symbol.dispose](): void {
    this.abort();
  }
}
