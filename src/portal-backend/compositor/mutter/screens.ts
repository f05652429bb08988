import type { Bus } from '../../../bus/bus.js';
import { CallError } from '../../../bus/call-error.js';
import type { MutterScreenCastSession } from '../../../bus/generated/mutter-screen-cast-session.js';
import type { RemoteObject } from '../../../bus/remote-object.js';
import { InvalidLayout, RemoteAccessError, SessionFailed } from '../../../errors.js';
import { nearestScale, rescale } from '../../../layout/rescale.js';
import type { PipeWire } from '../../pipewire/pipewire.js';
import type { Screen } from '../compositor.js';
import type { Announcements } from './announcements.js';
import type { DisplayConfig, DisplayState, Output, Placement } from './display-config.js';
import { type MadeMonitor, VirtualMonitor } from './virtual-monitor.js';

/** Scales are the same if no screen has so many pixels that the difference shows. */
const SAME_SCALE = 1 / 16384;

/** mutter answers with this error where its state changed since it was read. */
const STALE = 'org.freedesktop.DBus.Error.AccessDenied';

/** How often a layout is tried again when mutter's state changed under it. */
const TRIES = 5;

type Parts = {
  /** Whose session it is: only there it is told of its streams. */
  readonly owner: Bus;
  readonly session: RemoteObject<MutterScreenCastSession>;
  readonly pipeWire: PipeWire;
  readonly displays: DisplayConfig;
  readonly announcements: Announcements;
};

/** The virtual monitors of a session and their layout. They are ours, so they outlive every viewer. */
export class MutterScreens {
  readonly #parts: Parts;
  readonly #monitors = new Map<string, VirtualMonitor>();
  #screens: readonly Screen[] = [];

  constructor(parts: Parts) {
    this.#parts = parts;
  }

  /** As they are now. */
  get screens(): readonly Screen[] {
    return this.#screens;
  }

