import type { EventEmitter } from 'node:events';
import type { CursorMode, Monitor } from '../../bus/generated/dictionaries.js';
import type { ToolRegion } from '../../ei/regions.js';
import type { InputTarget } from '../eis/input-target.js';

/** A monitor as it is now: everything that a client may leave out is filled in. */
export type Screen = Required<Monitor>;

export type CompositorEvents = {
  /** The layout changed without us: somebody in the session moved, scaled or turned a monitor. */
  layout: [];
  /** The compositor ended streams although the layout is the same: recordings must be renewed. */
  streams: [];
};

export type ClipboardEvents = {
  /** Somebody else in the session offers these types now; none: the clipboard is empty. */
  offer: [mimeTypes: string[]];
  /** An application wants our selection in this type: answer with `write` and `writeDone`. */
  transfer: [mimeType: string, serial: number];
};

/** The clipboard of the session as one more client of it sees it. Descriptors become the caller's. */
export interface CompositorClipboard extends EventEmitter<ClipboardEvents> {
  /** We offer these types; an empty list ends our offer. */
  offer(mimeTypes: readonly string[]): Promise<void>;
  /** Reads what others offer. */
  read(mimeType: string): Promise<number>;
  write(serial: number): Promise<number>;
  writeDone(serial: number, success: boolean): Promise<void>;
}

/** One viewer's own streams of all monitors, with its own cursor mode. */
export interface Recording extends AsyncDisposable {
  /** PipeWire node ids by monitor id. */
  readonly nodes: ReadonlyMap<string, number>;
  /** Records again: every layout change ends the streams. */
  renew(): Promise<void>;
  /**
   * A PipeWire connection that reaches the nodes as they are and nothing else, until the recording is disposed of; the
   * descriptor becomes the caller's.
   */
  openPipeWireRemote(): Promise<number>;
}

/**
 * What an adapter does for the agent: one compositor's private ways behind one interface. The agent owns the
 * monitors; viewers come and go.
 */
export interface Compositor extends EventEmitter<CompositorEvents>, AsyncDisposable {
  /** Fulfilled with the reason when the compositor is gone. */
  readonly lost: Promise<string>;
  /** Fulfilled with the reason when the compositor runs on but let go of us: an agent that starts anew can go on. */
  readonly interrupted: Promise<string>;
  readonly cursorModes: readonly CursorMode[];
  readonly screens: readonly Screen[];
  /** All or nothing: fails with InvalidLayout, and then everything is as before. The layout's geometry is checked. */
  setLayout(monitors: readonly Screen[]): Promise<void>;
  record(cursor: CursorMode): Promise<Recording>;
  readonly input: InputTarget;
  /** Where absolute input goes: one region for each monitor. */
  readonly regions: readonly ToolRegion[];
  readonly clipboard: CompositorClipboard;
  /** Milliseconds since anybody put anything in, through us or otherwise. */
  idleTime(): Promise<number>;
}
