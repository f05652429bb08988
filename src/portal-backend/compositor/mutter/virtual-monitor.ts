import type { Bus } from '../../../bus/bus.js';
import type { MutterScreenCastSession } from '../../../bus/generated/mutter-screen-cast-session.js';
import {
  type MutterScreenCastStream,
  mutterScreenCastStream,
} from '../../../bus/generated/mutter-screen-cast-stream.js';
import { RemoteObject } from '../../../bus/remote-object.js';
import { Variant } from '../../../bus/variant.js';
import type { PipeWire } from '../../pipewire/pipewire.js';
import type { Output } from './display-config.js';
import { CURSOR, nodeOf } from './recording.js';

/** How long mutter may take to make a monitor of a stream, or to give it another size. */
const NEGOTIATION_DEADLINE = 10_000;

/** What identifies a monitor for mutter and PipeWire. */
export type MadeMonitor = {
  readonly id: string;
  readonly stream: string;
  readonly node: number;
  readonly connector: string;
};

/**
 * A monitor that exists because we record it (RecordVirtual). It comes into being when a consumer first agrees with
 * mutter on a size, changes with the next consumer's, and stays without any until the stream is stopped.
 */
export class VirtualMonitor {
  readonly id: string;
  /** As DisplayConfig calls it; known once it has a size. */
  connector = '';
  size: readonly [number, number] = [0, 0];
  refresh = 0;
  readonly #stream: RemoteObject<MutterScreenCastStream>;
  readonly #pipeWire: PipeWire;
  readonly #node: number;

  private constructor(id: string, stream: RemoteObject<MutterScreenCastStream>, pipeWire: PipeWire, node: number) {
    this.id = id;
    this.#stream = stream;
    this.#pipeWire = pipeWire;
    this.#node = node;
  }

  /** Starts the stream; the monitor itself comes with the first resize. `owner` is whose session it is. */
  static async create(
    { owner, pipeWire }: { owner: Bus; pipeWire: PipeWire },
    session: RemoteObject<MutterScreenCastSession>,
    id: string,
  ): Promise<VirtualMonitor> {
    const path = await session.methods.recordVirtual(
      new Map<string, Variant>([
        ['cursor-mode', new Variant('u', CURSOR.hidden)],
        // A screen of the session itself, not one that somebody shares: GNOME Shell shows no sharing indicator.
        ['is-platform', new Variant('b', true)],
      ]),
    );
    const stream = new RemoteObject(owner, mutterScreenCastStream, session.destination, path);
    await using waiting = await nodeOf(owner, session.destination, path);
    await stream.methods.start();
    return new VirtualMonitor(id, stream, pipeWire, await waiting.node);
  }

  /** One that `owner` made before we were there. */
  static resume(owner: Bus, pipeWire: PipeWire, mutter: string, made: MadeMonitor, output: Output): VirtualMonitor {
    const stream = new RemoteObject(owner, mutterScreenCastStream, mutter, made.stream);
    const monitor = new VirtualMonitor(made.id, stream, pipeWire, made.node);
    monitor.connector = made.connector;
    monitor.size = output.size;
    monitor.refresh = output.refresh;
    return monitor;
  }

  /** What `resume` has to know. */
  get made(): MadeMonitor {
    return { id: this.id, stream: this.#stream.path, node: this.#node, connector: this.connector };
  }

  async resize(size: readonly [number, number], refresh: number): Promise<void> {
    const signal = AbortSignal.timeout(NEGOTIATION_DEADLINE);
    await this.#pipeWire.negotiate(this.#node, { width: size[0], height: size[1], refresh }, { signal });
    this.size = size;
    this.refresh = refresh;
  }

  /** Takes the monitor out of the session. */
  async remove(): Promise<void> {
    await this.#stream.methods.stop();
  }
}
