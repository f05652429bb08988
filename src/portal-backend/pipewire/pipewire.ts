import { loadAddon } from '../../bus/native/addon.js';
import { InvalidArgs, NotSupported, SessionFailed } from '../../errors.js';

/** Every job calls back once: with a value, or with the name of an error and its message. */
type Callback = (value: number | undefined, error?: 'NotSupported' | 'SessionFailed', message?: string) => void;
type Handle = { readonly __brand: 'pipewire' };

type Addon = {
  connect(closed: () => void, linked: (node: number) => void): Handle;
  roundTrip(connection: Handle, callback: Callback): number;
  negotiate(
    connection: Handle,
    node: number,
    width: number,
    height: number,
    refresh: number,
    run: boolean,
    callback: Callback,
  ): number;
  confine(connection: Handle, owner: number, nodes: readonly number[], callback: Callback): number;
  endConfined(connection: Handle, owner: number, callback: Callback): number;
  cancel(connection: Handle, job: number): void;
  close(connection: Handle): void;
};

const addon = loadAddon<Addon>('pipewire');

/** PipeWire's ids have 32 bits; the largest means "any" or "none" (PW_ID_ANY). */
const MAX_ID = 0xffff_ffff;
/** The largest side that mutter accepts (MAX_SIZE in its meta-screen-cast-stream-src.c). */
const MAX_SIDE = 16384;

/** A picture's size in physical pixels, and how often it changes at most, in Hz. */
export type VideoFormat = { readonly width: number; readonly height: number; readonly refresh: number };

const isInteger = (value: number, low: number, high: number) =>
  Number.isInteger(value) && value >= low && value <= high;

const describe = (reason: unknown) => (reason instanceof Error ? reason.message : String(reason));

/** A connection to the PipeWire daemon of the user that this process belongs to ($XDG_RUNTIME_DIR). */
export class PipeWire implements AsyncDisposable {
  #handle: Handle | undefined;
  readonly #pending = new Set<(error: SessionFailed) => void>();
  #resolveClosed: () => void = () => {};
  /** Resolves when the daemon goes away or the connection is disposed of; nothing works any more then. */
  readonly closed = new Promise<void>((resolve) => {
    this.#resolveClosed = resolve;
  });

  private constructor(linked: (node: number) => void) {
    try {
      this.#handle = addon.connect(() => this.#close('the PipeWire daemon went away'), linked);
    } catch (error) {
      throw new SessionFailed(describe(error), { cause: error });
    }
  }

  /**
   * Fails with SessionFailed where no daemon answers in time. `linked` hears of every node that gets a consumer,
   * whosever they are.
   */
  static async connect({
    signal,
    linked = () => {},
  }: {
    signal: AbortSignal;
    linked?: (node: number) => void;
  }): Promise<PipeWire> {
    const pipeWire = new PipeWire(linked);
    try {
      await pipeWire.#run('connecting to PipeWire', signal, (handle, done) => addon.roundTrip(handle, done));
      return pipeWire;
    } catch (error) {
      await pipeWire[Symbol.asyncDispose]();
      throw error;
    }
  }

  /**
   * Makes the compositor give a RecordVirtual stream's monitor this size (the monitor appears with the first one), by
   * consuming the stream's node until its buffers are allocated. Resolves when the monitor has the size and the
   * consumer is gone again. The refresh rate of a monitor changes only together with its size (mutter 48).
   * Fails with NotSupported where the node cannot show it, SessionFailed where the node or the daemon is gone.
   */
  negotiate(node: number, format: VideoFormat, { signal }: { signal: AbortSignal }): Promise<void> {
    return this.#negotiate(node, format, false, signal);
  }

  /**
   * Lets the node of a RecordMonitor stream run for a moment, with the size that its picture has. mutter then paints
   * the monitor, for everybody who records it.
   */
  repaint(node: number, format: VideoFormat, { signal }: { signal: AbortSignal }): Promise<void> {
    return this.#negotiate(node, format, true, signal);
  }

  async #negotiate(node: number, format: VideoFormat, run: boolean, signal: AbortSignal): Promise<void> {
    const { width, height, refresh } = format;
    if (!isInteger(width, 1, MAX_SIDE) || !isInteger(height, 1, MAX_SIDE))
      throw new NotSupported(`a monitor of ${width}x${height}: sides are whole numbers of 1 to ${MAX_SIDE} pixels`);
    if (!(refresh >= 1 && refresh <= 1000)) throw new NotSupported(`a refresh rate of ${refresh} Hz: it is 1 to 1000`);
    checkNode(node);
    await this.#run(`negotiating ${width}x${height} with PipeWire node ${node}`, signal, (handle, done) =>
      addon.negotiate(handle, node, width, height, Math.round(refresh * 1000), run, done),
    );
  }

  /**
   * A descriptor of a new connection to the daemon that reaches these nodes and nothing else of the session. It is the
   * caller's, close-on-exec, and good for any process of any user. Nodes that come later, even under the same ids, are
   * out of its reach. `owner` is a number for endConfined. Fails with SessionFailed where a node does not exist.
   */
  async openConfined(nodes: readonly number[], owner: number, { signal }: { signal: AbortSignal }): Promise<number> {
    nodes.forEach(checkNode);
    return this.#run('confining a PipeWire connection', signal, (handle, done) =>
      addon.confine(handle, owner, nodes, done),
    );
  }

  /** Resolves when the daemon has thrown out all connections that were opened for that owner, whoever has them now. */
  async endConfined(owner: number, { signal }: { signal: AbortSignal }): Promise<void> {
    await this.#run('ending PipeWire connections', signal, (handle, done) => addon.endConfined(handle, owner, done));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#close('the connection to PipeWire was closed');
  }

  #close(message: string): void {
    if (this.#handle === undefined) return;
    addon.close(this.#handle);
    this.#handle = undefined;
    for (const fail of this.#pending) fail(new SessionFailed(message));
    this.#resolveClosed();
  }

  #run(what: string, signal: AbortSignal, start: (handle: Handle, done: Callback) => number): Promise<number> {
    return new Promise((resolve, reject) => {
      const handle = this.#handle;
      if (handle === undefined) throw new SessionFailed('the connection to PipeWire is closed');
      const aborted = () =>
        new SessionFailed(`${what} was given up: ${describe(signal.reason)}`, { cause: signal.reason });
      if (signal.aborted) throw aborted();
      const settle = () => {
        signal.removeEventListener('abort', abort);
        this.#pending.delete(fail);
      };
      const fail = (error: SessionFailed | NotSupported) => {
        settle();
        reject(error);
      };
      const done: Callback = (value, error, message = '') => {
        if (error === 'NotSupported') return fail(new NotSupported(message));
        if (error !== undefined || value === undefined) return fail(new SessionFailed(message));
        settle();
        resolve(value);
      };
      let job: number;
      try {
        job = start(handle, done);
      } catch (error) {
        throw new SessionFailed(describe(error), { cause: error });
      }
      const abort = () => {
        addon.cancel(handle, job);
        fail(aborted());
      };
      signal.addEventListener('abort', abort, { once: true });
      this.#pending.add(fail);
    });
  }
}

function checkNode(node: number): void {
  if (!isInteger(node, 0, MAX_ID)) throw new InvalidArgs(`${node} is no PipeWire node id`);
}
