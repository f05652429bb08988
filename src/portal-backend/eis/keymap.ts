import { closeSync, fstatSync, mkdtempSync, openSync, readSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ProtocolError } from '../../ei/protocol.js';

const LARGEST = 1 << 20;

/**
 * The compositor's XKB keymap, to be given to any number of tools. What the compositor sends is writable by whoever
 * has it, so this is a copy behind a read-only descriptor: no tool can change it under another.
 */
export class Keymap implements Disposable {
  readonly fd: number;
  readonly size: number;

  private constructor(fd: number, size: number) {
    this.fd = fd;
    this.size = size;
  }

  /** Copies `size` bytes of `fd` and closes it. */
  static take(fd: number, size: number): Keymap {
    try {
      if (size === 0 || size > LARGEST || size > fstatSync(fd).size) throw new RangeError(`${size} bytes`);
      const bytes = Buffer.alloc(size);
      readSync(fd, bytes, 0, size, 0);
      const folder = mkdtempSync(join(process.env.XDG_RUNTIME_DIR ?? tmpdir(), 'keymap-'));
      try {
        const path = join(folder, 'keymap');
        writeFileSync(path, bytes, { mode: 0o400, flag: 'wx' });
        return new Keymap(openSync(path, 'r'), size);
      } finally {
        rmSync(folder, { recursive: true });
      }
    } catch (error) {
      throw new ProtocolError(`keymap: ${error instanceof Error ? error.message : error}`);
    } finally {
      closeSync(fd);
    }
  }

  [Symbol.dispose](): void {
    closeSync(this.fd);
  }
}
