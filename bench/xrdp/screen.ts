import { type ChildProcess, spawn } from 'node:child_process';
import { closeSync, existsSync, mkdirSync, openSync, readSync } from 'node:fs';
import { setTimeout as delay } from 'node:timers/promises';

/** Red, green and blue. */
export type Colour = readonly [red: number, green: number, blue: number];

const DISPLAY = ':99';
const FOLDER = '/run/bench-screen';
/** More than what is lost when a picture is compressed. */
const TOLERANCE = 8;
const DEADLINE_MS = 20_000;

/** The screen on which a client shows a session: Xvfb, whose picture is in a file, so that nobody has to ask it. */
export class Screen implements Disposable {
  readonly display = DISPLAY;
  readonly #server: ChildProcess;
  readonly #file: number;
  /** Of a pixel that no window of a client of the session covers. */
  readonly #position: number;

  private constructor(server: ChildProcess, file: number, header: Buffer) {
    this.#server = server;
    this.#file = file;
    this.#position = pixelPosition(header);
  }

  static async start([width, height]: readonly [width: number, height: number]): Promise<Screen> {
    mkdirSync(FOLDER, { recursive: true });
    const screen = ['-screen', '0', `${width}x${height}x24`, '-fbdir', FOLDER];
    const server = spawn('Xvfb', [DISPLAY, ...screen, '-nolisten', 'tcp'], { stdio: 'ignore' });
    const path = `${FOLDER}/Xvfb_screen0`;
    while (!existsSync(path)) await delay(10);
    const file = openSync(path, 'r');
    const header = Buffer.alloc(HEADER_BYTES);
    // The file is there before its contents.
    while (header.readUInt32BE() === 0) {
      await delay(10);
      readSync(file, header, 0, HEADER_BYTES, 0);
    }
    return new Screen(server, file, header);
  }

  /** When it shows a colour: as performance.now() counts, within a millisecond or two. */
  async shows(colour: Colour): Promise<number> {
    const pixel = Buffer.alloc(4);
    for (const end = performance.now() + DEADLINE_MS; performance.now() < end; await delay(1)) {
      readSync(this.#file, pixel, 0, 4, this.#position);
      if (isNear(toColour(pixel), colour)) return performance.now();
    }
    throw new Error(`the screen does not show the colour ${colour}`);
  }

  [Symbol.dispose](): void {
    closeSync(this.#file);
    this.#server.kill();
  }
}

/** Whether a picture that xwd(1) took shows a colour. */
export function dumpShows(dump: Buffer, colour: Colour): boolean {
  const position = pixelPosition(dump);
  return isNear(toColour(dump.subarray(position, position + 4)), colour);
}

/**
 * xwd's format (XWDFile.h), in which Xvfb keeps its screen too: 25 big-endian fields of 32 bits, of which the first is the
 * size of the header with its text, the 13th the bytes of a line, and the 20th how many colours of 12 bytes follow; then
 * the lines, here of 32 bits a pixel.
 */
const HEADER_BYTES = 100;

function pixelPosition(dump: Buffer): number {
  const field = (number: number) => dump.readUInt32BE((number - 1) * 4);
  const [x, y] = [20, 20];
  return field(1) + field(20) * 12 + y * field(13) + x * 4;
}

function toColour([blue = 0, green = 0, red = 0]: Uint8Array): Colour {
  return [red, green, blue];
}

function isNear(one: Colour, other: Colour): boolean {
  return one.every((value, i) => Math.abs(value - (other[i] ?? 0)) <= TOLERANCE);
}