  /** What the next owner of the session needs to take them over. */
  get made(): MadeMonitor[] {
    return [...this.#monitors.values()].map(({ made }) => made);
  }

  /** Takes over monitors that were made before us; `set` makes a layout of them. Fails where there are others, too. */
  async takeOver(made: readonly MadeMonitor[]): Promise<void> {
    const { owner, session, pipeWire, displays } = this.#parts;
    const { outputs } = await displays.state();
    for (const one of made) {
      const output = outputs.get(one.connector);
      if (output === undefined) continue;
      this.#monitors.set(one.id, VirtualMonitor.resume(owner, pipeWire, session.destination, one, output));
    }
    if (this.#monitors.size !== outputs.size) throw new SessionFailed('there are monitors that nobody noted');
  }

  monitor(id: string): VirtualMonitor | undefined {
    return this.#monitors.get(id);
  }

  /**
   * mutter 48 rebuilds its views from an idle handler after each change, and crashes if the next one comes before that
   * (a monitor then has no CRTC), so each waits for what the one before still has to announce: two signals for a
   * resize, one for anything else.
   *
   * All or nothing. Monitors are added and resized first, which can be taken back, and removed last. Scales are the
   * nearest ones that mutter offers, and what touched then still does.
   */
  async set(asked: readonly Screen[]): Promise<void> {
    const undo: (() => Promise<void>)[] = [];
    let layout: readonly Screen[];
    await this.#parts.announcements.quiet();
    try {
      for (const screen of asked) await this.#prepare(screen, undo);
      layout = await this.#fit(asked);
      await this.#verify(layout);
    } catch (error) {
      await this.#takeBack(undo);
      throw refusal(error);
    }
    const wanted = new Set(layout.map(({ id }) => id));
    for (const [id, monitor] of this.#monitors) {
      if (wanted.has(id)) continue;
      this.#monitors.delete(id);
      await monitor.remove();
      this.#parts.announcements.owe(1);
      await this.#parts.announcements.quiet();
    }
    await this.#apply(layout);
    this.#screens = layout;
  }

  /** Applies the layout again where mutter shows another. */
  restore(): Promise<void> {
    return this.#apply(this.#screens);
  }

  /** Takes over what somebody else in the session made of the layout; whether anything differs. */
  async refresh(): Promise<boolean> {
    const { placements } = await this.#parts.displays.state();
    const before = JSON.stringify(this.#screens);
    this.#screens = this.#screens.map((screen) => {
      const placement = placements.find(({ connector }) => connector === this.#monitors.get(screen.id)?.connector);
      if (placement === undefined) return screen;
      const { position, scale, transform, primary } = placement;
      return { ...screen, position, scale, transform, primary };
    });
    return JSON.stringify(this.#screens) !== before;
  }

  async #prepare({ id, size, refresh }: Screen, undo: (() => Promise<void>)[]): Promise<void> {
    const existing = this.#monitors.get(id);
    if (existing === undefined) {
      const monitor = await VirtualMonitor.create(this.#parts, this.#parts.session, id);
      undo.push(async () => {
        this.#monitors.delete(id);
        this.#parts.announcements.owe(1);
        await monitor.remove();
      });
      await monitor.resize(size, refresh);
      this.#parts.announcements.owe(1);
      await this.#parts.announcements.quiet();
      monitor.connector = await this.#newConnector();
      this.#monitors.set(id, monitor);
      return;
    }
    // mutter changes a refresh rate only together with the size, so that alone does not disturb anybody.
    if (existing.size[0] === size[0] && existing.size[1] === size[1]) return;
    const { size: oldSize, refresh: oldRefresh } = existing;
    undo.push(() => {
      this.#parts.announcements.owe(2);
      return existing.resize(oldSize, oldRefresh);
    });
    await existing.resize(size, refresh);
    this.#parts.announcements.owe(2);
    await this.#parts.announcements.quiet();
  }

  /** The connector of the monitor that has just come into being: the one we do not know yet. */
  async #newConnector(): Promise<string> {
    const known = new Set([...this.#monitors.values()].map(({ connector }) => connector));
    const { outputs } = await this.#parts.displays.state();
    const fresh = [...outputs.keys()].filter((connector) => !known.has(connector));
    if (fresh.length !== 1)
      throw new SessionFailed(`the compositor made ${fresh.length} monitors where one was asked for`);
    return fresh[0] as string;
  }

  /** What mutter can show of a layout: each mode allows only certain scales. */
  async #fit(layout: readonly Screen[]): Promise<Screen[]> {
    const { outputs } = await this.#parts.displays.state();
    const scales = layout.map(({ id, scale }) => offered(id, scale, this.#output(id, outputs)));
    return rescale(layout, scales).map((screen) => ({
      ...screen,
      refresh: this.#monitors.get(screen.id)?.refresh ?? screen.refresh,
    }));
  }

  #output(id: string, outputs: ReadonlyMap<string, Output>): Output {
    const output = outputs.get(this.#monitors.get(id)?.connector ?? '');
    if (output === undefined) throw new SessionFailed(`the compositor lost monitor '${id}'`);
    return output;
  }

  async #verify(layout: readonly Screen[]): Promise<void> {
    await this.#withState((state) => this.#parts.displays.verify(state, this.#place(layout, state)));
  }

  async #apply(layout: readonly Screen[]): Promise<void> {
    await this.#withState(async (state) => {
      const placements = this.#place(layout, state);
      if (sameLayout(placements, state.placements)) return;
      await this.#parts.displays.apply(state, placements);
      this.#parts.announcements.owe(1);
    });
  }

  async #withState(action: (state: DisplayState) => Promise<void>): Promise<void> {
    for (let tries = 1; ; tries++) {
      try {
        return await action(await this.#parts.displays.state());
      } catch (error) {
        if (!(error instanceof CallError && error.dbusName === STALE) || tries === TRIES) throw error;
      }
    }
  }

  #place(layout: readonly Screen[], { outputs }: DisplayState): Placement[] {
    return layout.map(({ id, position, scale, transform, primary }) => {
      const output = this.#output(id, outputs);
      return { connector: output.connector, position, scale: offered(id, scale, output), transform, primary };
    });
  }

  async #takeBack(undo: (() => Promise<void>)[]): Promise<void> {
    for (const step of undo.reverse()) {
      await step().catch((error) => console.warn(`could not take back a layout change: ${error.message}`));
      await this.#parts.announcements.quiet();
    }
    if (undo.length > 0 && this.#screens.length > 0)
      await this.#apply(this.#screens).catch((error) => console.warn(`could not restore the layout: ${error.message}`));
  }
}

/** mutter takes exactly the scales that it lists for a mode. */
function offered(id: string, scale: number, { scales, size }: Output): number {
  const match = nearestScale(scale, scales);
  if (match !== undefined) return match;
  const list = scales.map((candidate) => String(Number(candidate.toFixed(6)))).join(', ');
  throw new InvalidLayout(`monitor '${id}' of ${size[0]}x${size[1]} cannot have scale ${scale}, only ${list}`);
}

function sameLayout(wanted: readonly Placement[], current: readonly Placement[]): boolean {
  return (
    wanted.length === current.length &&
    wanted.every((placement) => {
      const now = current.find(({ connector }) => connector === placement.connector);
      return (
        now !== undefined &&
        now.position[0] === placement.position[0] &&
        now.position[1] === placement.position[1] &&
        Math.abs(now.scale - placement.scale) < SAME_SCALE &&
        now.transform === placement.transform &&
        now.primary === placement.primary
      );
    })
  );
}

/** What mutter would not do is a layout that cannot be shown; anything else is a failure of the session. */
function refusal(error: unknown): Error {
  if (error instanceof CallError) return new InvalidLayout(`the compositor refuses the layout: ${error.text}`);
  if (error instanceof RemoteAccessError) return error;
  return new SessionFailed(`the layout could not be set: ${(error as Error).message}`);
}
