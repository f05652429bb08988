import { socketPair } from '../../bus/native/descriptors.js';
import type { Capability } from '../../ei/protocol.js';
import type { ToolRegion } from '../../ei/regions.js';
import { Busy, SessionFailed } from '../../errors.js';
import type { InputTarget } from './input-target.js';
import type { Keymap } from './keymap.js';
import { ToolClient, type ToolRights } from './tool-client.js';
import { kinds } from './tool-device.js';

export type InputGrant = 'keyboard' | 'pointer' | 'touch';

/** Connections of one tool at a time. */
const CLIENT_LIMIT = 16;

const granted: Record<InputGrant, readonly Capability[]> = {
  keyboard: kinds.keyboard,
  pointer: [...kinds.pointer, ...kinds.absolute],
  touch: kinds.touch,
};

export type ToolInputOptions = {
  grants: Iterable<InputGrant>;
  regions: readonly ToolRegion[];
};

/**
 * The input of one tool: the EIS server behind its descriptors. The tool sees devices for its grants only, absolute
 * ones with a region for each monitor, and keeps its descriptors over layout changes.
 */
export class ToolInput implements Disposable {
  readonly #target: InputTarget;
  readonly #grants: Set<InputGrant>;
  readonly #allowed = new Set<Capability>();
  readonly #clients = new Set<ToolClient>();
  readonly #rights: ToolRights;
  #regions: readonly ToolRegion[];
  #keymap: Keymap | undefined;
  #disposed = false;

  /** The target's devices must be known: wait for CompositorInput.ready. */
  constructor(target: InputTarget, { grants, regions }: ToolInputOptions) {
    this.#target = target;
    this.#grants = new Set(grants);
    this.#regions = [...regions];
    this.#keymap = target.keymap;
    const current = () => this.#regions;
    this.#rights = {
      target,
      allowed: this.#allowed,
      get regions() {
        return current();
      },
    };
    this.#allow();
    target.on('devices', this.#devicesChanged);
    target.on('modifiers', this.#modifiersChanged);
    target.on('blocked', this.#blocked);
    target.on('closed', this.#targetClosed);
  }

  get grants(): readonly InputGrant[] {
    return [...this.#grants];
  }

  /** One more connection; the descriptor is the caller's. Fails with Busy (too many) or SessionFailed. */
  connect(): number {
    if (this.#disposed || this.#target.closed) throw new SessionFailed('the input of this session has ended');
    if (this.#clients.size >= CLIENT_LIMIT) throw new Busy(`a tool has at most ${CLIENT_LIMIT} input connections`);
    const [ours, theirs] = socketPair();
    const client: ToolClient = new ToolClient(ours, this.#rights, () => this.#clients.delete(client));
    client.paused = this.#target.blocked;
    this.#clients.add(client);
    return theirs;
  }

  /** After a layout change: absolute pointer and touch go and come back with these regions; the rest stays. */
  setRegions(regions: readonly ToolRegion[]): void {
    this.#regions = [...regions];
    for (const client of this.#clients) client.update(['absolute', 'touch']);
  }

  /** Takes the grant's devices away, at once and for good; what is held on them is released. */
  revoke(grant: InputGrant): void {
    if (!this.#grants.delete(grant)) return;
    this.#allow();
    for (const client of this.#clients) client.update();
  }

  /** Disconnects all clients. */
  [Symbol.dispose](): void {
    if (this.#disposed) return;
    this.#disposed = true;
    this.#target.off('devices', this.#devicesChanged);
    this.#target.off('modifiers', this.#modifiersChanged);
    this.#target.off('blocked', this.#blocked);
    this.#target.off('closed', this.#targetClosed);
    for (const client of this.#clients) client[Symbol.dispose]();
  }

  #allow(): void {
    this.#allowed.clear();
    for (const grant of this.#grants) {
      for (const name of granted[grant]) if (this.#target.capabilities.has(name)) this.#allowed.add(name);
    }
  }

  readonly #devicesChanged = () => {
    if (this.#target.keymap === this.#keymap) return;
    this.#keymap = this.#target.keymap;
    for (const client of this.#clients) client.update(['keyboard']);
  };

  readonly #modifiersChanged = () => {
    for (const client of this.#clients) client.sendModifiers();
  };

  readonly #blocked = (blocked: boolean) => {
    for (const client of this.#clients) client.paused = blocked;
  };

  readonly #targetClosed = () => this[Symbol.dispose]();
}
