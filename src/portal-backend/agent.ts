import { isDeepStrictEqual } from 'node:util';
import type { Bus } from '../bus/bus.js';
import type { Caller } from '../bus/caller.js';
import type { Handlers } from '../bus/descriptor.js';
import { ExportedObject } from '../bus/exported-object.js';
import { type Agent as AgentInterface, agent as agentInterface } from '../bus/generated/agent.js';
import type { AgentOpenOptions, HookOccasion, Monitor, MonitorState, Stream } from '../bus/generated/dictionaries.js';
import { Busy, InvalidArgs, StaleSerial } from '../errors.js';
import { placeMonitors } from '../layout/layout.js';
import { Clipboard } from './clipboard.js';
import type { Compositor, Screen } from './compositor/compositor.js';
import type { Hooks } from './hooks.js';
import type { LayoutMemory } from './layout-memory.js';
import type { PortalTokens } from './portal-tokens.js';
import { Viewer } from './viewer.js';

/** More viewers of one session than anybody has eyes: each costs the compositor a stream for each monitor. */
const MOST_VIEWERS = 32;

/** The one object that an agent exports: the daemon's view of its session. */
export class Agent implements Handlers<AgentInterface, Caller> {
  readonly object: ExportedObject;
  readonly #compositor: Compositor;
  readonly #clipboard: Clipboard;
  readonly #tokens: PortalTokens;
  readonly #memory: LayoutMemory;
  readonly #hooks: Hooks;
  /** The daemon's current bus name: our signals go to it alone. Empty while there is none. */
  readonly #daemon: () => string;
  readonly #viewers = new Map<number, Viewer>();
  #serial = 1;
  /** The layout in place as a tool asked for it: the compositor may have chosen other scales, and places for them. */
  #asked: readonly Screen[] | undefined;
  #renewing = false;
  /** Streams changed while there was no daemon. */
  #untold = false;
  /** Layout changes and new viewers, one after another. */
  #queue: Promise<unknown> = Promise.resolve();

