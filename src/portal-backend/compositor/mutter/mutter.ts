import { EventEmitter } from 'node:events';
import type { Bus } from '../../../bus/bus.js';
import type { CursorMode } from '../../../bus/generated/dictionaries.js';
import { mutterIdleMonitor } from '../../../bus/generated/mutter-idle-monitor.js';
import { mutterRemoteDesktopSession } from '../../../bus/generated/mutter-remote-desktop-session.js';
import { RemoteObject } from '../../../bus/remote-object.js';
import { Variant } from '../../../bus/variant.js';
import { placeName, type ToolRegion } from '../../../ei/regions.js';
import { logicalSize } from '../../../layout/layout.js';
import type { Anchor } from '../../anchor.js';
import { CompositorInput } from '../../eis/compositor-input.js';
import { PipeWire } from '../../pipewire/pipewire.js';
import type { Compositor, CompositorEvents, Recording, Screen } from '../compositor.js';
import { Announcements } from './announcements.js';
import { MutterClipboard } from './clipboard.js';
import { DisplayConfig } from './display-config.js';
import { createSession, Ownership } from './ownership.js';
import { MutterRecording } from './recording.js';
import { MutterScreens } from './screens.js';

/** keyboard, pointer and touch of ConnectToEIS: the first call of a session decides for all later ones. */
const ALL_DEVICES = 7;

const PIPEWIRE_DEADLINE = 10_000;

/** When monitors are painted again after somebody was linked, in milliseconds: slow consumers take their time to start. */
const REPAINTS = [60, 300, 1_000, 3_000];

/** It takes mutter some milliseconds to notice that somebody watches. */
const REPAINT_DEADLINE = 1_000;

/** How long mutter may take to have devices for a layout, in milliseconds; some 10 to 80 on an idle machine. */
const DEVICES_DEADLINE = 1_000;

/** For how long mutter may have second thoughts about a layout, in milliseconds. */
const ECHO = 500;

type Parts = {
  readonly bus: Bus;
  /** Its unique name: another mutter that takes the well-known name is another compositor. */
  readonly name: string;
  readonly ownership: Ownership;
  readonly screens: MutterScreens;
  readonly announcements: Announcements;
  readonly pipeWire: PipeWire;
  readonly clipboard: MutterClipboard;
  readonly input: CompositorInput;
  readonly lost: Promise<string>;
  readonly interrupted: Promise<string>;
};

/** mutter from 45 on: its remote desktop, screen cast and display configuration interfaces, all on the user's bus. */
export class Mutter extends EventEmitter<CompositorEvents> implements Compositor {
  readonly cursorModes: readonly CursorMode[] = ['embedded', 'metadata', 'hidden'];
  readonly lost: Promise<string>;
  readonly interrupted: Promise<string>;
  readonly clipboard: MutterClipboard;
  readonly input: CompositorInput;
  readonly #parts: Parts;
  readonly #recordings = new Set<MutterRecording>();
  #changing = false;
  /** A repaint waits for its turn. */
  #repainting = false;
  /** The glance of a repaint; a layout change does not wait for it. */
  #glance = new AbortController();
  /** Until when a layout that is not ours is mutter's doing and not a person's. */
  #ours = 0;
  #queue: Promise<unknown> = Promise.resolve();

  private constructor(parts: Parts) {
    super();
    this.#parts = parts;
    this.lost = parts.lost;
    this.interrupted = parts.interrupted;
    this.clipboard = parts.clipboard;
    this.input = parts.input;
  }

  /**
   * Takes hold of the mutter behind a unique bus name, for as long as we live; monitors that belong to the anchor stay
   * when we die. Two remote desktop sessions: one has the monitors and nothing else, for devices that are tied to its
   * streams come only while those are consumed; the other has input and clipboard, and devices with a region for each
   * monitor of the layout.
   */
  static async connect(bus: Bus, name: string, layout: readonly Screen[], anchor: Anchor): Promise<Mutter> {
    let mutter: Mutter | undefined;
    const lost = new Promise<string>((resolve) => {
      void bus.subscriptions.watchName(name, () => resolve('the compositor left the bus'));
    });
    const [pipeWire, ownership, session] = await Promise.all([
      PipeWire.connect({
        signal: AbortSignal.timeout(PIPEWIRE_DEADLINE),
        linked: (node) => {
          if (mutter !== undefined) mutter.#watched(node);
        },
      }),
      Ownership.take(anchor, name),
      createSession(bus, name),
    ]);
    const displays = new DisplayConfig(bus, name);
    const announcements = new Announcements();
    await displays.watch(() => {
      announcements.heard();
      if (mutter !== undefined) mutter.#monitorsChanged();
    });
    const screens = new MutterScreens({
      owner: anchor.bus,
      session: ownership.screenCast,
      pipeWire,
      displays,
      announcements,
    });
    if (ownership.made !== undefined) await screens.takeOver(ownership.made);
    await screens.set(layout);
    ownership.note(screens.made);
    await session.methods.start();
    const clipboard = await MutterClipboard.enable(session);
    const input = new CompositorInput(
      await session.methods.connectToEIS(new Map([['device-types', new Variant('u', ALL_DEVICES)]])),
    );
    await input.ready;
    // GNOME Shell's button "Stop Screen Sharing" ends our sessions, and PipeWire may crash.
    const interrupted = new Promise<string>((resolve) => {
      const owner = new RemoteObject(bus, mutterRemoteDesktopSession, name, ownership.path);
      for (const one of [owner, session])
        void one.subscribe('Closed', () => resolve('the compositor ended the remote desktop session'));
      void pipeWire.closed.then(() => resolve('PipeWire went away'));
    });
    const connected = new Mutter({
      bus,
      name,
      ownership,
      screens,
      announcements,
      pipeWire,
      clipboard,
      input,
      lost,
      interrupted,
    });
    mutter = connected;
    return connected;
  }

