import { EventEmitter } from 'node:events';
import { setTimeout as delay } from 'node:timers/promises';
import { CallError } from '../../../bus/call-error.js';
import type { MutterRemoteDesktopSession } from '../../../bus/generated/mutter-remote-desktop-session.js';
import { setBlocking } from '../../../bus/native/descriptors.js';
import type { RemoteObject } from '../../../bus/remote-object.js';
import { Variant } from '../../../bus/variant.js';
import { Busy } from '../../../errors.js';
import type { ClipboardEvents, CompositorClipboard } from '../compositor.js';

/** mutter serves one reader at a time, and does not tell when the one before is done. */
const READ_IN_PARALLEL = 'org.freedesktop.DBus.Error.LimitsExceeded';
const READ_DEADLINE = 5_000;
const READ_AGAIN = 20;

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
    for (const end = performance.now() + READ_DEADLINE; ; await delay(READ_AGAIN)) {
      try {
        return blocking(await this.#session.methods.selectionRead(mimeType));
      } catch (error) {
        if (!(error instanceof CallError && error.dbusName === READ_IN_PARALLEL)) throw error;
        if (performance.now() > end) throw new Busy('somebody else is still reading the clipboard');
      }
    }
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
