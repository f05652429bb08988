import { type ChildProcess, spawn } from 'node:child_process';

/** So many bytes of a small grey picture: enough to see that a window is there. */
const WIDTH = 320;
const HEIGHT = 180;

/** Two frames differ if so many of their pixels do: more than a clock's digit, less than a window. */
const CHANGED_PIXELS = (WIDTH * HEIGHT) / 20;

/** Fewer different pixels than this are a cursor that blinks. */
const NOTICEABLE_PIXELS = (WIDTH * HEIGHT) / 500;

/** Watches a stream as a person would: has something appeared, and has it come to rest? */
export class ScreenWatch implements Disposable {
  readonly #pipeline: ChildProcess;
  #frame: Buffer = Buffer.alloc(0);
  #listener: ((frame: Buffer) => void) | undefined;

  /** `fd` from OpenPipeWireRemote; it stays the caller's. */
  constructor(fd: number, node: number) {
    const caps = `video/x-raw,format=GRAY8,width=${WIDTH},height=${HEIGHT}`;
    const elements = `pipewiresrc fd=3 path=${node} ! videoconvert ! videoscale ! ${caps} ! fdsink fd=1`;
    this.#pipeline = spawn('gst-launch-1.0', ['-q', ...elements.split(' ')], {
      stdio: ['ignore', 'pipe', 'inherit', fd],
    });
    let partial = Buffer.alloc(0);
    this.#pipeline.stdout?.on('data', (bytes: Buffer) => {
      partial = Buffer.concat([partial, bytes]);
      for (; partial.length >= WIDTH * HEIGHT; partial = partial.subarray(WIDTH * HEIGHT)) {
        this.#frame = Buffer.from(partial.subarray(0, WIDTH * HEIGHT));
        this.#listener?.(this.#frame);
      }
    });
  }

  /** Resolves when the picture is at large none of those, and has then stayed the same for `rest` ms. */
  async settled(
    rest: number,
    { unlike = [], within = 30_000 }: { unlike?: readonly Buffer[]; within?: number } = {},
  ): Promise<Buffer> {
    return new Promise((resolve, reject) => {
      let quiet: NodeJS.Timeout | undefined;
      let last: Buffer | undefined;
      const finish = (done: () => void): void => {
        this.#listener = undefined;
        clearTimeout(quiet);
        clearTimeout(late);
        done();
      };
      const late = setTimeout(() => finish(() => reject(new Error('the screen did not change as expected'))), within);
      this.#listener = (frame) => {
        if (last !== undefined && differing(last, frame) < NOTICEABLE_PIXELS) return;
        last = frame;
        clearTimeout(quiet);
        if (unlike.some((old) => differing(old, frame) < CHANGED_PIXELS)) return;
        quiet = setTimeout(() => finish(() => resolve(frame)), rest);
      };
      if (this.#frame.length > 0) this.#listener(this.#frame);
    });
  }

  [Symbol.dispose](): void {
    this.#pipeline.kill();
  }
}

function differing(a: Buffer, b: Buffer): number {
  let count = 0;
  for (let i = 0; i < a.length; i++) if (Math.abs((a[i] ?? 0) - (b[i] ?? 0)) > 8) count++;
  return count;
}
