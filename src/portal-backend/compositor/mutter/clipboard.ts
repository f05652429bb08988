import { EventEmitter } from 'node:events';
import type { MutterRemoteDesktopSession } from '../../../bus/generated/mutter-remote-desktop-session.js';
import { setBlocking } from '../../../bus/native/descriptors.js';
import type { RemoteObject } from '../../../bus/remote-object.js';
import { Variant } from '../../../bus/variant.js';
import type { ClipboardEvents, CompositorClipboard } from '../compositor.js';

/** The clipboard of mutter's remote desktop session. */
export class MutterClipboard extends EventEmitter<ClipboardEvents> implements CompositorClipboard {
  readonly #session: RemoteObject<MutterRemoteDesktopSession>;

  private constructor(session: RemoteObject<MutterRemoteDesktopSession>) {
    super();
    this.#session = session;
  }

  static async enable(session: RemoteObject<MutterRemoteDesktopSession>): Promise<MutterClipboard> {
    const clipboard = new MutterClipboard(session);
    await session.subscribe('SelectionOwnerChanged', (options) => {
      if (options.get('session-is-owner')?.value === true) return;
      // The types come in a struct of their own in mutter 43 to 51.
      const types = options.get('mime-types')?.value as string[] | [string[]] | undefined;
      clipboard.emit('offer', (Array.isArray(types?.[0]) ? types[0] : (types ?? [])) as string[]);
    });
    await session.subscribe('SelectionTransfer', (mimeType, serial) => clipboard.emit('transfer', mimeType, serial));
    await session.methods.enableClipboard(new Map());
    return clipboard;
  }

  async offer(mimeTypes: readonly string[]): Promise<void> {
    const options = mimeTypes.length > 0 ? [['mime-types', new Variant('as', mimeTypes)] as const] : [];
    await this.#session.methods.setSelection(new Map(options));
  }

  // mutter's descriptors do not block, which nobody expects of a pipe that was handed to them.
  async read(mimeType: string): Promise<number> {
    return blocking(await this.#session.methods.selectionRead(mimeType));
  }

  async write(serial: number): Promise<number> {
    return blocking(await this.#session.methods.selectionWrite(serial));
  }

  writeDone(serial: number, success: boolean): Promise<void> {
    return this.#session.methods.selectionWriteDone(serial, success);
  }
}

function blocking(fd: number): number {
  setBlocking(fd);
  return fd;
}
