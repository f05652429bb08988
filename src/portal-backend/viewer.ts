import type { Grant, Stream } from '../bus/generated/dictionaries.js';
import { GrantMissing, NotSupported } from '../errors.js';
import type { Clipboard, ClipboardPeer } from './clipboard.js';
import type { Compositor, Recording } from './compositor/compositor.js';
import { type InputGrant, ToolInput } from './eis/tool-input.js';
import type { PortalTokens } from './portal-tokens.js';

const INPUT_GRANTS: readonly InputGrant[] = ['keyboard', 'pointer', 'touch'];

/** One tool's connection to this session: its streams, its input and its place at the clipboard. */
export class Viewer implements AsyncDisposable {
  readonly grants: readonly Grant[];
  readonly #compositor: Compositor;
  readonly #clipboard: Clipboard;
  readonly #tokens: PortalTokens;
  readonly #recording: Recording | undefined;
  readonly #input: ToolInput | undefined;
  readonly #events: ClipboardPeer;

  constructor(
    parts: { compositor: Compositor; clipboard: Clipboard; tokens: PortalTokens },
    grants: readonly Grant[],
    recording: Recording | undefined,
    events: ClipboardPeer,
  ) {
    this.grants = grants;
    this.#compositor = parts.compositor;
    this.#clipboard = parts.clipboard;
    this.#tokens = parts.tokens;
    this.#recording = recording;
    this.#events = events;
    const inputs = INPUT_GRANTS.filter((grant) => grants.includes(grant));
    if (inputs.length > 0)
      this.#input = new ToolInput(this.#compositor.input, { grants: inputs, regions: this.#compositor.regions });
    if (grants.includes('clipboard-read') || grants.includes('clipboard-write')) this.#clipboard.join(events);
  }

  get clipboardPeer(): ClipboardPeer {
    return this.#events;
  }

  /** The devices that the tool has over EIS. */
  get devices(): readonly string[] {
    return this.#input?.grants ?? [];
  }

  node(monitor: string): number | undefined {
    return this.#recording?.nodes.get(monitor);
  }

  get streams(): [number, Stream][] {
    return this.#compositor.screens.flatMap(({ id, position, size: [width, height], transform }) => {
      const node = this.node(id);
      const size: [number, number] = transform % 2 === 1 ? [height, width] : [width, height];
      return node === undefined ? [] : [[node, { id, 'mapping-id': id, position, size }] as [number, Stream]];
    });
  }

  /** After a layout change: new streams, new regions. */
  async renew(): Promise<void> {
    this.#input?.setRegions(this.#compositor.regions);
    await this.#recording?.renew();
  }

  openPipeWireRemote(): Promise<number> {
    if (this.#recording === undefined) throw new GrantMissing("this connection was not granted 'capture'");
    return this.#recording.openPipeWireRemote();
  }

  connectToEIS(): number {
    if (this.#input === undefined) throw new NotSupported('this session has no devices for the grants given');
    return this.#input.connect();
  }

  portalToken(appId: string): Promise<string> {
    return this.#tokens.grant(appId, this.grants, this);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#input?.[Symbol.dispose]();
    this.#clipboard.leave(this.#events);
    // Pictures end also if the user's permission store does not answer.
    await Promise.all([this.#recording?.[Symbol.asyncDispose](), this.#tokens.revoke(this)]);
  }
}