  constructor(
    bus: Bus,
    path: string,
    daemon: () => string,
    {
      compositor,
      tokens,
      memory,
      hooks,
    }: { compositor: Compositor; tokens: PortalTokens; memory: LayoutMemory; hooks: Hooks },
  ) {
    this.#compositor = compositor;
    this.#memory = memory;
    this.#hooks = hooks;
    this.#clipboard = new Clipboard(compositor.clipboard);
    this.#tokens = tokens;
    this.#daemon = daemon;
    this.object = new ExportedObject(bus, path).implement(agentInterface, this, { version: () => 1 });
    compositor.on('layout', () => void this.#inTurn(() => this.#layoutChanged()));
    compositor.on('streams', () => this.#streamsEnded());
    void compositor.lost.then((reason) => this.#emitter()('CompositorLost', [reason]));
  }

  open(_caller: Caller, number: number, options: AgentOpenOptions): Promise<[string[], string[], [number, Stream][]]> {
    return this.#inTurn(async () => {
      if (this.#viewers.has(number)) throw new Busy(`connection ${number} is open`);
      if (this.#viewers.size >= MOST_VIEWERS) throw new Busy(`${MOST_VIEWERS} connections watch this session already`);
      const recording = options.grants.includes('capture') ? await this.#compositor.record(options.cursor) : undefined;
      const emit = this.#emitter();
      const viewer = new Viewer(
        { compositor: this.#compositor, clipboard: this.#clipboard, tokens: this.#tokens },
        options.grants,
        recording,
        {
          selectionOwnerChanged: (mimeTypes, isOwner) =>
            emit('SelectionOwnerChanged', [number, [...mimeTypes], isOwner]),
          selectionTransfer: (mimeType, serial) => emit('SelectionTransfer', [number, mimeType, serial]),
        },
      );
      this.#viewers.set(number, viewer);
      return [[...viewer.devices], [...this.#compositor.cursorModes], viewer.streams];
    });
  }

  close(_caller: Caller, number: number): Promise<void> {
    return this.#inTurn(() => this.#close(number));
  }

  /** A new daemon: the viewers that it does not know leave, and it hears what nobody heard. */
  resume(_caller: Caller, numbers: number[]): Promise<number[]> {
    return this.#inTurn(async () => {
      for (const number of [...this.#viewers.keys()]) if (!numbers.includes(number)) await this.#close(number);
      if (this.#untold) this.#tellStreams();
      for (const { clipboardPeer } of this.#viewers.values()) this.#clipboard.tell(clipboardPeer);
      return [...this.#viewers.keys()];
    });
  }

  /** Whether anybody is connected. */
  get isWatched(): boolean {
    return this.#viewers.size > 0;
  }

  closeAll(): Promise<void> {
    return this.#inTurn(async () => {
      for (const number of [...this.#viewers.keys()]) await this.#close(number);
    });
  }

  async #close(number: number): Promise<void> {
    const viewer = this.#viewers.get(number);
    this.#viewers.delete(number);
    await viewer?.[Symbol.asyncDispose]();
  }

  getLayout(_caller: Caller, number: number): [number, MonitorState[]] {
    const viewer = this.#viewer(number);
    return [
      this.#serial,
      this.#compositor.screens.map((screen) => {
        const node = viewer.node(screen.id);
        return { ...screen, 'mapping-id': screen.id, ...(node === undefined ? {} : { node }) };
      }),
    ];
  }

  setLayout(_caller: Caller, number: number, serial: number, monitors: Monitor[]): Promise<number> {
    this.#viewer(number);
    const layout = placeMonitors(monitors);
    return this.#inTurn(async () => {
      if (serial !== this.#serial)
        throw new StaleSerial(`the layout has serial ${this.#serial} now, not ${serial}: read it again`);
      if (isDeepStrictEqual(layout, this.#asked) || isDeepStrictEqual(layout, this.#compositor.screens))
        return this.#serial;
      // Also after a failure streams may have ended: the way back is a layout change as well.
      try {
        await this.#compositor.setLayout(layout);
      } finally {
        await this.#layoutChanged();
      }
      this.#asked = layout;
      return this.#serial;
    });
  }

  /** In turn, because streams that are just being made anew are not there yet. */
  openPipeWireRemote(_caller: Caller, number: number): Promise<number> {
    return this.#inTurn(async () => this.#viewer(number).openPipeWireRemote());
  }

  connectToEIS(_caller: Caller, number: number): number {
    return this.#viewer(number).connectToEIS();
  }

  runHooks(_caller: Caller, occasion: HookOccasion): Promise<void> {
    return this.#hooks.run(occasion);
  }

  async idleTime(): Promise<bigint> {
    return BigInt(Math.round(await this.#compositor.idleTime()));
  }

  setSelection(_caller: Caller, number: number, mimeTypes: string[]): Promise<void> {
    return this.#clipboard.setSelection(this.#viewer(number).clipboardPeer, mimeTypes);
  }

  selectionRead(_caller: Caller, number: number, mimeType: string): Promise<number> {
    return this.#clipboard.read(this.#viewer(number).clipboardPeer, mimeType);
  }

  selectionWrite(_caller: Caller, number: number, serial: number): Promise<number> {
    return this.#clipboard.write(this.#viewer(number).clipboardPeer, serial);
  }

  selectionWriteDone(_caller: Caller, number: number, serial: number, success: boolean): Promise<void> {
    return this.#clipboard.writeDone(this.#viewer(number).clipboardPeer, serial, success);
  }

  portalToken(_caller: Caller, number: number, appId: string): Promise<string> {
    return this.#viewer(number).portalToken(appId);
  }

  async #layoutChanged(): Promise<void> {
    this.#serial = this.#serial === 0xffff_ffff ? 1 : this.#serial + 1;
    this.#asked = undefined;
    this.#memory.keep(this.#compositor.screens);
    await this.#renewViewers();
  }

  /** Once for all streams that ended together. The serial stays: a layout read before is still the layout. */
  #streamsEnded(): void {
    if (this.#renewing) return;
    this.#renewing = true;
    void this.#inTurn(() => {
      this.#renewing = false;
      return this.#renewViewers();
    });
  }

  async #renewViewers(): Promise<void> {
    await Promise.all(
      [...this.#viewers].map(([number, viewer]) =>
        // Whom the compositor gives no streams is told that there are none, and the others have theirs.
        viewer.renew().catch((error: Error) => console.warn(`connection ${number} has no streams: ${error.message}`)),
      ),
    );
    this.#tellStreams();
  }

  #tellStreams(): void {
    this.#untold = this.#daemon() === '';
    const emit = this.#emitter();
    for (const [number, viewer] of this.#viewers) emit('StreamsChanged', [number, viewer.streams]);
    emit('LayoutChanged', [this.#serial]);
  }

  #emitter() {
    return <N extends keyof AgentInterface['signals'] & string>(
      name: N,
      args: [...AgentInterface['signals'][N]],
    ): void => {
      const daemon = this.#daemon();
      if (daemon !== '') this.object.emit(agentInterface, name, args, daemon);
    };
  }

  #viewer(number: number): Viewer {
    const viewer = this.#viewers.get(number);
    if (viewer === undefined) throw new InvalidArgs(`there is no connection ${number}`);
    return viewer;
  }

  #inTurn<T>(action: () => Promise<T>): Promise<T> {
    const done = this.#queue.then(action);
    this.#queue = done.catch(() => {});
    return done;
  }
}
