import type { Bus } from '../../../bus/bus.js';
import { CallError } from '../../../bus/call-error.js';
import type { CursorMode } from '../../../bus/generated/dictionaries.js';
import { mutterScreenCast } from '../../../bus/generated/mutter-screen-cast.js';
import {
  type MutterScreenCastSession,
  mutterScreenCastSession,
} from '../../../bus/generated/mutter-screen-cast-session.js';
import { mutterScreenCastStream } from '../../../bus/generated/mutter-screen-cast-stream.js';
import { RemoteObject } from '../../../bus/remote-object.js';
import { Variant } from '../../../bus/variant.js';
import { SessionFailed } from '../../../errors.js';
import type { PipeWire } from '../../pipewire/pipewire.js';
import type { Recording } from '../compositor.js';

/** cursor-mode of org.gnome.Mutter.ScreenCast. */
export const CURSOR: Record<CursorMode, number> = { hidden: 0, embedded: 1, metadata: 2 };

/** mutter tells a stream's node within some milliseconds of its start. */
const NODE_DEADLINE = 5_000;

const PIPEWIRE_DEADLINE = 10_000;

/** For how long a descriptor outlives the streams that it reaches, in milliseconds: its tool may be using them. */
const GRACE = 1_000;

/** Numbers streams that were begun together, for what was given away of them. */
let last = 0;

/** How often streams that end while they start are started again: once for each change that mutter may still announce. */
const TRIES = 5;

/** What GDBus answers for a session that is no more. */
const GONE = 'org.freedesktop.DBus.Error.UnknownMethod';

/** mutter closed the session while its streams were starting. */
class Ended extends Error {}

type Parts = {
  readonly bus: Bus;
  /** mutter's unique bus name. */
  readonly mutter: string;
  readonly pipeWire: PipeWire;
  /** Connectors by monitor id, as they are now. */
  connectors(): ReadonlyMap<string, string>;
  /** mutter ended the streams, as it does at every layout change. */
  ended(): void;
  /** The viewer is gone. */
  disposed(recording: MutterRecording): void;
};

/**
 * A viewer's own streams: RecordMonitor of every monitor in a screen cast session of its own. mutter ends the session
 * at every layout change, so it is made anew.
 */
export class MutterRecording implements Recording {
  nodes: ReadonlyMap<string, number> = new Map();
  readonly #parts: Parts;
  readonly #cursor: CursorMode;
  #number = ++last;
  /** Of whose streams there are descriptors. */
  readonly #given = new Set<number>();
  #session: { object: RemoteObject<MutterScreenCastSession>; closed: AsyncDisposable } | undefined;

  constructor(parts: Parts, cursor: CursorMode) {
    this.#parts = parts;
    this.#cursor = cursor;
  }

  /** mutter may still have a change to announce, and then ends these streams too. */
  async renew(): Promise<void> {
    for (let tries = 1; ; tries++) {
      await this.stop();
      try {
        this.nodes = await this.#start();
        return;
      } catch (error) {
        if (!(error instanceof CallError && error.dbusName === GONE) && !(error instanceof Ended)) throw error;
        if (tries === TRIES) throw new SessionFailed('the compositor ends all streams at once', { cause: error });
      }
    }
  }

  async #start(): Promise<ReadonlyMap<string, number>> {
    const { bus, mutter } = this.#parts;
    const root = new RemoteObject(bus, mutterScreenCast, mutter, '/org/gnome/Mutter/ScreenCast');
    const session = new RemoteObject(bus, mutterScreenCastSession, mutter, await root.methods.createSession(new Map()));
    const { promise: ended, reject: end } = withResolvers<never>();
    ended.catch(() => {});
    let started = false;
    const closed = await session.subscribe('Closed', () => {
      end(new Ended());
      if (started && this.#session?.object === session) this.#parts.ended();
    });
    this.#session = { object: session, closed };
    const options = new Map([['cursor-mode', new Variant('u', CURSOR[this.#cursor])]]);
    const waiting: AsyncDisposable[] = [];
    try {
      const added = await Promise.all(
        [...this.#parts.connectors()].map(async ([id, connector]) => {
          const stream = await session.methods.recordMonitor(connector, options);
          const waits = await nodeOf(bus, mutter, stream);
          waiting.push(waits);
          return [id, waits.node] as const;
        }),
      );
      await session.methods.start();
      const nodes = new Map<string, number>();
      for (const [id, node] of added) nodes.set(id, await Promise.race([node, ended]));
      started = true;
      return nodes;
    } finally {
      await Promise.all(waiting.map((waits) => waits[Symbol.asyncDispose]()));
    }
  }

  /** Ends the streams; renew begins new ones. */
  async stop(): Promise<void> {
    const session = this.#session;
    this.#session = undefined;
    this.nodes = new Map();
    if (session === undefined) return;
    const number = this.#number;
    this.#number = ++last;
    setTimeout(() => void this.#end(number), GRACE).unref();
    // Usually mutter has closed it already.
    await Promise.all([session.closed[Symbol.asyncDispose](), session.object.methods.stop().catch(() => {})]);
  }

  async openPipeWireRemote(): Promise<number> {
    this.#given.add(this.#number);
    const signal = AbortSignal.timeout(PIPEWIRE_DEADLINE);
    return this.#parts.pipeWire.openConfined([...this.nodes.values()], this.#number, { signal });
  }

  /**
   * Has PipeWire throw out whoever has a descriptor of streams that are over. As long as such a process is there and does
   * not answer, PipeWire and WirePlumber wait for it, and nobody else gets pictures.
   */
  async #end(number: number): Promise<void> {
    if (!this.#given.delete(number)) return;
    const signal = AbortSignal.timeout(PIPEWIRE_DEADLINE);
    // PipeWire may have gone away, and they with it.
    await this.#parts.pipeWire.endConfined(number, { signal }).catch(() => {});
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop();
    await Promise.all([...this.#given].map((number) => this.#end(number)));
    this.#parts.disposed(this);
  }
}

/** The PipeWire node of a stream, once mutter tells it. Subscribe before the stream starts. */
export async function nodeOf(
  bus: Bus,
  mutter: string,
  path: string,
): Promise<AsyncDisposable & { node: Promise<number> }> {
  const stream = new RemoteObject(bus, mutterScreenCastStream, mutter, path);
  const { promise, resolve, reject } = withResolvers<number>();
  promise.catch(() => {});
  const subscription = await stream.subscribe('PipeWireStreamAdded', resolve);
  const timer = setTimeout(() => reject(new SessionFailed('the compositor did not start the stream')), NODE_DEADLINE);
  return {
    node: promise,
    [Symbol.asyncDispose]: async () => {
      clearTimeout(timer);
      await subscription[Symbol.asyncDispose]();
    },
  };
}

function withResolvers<T>() {
  let resolve: (value: T) => void = () => {};
  let reject: (error: Error) => void = () => {};
  const promise = new Promise<T>((yes, no) => {
    resolve = yes;
    reject = no;
  });
  return { promise, resolve, reject };
}