  get screens(): readonly Screen[] {
    return this.#parts.screens.screens;
  }

  setLayout(layout: readonly Screen[]): Promise<void> {
    this.#changing = true;
    this.#glance.abort();
    return this.#inTurn(async () => {
      try {
        // They end anyway, and those that did not could keep a size that is no longer true.
        await Promise.all([...this.#recordings].map((recording) => recording.stop()));
        await this.#parts.screens.set(layout);
      } finally {
        await this.#settle();
        this.#parts.ownership.note(this.#parts.screens.made);
        this.#changing = false;
        this.#ours = performance.now() + ECHO;
      }
    });
  }

  async record(cursor: CursorMode): Promise<Recording> {
    const recording = new MutterRecording(
      {
        bus: this.#parts.bus,
        mutter: this.#parts.name,
        pipeWire: this.#parts.pipeWire,
        connectors: () => this.#connectors(),
        ended: () => {
          if (!this.#changing) this.emit('streams');
        },
        disposed: () => this.#recordings.delete(recording),
      },
      cursor,
    );
    await recording.renew();
    this.#recordings.add(recording);
    return recording;
  }

  get regions(): readonly ToolRegion[] {
    return this.screens.map((screen) => {
      const [width, height] = logicalSize(screen);
      const [x, y] = screen.position;
      const compositorMappingId = placeName(x, y, width, height);
      return { mappingId: screen.id, compositorMappingId, x, y, width, height, scale: screen.scale };
    });
  }

  async idleTime(): Promise<number> {
    const { bus, name } = this.#parts;
    const monitor = new RemoteObject(bus, mutterIdleMonitor, name, '/org/gnome/Mutter/IdleMonitor/Core');
    return Number(await monitor.methods.getIdletime());
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#parts.input[Symbol.dispose]();
    await this.#parts.pipeWire[Symbol.asyncDispose]();
  }

  #connectors(): ReadonlyMap<string, string> {
    return new Map(this.screens.map(({ id }) => [id, this.#parts.screens.monitor(id)?.connector ?? '']));
  }

  /**
   * Somebody began to watch a stream. mutter 48 paints for them once and forgets it if the stream pauses right then,
   * as it does when PipeWire links a consumer; on an idle monitor nothing would ever come after that.
   */
  #watched(node: number): void {
    for (const delay of REPAINTS) setTimeout(() => this.#repaintSoon(node), delay).unref();
  }

  /** One glance is for everybody who waits for one, and none for a node that a layout change has ended meanwhile. */
  #repaintSoon(node: number): void {
    const watched = () => [...this.#recordings].flatMap(({ nodes }) => [...nodes]).find(([, one]) => one === node)?.[0];
    if (this.#repainting || watched() === undefined) return;
    this.#repainting = true;
    void this.#inTurn(async () => {
      this.#repainting = false;
      const id = watched();
      if (id !== undefined && !this.#changing) await this.#repaint(id);
    }).catch((error) => {
      if (!this.#changing) console.warn(`could not repaint: ${(error as Error).message}`);
    });
  }

  /** By watching it for a moment: mutter paints all monitors whenever a stream begins to run. */
  async #repaint(id: string): Promise<void> {
    const { bus, name, pipeWire, screens } = this.#parts;
    const screen = screens.screens.find((candidate) => candidate.id === id);
    const connector = screens.monitor(id)?.connector;
    if (screen === undefined || connector === undefined) return;
    const [width, height] = screen.transform % 2 === 1 ? [screen.size[1], screen.size[0]] : screen.size;
    await using glance = new MutterRecording(
      {
        bus,
        mutter: name,
        pipeWire,
        connectors: () => new Map([[id, connector]]),
        ended: () => {},
        disposed: () => {},
      },
      'hidden',
    );
    await glance.renew();
    this.#glance = new AbortController();
    const signal = AbortSignal.any([this.#glance.signal, AbortSignal.timeout(REPAINT_DEADLINE)]);
    await pipeWire.repaint(glance.nodes.get(id) ?? 0, { width, height, refresh: screen.refresh }, { signal });
  }

  /**
   * Streams that are recorded before mutter has done everything end again at once, so wait for what it still has to
   * announce, and put right what it made of the layout meanwhile. The same for its devices: on a busy machine they come
   * so late that what a tool sent meanwhile would have been dropped.
   */
  async #settle(): Promise<void> {
    const { announcements, screens, input } = this.#parts;
    await announcements.quiet();
    await screens.restore().catch((error) => console.warn(`could not check the layout: ${(error as Error).message}`));
    await input.placed(
      this.regions.map(({ compositorMappingId }) => compositorMappingId),
      DEVICES_DEADLINE,
    );
  }

  /**
   * After a change of ours mutter may fall back to a layout of its own, from an idle handler; then ours is applied again.
   * Later it was somebody in the session, and that is the layout now.
   */
  #monitorsChanged(): void {
    if (this.#changing) return;
    void this.#inTurn(async () => {
      if (performance.now() < this.#ours) await this.#parts.screens.restore();
      else if (await this.#parts.screens.refresh()) this.emit('layout');
    }).catch((error) => console.warn(`could not follow the layout: ${(error as Error).message}`));
  }

  #inTurn<T>(action: () => Promise<T>): Promise<T> {
    const done = this.#queue.then(action);
    this.#queue = done.catch(() => {});
    return done;
  }
}
