import type { Bus } from '../../../bus/bus.js';
import { mutterDisplayConfig } from '../../../bus/generated/mutter-display-config.js';
import { RemoteObject } from '../../../bus/remote-object.js';
import type { Variant } from '../../../bus/variant.js';

/** Methods of ApplyMonitorsConfig. */
const VERIFY = 0;
const TEMPORARY = 1;

/** A monitor that mutter drives: the mode it is in, and which scales that mode allows. */
export type Output = {
  readonly connector: string;
  readonly mode: string;
  readonly size: [number, number];
  readonly refresh: number;
  readonly scales: readonly number[];
};

/** Where an output is on the desktop. */
export type Placement = {
  readonly connector: string;
  /** Logical pixels. */
  readonly position: [number, number];
  readonly scale: number;
  readonly transform: number;
  readonly primary: boolean;
};

export type DisplayState = {
  readonly serial: number;
  readonly outputs: ReadonlyMap<string, Output>;
  readonly placements: readonly Placement[];
};

/** mutter's monitor configuration (org.gnome.Mutter.DisplayConfig), in logical pixels (layout mode 1). */
export class DisplayConfig {
  readonly #remote;

  constructor(bus: Bus, destination: string) {
    this.#remote = new RemoteObject(bus, mutterDisplayConfig, destination, '/org/gnome/Mutter/DisplayConfig');
  }

  watch(changed: () => void): Promise<AsyncDisposable> {
    return this.#remote.subscribe('MonitorsChanged', changed);
  }

  async state(): Promise<DisplayState> {
    const [serial, monitors, logical] = await this.#remote.methods.getCurrentState();
    const outputs = new Map<string, Output>();
    for (const [[connector], modes] of monitors) {
      const mode = modes.find(([, , , , , , properties]) => isTrue(properties.get('is-current')));
      if (mode === undefined) continue;
      const [id, width, height, refresh, , scales] = mode;
      outputs.set(connector, { connector, mode: id, size: [width, height], refresh, scales });
    }
    const placements = logical.flatMap(([x, y, scale, transform, primary, of]) =>
      of.map(([connector]): Placement => ({ connector, position: [x, y], scale, transform, primary })),
    );
    return { serial, outputs, placements };
  }

  /** Fails with mutter's own words where it would not show the layout; changes nothing. */
  verify(state: DisplayState, placements: readonly Placement[]): Promise<void> {
    return this.#configure(VERIFY, state, placements);
  }

  /** Outputs that are left out go dark. */
  apply(state: DisplayState, placements: readonly Placement[]): Promise<void> {
    return this.#configure(TEMPORARY, state, placements);
  }

  #configure(method: number, { serial, outputs }: DisplayState, placements: readonly Placement[]): Promise<void> {
    const logical = placements.map(
      ({ connector, position: [x, y], scale, transform, primary }): LogicalMonitor => [
        x,
        y,
        scale,
        transform,
        primary,
        [[connector, outputs.get(connector)?.mode ?? '', new Map()]],
      ],
    );
    return this.#remote.methods.applyMonitorsConfig(serial, method, logical, new Map());
  }
}

type LogicalMonitor = [number, number, number, number, boolean, [string, string, Map<string, Variant>][]];

function isTrue(variant: Variant | undefined): boolean {
  return variant?.value === true;
}
