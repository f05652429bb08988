import { EventEmitter } from 'node:events';
import { openSync } from 'node:fs';
import type { Bus } from '../../bus/bus.js';
import type { CursorMode } from '../../bus/generated/dictionaries.js';
import type { Capability } from '../../ei/protocol.js';
import type { Region, ToolRegion } from '../../ei/regions.js';
import type { Modifiers } from '../../ei/sender.js';
import { StaleSerial } from '../../errors.js';
import { logicalSize } from '../../layout/layout.js';
import type { InputTarget, InputTargetEvents } from '../eis/input-target.js';
import type {
  ClipboardEvents,
  Compositor,
  CompositorClipboard,
  CompositorEvents,
  Recording,
  Screen,
} from './compositor.js';

/**
 * A compositor without pictures, for trying out everything above it: any layout is fine, nodes are numbers, input goes
 * nowhere, and the clipboard's other side is empty.
 */
export class FakeCompositor extends EventEmitter<CompositorEvents> implements Compositor {
  readonly lost = new Promise<string>(() => {});
  readonly interrupted = new Promise<string>(() => {});
  readonly cursorModes: readonly CursorMode[] = ['embedded', 'metadata', 'hidden'];
  readonly input = new FakeInput();
  readonly clipboard = new FakeClipboard();
  screens: readonly Screen[];
  #lastNode = 0;

  private constructor(layout: readonly Screen[]) {
    super();
    this.screens = layout;
  }

  static async connect(_bus: Bus, _owner: string, layout: readonly Screen[]): Promise<FakeCompositor> {
    return new FakeCompositor(layout);
  }

  async setLayout(layout: readonly Screen[]): Promise<void> {
    this.screens = layout;
  }

  async record(): Promise<Recording> {
    const nodes = new Map<string, number>();
    const renew = async (): Promise<void> => {
      nodes.clear();
      for (const { id } of this.screens) nodes.set(id, ++this.#lastNode);
    };
    await renew();
    // A descriptor at which nothing ever happens.
    const openPipeWireRemote = async () => openSync('/dev/null', 'r');
    return { nodes, renew, openPipeWireRemote, [Symbol.asyncDispose]: async () => nodes.clear() };
  }

  get regions(): readonly ToolRegion[] {
    return this.screens.map((screen) => {
      const [width, height] = logicalSize(screen);
      const [x, y] = screen.position;
      return { mappingId: screen.id, compositorMappingId: screen.id, x, y, width, height, scale: screen.scale };
    });
  }

  async idleTime(): Promise<number> {
    return performance.now();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.input.emit('closed');
  }
}

class FakeClipboard extends EventEmitter<ClipboardEvents> implements CompositorClipboard {
  async offer(): Promise<void> {}

  /** Nobody else offers anything: the other end is closed at once. */
  async read(): Promise<number> {
    return openSync('/dev/null', 'r');
  }

  async write(serial: number): Promise<number> {
    throw new StaleSerial(`there is no transfer ${serial}`);
  }

  async writeDone(): Promise<void> {}
}

class FakeInput extends EventEmitter<InputTargetEvents> implements InputTarget {
  readonly keymap = undefined;
  readonly modifiers: Modifiers = { depressed: 0, latched: 0, locked: 0, group: 0 };
  readonly capabilities: ReadonlySet<Capability> = new Set<Capability>([
    'ei_keyboard',
    'ei_pointer',
    'ei_pointer_absolute',
    'ei_button',
    'ei_scroll',
    'ei_touchscreen',
  ]);
  readonly blocked = false;
  readonly closed = false;
  #lastTouch = 0;

  region(mappingId: string): Region {
    return { mappingId, x: 0, y: 0, width: 16384, height: 16384, scale: 1 };
  }

  touchDown(): number {
    return ++this.#lastTouch;
  }

  sync(done: () => void): void {
    queueMicrotask(done);
  }

  key(): void {}
  button(): void {}
  motion(): void {}
  motionAbsolute(): void {}
  scroll(): void {}
  scrollDiscrete(): void {}
  scrollStop(): void {}
  touchMotion(): void {}
  touchUp(): void {}
  touchCancel(): void {}
  frame(): void {}
}
