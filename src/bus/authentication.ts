import { ConnectionLost, DeadlineExceeded } from './call-error.js';
import { READABLE, receive, send, Watch } from './native/descriptors.js';

/** More than a server's two lines ever need. */
const ROOM = 4096;

/**
 * Authenticates on a freshly connected socket as our effective uid, which is the one that the kernel tells the bus, and
 * turns on the passing of descriptors (D-Bus specification, "Authentication Protocol": EXTERNAL, NEGOTIATE_UNIX_FD).
 * All is said at once, since a server that refuses any of it is of no use to us; afterwards the socket is ready for
 * messages.
 */
export async function authenticate(fd: number, timeout: number, signal?: AbortSignal): Promise<void> {
  signal?.throwIfAborted();
  const uid = Buffer.from(String(process.geteuid?.() ?? 0)).toString('hex');
  send(fd, Buffer.from(`\0AUTH EXTERNAL ${uid}\r\nNEGOTIATE_UNIX_FD\r\nBEGIN\r\n`), []);
  const answer = await readLines(fd, timeout, signal);
  if (!/^OK [^\n]*\nAGREE_UNIX_FD\r\n$/.test(answer)) throw new ConnectionLost('the message bus refused us');
}

/** The first two lines that arrive, with their ends. */
function readLines(fd: number, timeout: number, signal?: AbortSignal): Promise<string> {
  return new Promise((resolve, reject) => {
    const buffer = Buffer.alloc(ROOM);
    let length = 0;
    const settle = (settled: () => void): void => {
      watch[Symbol.dispose]();
      clearTimeout(timer);
      signal?.removeEventListener('abort', aborted);
      settled();
    };
    const fail = (error: Error): void => settle(() => reject(error));
    const ready = (): void => {
      let got: number;
      try {
        got = receive(fd, buffer.subarray(length), []);
      } catch (error) {
        return fail(new ConnectionLost((error as Error).message));
      }
      if (got < 0) return;
      length += got;
      const text = buffer.toString('latin1', 0, length);
      if (got === 0 || text.startsWith('REJECTED') || length === ROOM)
        return fail(new ConnectionLost('the message bus refused us'));
      if (text.split('\n').length > 2) settle(() => resolve(text));
    };
    const watch = new Watch(fd, ready, READABLE);
    const timer = setTimeout(
      () => fail(new DeadlineExceeded(`the message bus did not answer within ${timeout} ms`)),
      timeout,
    );
    const aborted = (): void => fail(signal?.reason as Error);
    signal?.addEventListener('abort', aborted, { once: true });
  });
}
