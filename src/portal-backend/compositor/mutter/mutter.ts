import { EventEmitter } from 'node:events';
import type { Bus } from '../../../bus/bus.js';
import type { CursorMode } from '../../../bus/generated/dictionaries.js';
import { mutterRemoteDesktop } from '../../../bus/generated/mutter-remote-desktop.js';
import { mutterRemoteDesktopSession } from '../../../bus/generated/mutter-remote-desktop-session.js';
import { mutterScreenCast } from '../../../bus/generated/mutter-screen-cast.js';
import { mutterScreenCastSession } from '../../../bus/generated/mutter-screen-cast-session.js';
import { RemoteObject } from '../../../bus/remote-object.js';
import { Variant } from '../../../bus/variant.js';
import { logicalSize } from '../../../layout/layout.js';
import { CompositorInput } from '../../eis/compositor-input.js';
import type { ToolRegion } from '../../eis/regions.js';
import { PipeWire } from '../../pipewire/pipewire.js';
import type { Compositor, CompositorEvents, Recording, Screen } from '../compositor.js';
import { MutterClipboard } from './clipboard.js';
import { DisplayConfig } from './display-config.js';
import { MutterRecording } from './recording.js';
import { MutterScreens } from './screens.js';

/** keyboard, pointer and touch of ConnectToEIS: the first call of a session decides for all later ones. */
const ALL_DEVICES = 7;

const PIPEWIRE_DEADLINE = 10_000;

type Parts = {
  readonly bus: Bus;
  /** Its unique name: another mutter that takes the well-known name is another compositor. */
  readonly name: string;
  readonly screens: MutterScreens;
  readonly pipeWire: PipeWire;
  readonly clipboard: MutterClipboard;
  readonly input: CompositorInput;
  readonly lost: Promise<string>;
};

/** mutter from 45 on: its remote desktop, screen cast and display configuration interfaces, all on the user's bus. */
export class Mutter extends EventEmitter<CompositorEvents> implements Compositor {
  readonly cursorModes: readonly CursorMode[] = ['embedded', 'metadata', 'hidden'];
  readonly lost: Promise<string>;
  readonly clipboard: MutterClipboard;
  readonly input: CompositorInput;
  readonly #parts: Parts;
  readonly #recordings = new Set<MutterRecording>();
  /** While we change the layout ourselves, mutter's news of it are none. */
  #changing = 0;

  private constructor(parts: Parts) {
    super();
    this.#parts = parts;
    this.lost = parts.lost;
    this.clipboard = parts.clipboard;
    this.input = parts.input;
  }

  /**
   * Takes hold of the mutter behind a unique bus name: one remote desktop session, which owns monitors, input and
   * clipboard for as long as we live.
   */
  static async connect(bus: Bus, name: string, layout: readonly Screen[]): Promise<Mutter> {
    const lost = new Promise<string>((resolve) => {
      void bus.subscriptions.watchName(name, () => resolve('the compositor left the bus'));
    });
    const pipeWire = await PipeWire.connect({ signal: AbortSignal.timeout(PIPEWIRE_DEADLINE) });
    const remoteDesktop = new RemoteObject(bus, mutterRemoteDesktop, name, '/org/gnome/Mutter/RemoteDesktop');
    const path = await remoteDesktop.methods.createSession();
    const session = new RemoteObject(bus, mutterRemoteDesktopSession, name, path);
    const screenCast = new RemoteObject(bus, mutterScreenCast, name, '/org/gnome/Mutter/ScreenCast');
    const castPath = await screenCast.methods.createSession(
      new Map([['remote-desktop-session-id', new Variant('s', await session.property('SessionId'))]]),
    );
    const displays = new DisplayConfig(bus, name);
    const screens = new MutterScreens({
      bus,
      session: new RemoteObject(bus, mutterScreenCastSession, name, castPath),
      pipeWire,
      displays,
    });
    await session.methods.start();
    await screens.set(layout);
    const clipboard = await MutterClipboard.enable(session);
    const input = new CompositorInput(
      await session.methods.connectToEIS(new Map([['device-types', new Variant('u', ALL_DEVICES)]])),
    );
    await input.ready;
    const closed = new Promise<string>((resolve) => {
      void session.subscribe('Closed', () => resolve('the compositor ended the remote desktop session'));
      void pipeWire.closed.then(() => resolve('PipeWire went away'));
    });
    const mutter = new Mutter({
      bus,
      name,
      screens,
      pipeWire,
      clipboard,
      input,
      lost: Promise.race([lost, closed]),
    });
    await displays.watch(() => void mutter.#changedByOthers());
    return mutter;
  }

  get screens(): readonly Screen[] {
    return this.#parts.screens.screens;
  }

  async setLayout(layout: readonly Screen[]): Promise<void> {
    this.#changing++;
    try {
      // mutter crashes where a monitor that somebody watches is taken away, and ends all streams anyway.
      await Promise.all([...this.#recordings].map((recording) => recording.stop()));
      await this.#parts.screens.set(layout);
    } finally {
      this.#changing--;
    }
  }

  async record(cursor: CursorMode): Promise<Recording> {
    const recording = new MutterRecording(
      {
        bus: this.#parts.bus,
        mutter: this.#parts.name,
        connectors: () => this.#connectors(),
        ended: () => {
          if (this.#changing === 0) this.emit('streams');
        },
        disposed: () => this.#recordings.delete(recording),
      },
      cursor,
    );
    await recording.renew();
    this.#recordings.add(recording);
    return recording;
  }

  openPipeWireRemote(nodes: readonly number[]): Promise<number> {
    return this.#parts.pipeWire.openConfined(nodes, { signal: AbortSignal.timeout(PIPEWIRE_DEADLINE) });
  }

  get regions(): readonly ToolRegion[] {
    return this.screens.map((screen) => {
      const [width, height] = logicalSize(screen);
      const [x, y] = screen.position;
      const compositorMappingId = this.#parts.screens.monitor(screen.id)?.mappingId ?? '';
      return { mappingId: screen.id, compositorMappingId, x, y, width, height, scale: screen.scale };
    });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#parts.input[Symbol.dispose]();
    await this.#parts.pipeWire[Symbol.asyncDispose]();
  }

  #connectors(): ReadonlyMap<string, string> {
    return new Map(this.screens.map(({ id }) => [id, this.#parts.screens.monitor(id)?.connector ?? '']));
  }

  async #changedByOthers(): Promise<void> {
    if (this.#changing === 0 && (await this.#parts.screens.refresh().catch(() => false))) this.emit('layout');
  }
}
