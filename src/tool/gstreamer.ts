import { type ChildProcess, spawn } from 'node:child_process';
import type { Readable } from 'node:stream';
import { NotSupported, SessionFailed } from '../errors.js';

/** Debian's packages of what is used here. */
const PACKAGES: Readonly<Record<string, string>> = {
  pipewiresrc: 'gstreamer1.0-pipewire',
  vp8enc: 'gstreamer1.0-plugins-good',
  webmmux: 'gstreamer1.0-plugins-good',
};
const BASE_PACKAGE = 'gstreamer1.0-plugins-base';
const TOOL_PACKAGE = 'gstreamer1.0-tools';

/** Of what it says only the beginning is of interest. */
const MOST_WORDS = 10_000;

/** Milliseconds in which files have to be complete. */
const PATIENCE = 10_000;

/**
 * A pipeline of gst-launch-1.0. It ends with this process at the latest, and hears no Ctrl-C but ours: what it writes
 * would be lost.
 */
export class Pipeline implements Disposable {
  /** Fails with NotSupported if a part of GStreamer is not installed, with SessionFailed if there are no pictures. */
  readonly ended: Promise<void>;
  /** The pipes asked for, in order. */
  readonly outputs: readonly Readable[];
  readonly #process: ChildProcess;
  #late: NodeJS.Timeout | undefined;

  /** `descriptors` are number 3 and so on in the pipeline; they stay the caller's. */
  constructor(elements: string, descriptors: readonly (number | 'pipe')[]) {
    const command = ['--pdeathsig', 'KILL', 'gst-launch-1.0', '-q', '-e', ...elements.split(/\s+/)];
    this.#process = spawn('setpriv', command, { detached: true, stdio: ['ignore', 'ignore', 'pipe', ...descriptors] });
    this.outputs = this.#process.stdio.slice(3).filter((stream) => stream !== null) as Readable[];
    let words = '';
    this.#process.stderr?.setEncoding('utf8').on('data', (text: string) => {
      if (words.length < MOST_WORDS) words += text;
    });
    this.ended = new Promise((resolve, reject) => {
      this.#process.on('error', reject);
      this.#process.on('close', (status, signal) => {
        clearTimeout(this.#late);
        if (status === 0) resolve();
        else reject(failure(status ?? signal, words));
      });
    });
    this.ended.catch(() => {});
  }

  /** Ends the stream in good order: files are completed. */
  finish(): void {
    // A second signal would end it at once.
    if (this.#late !== undefined) return;
    this.#late = setTimeout(() => this.#process.kill('SIGKILL'), PATIENCE);
    this.#process.kill('SIGINT');
  }

  [Symbol.dispose](): void {
    this.#process.kill('SIGKILL');
  }
}

function failure(status: number | NodeJS.Signals | null, words: string): Error {
  if (status === 127) return new NotSupported(`gst-launch-1.0 is not installed: apt install ${TOOL_PACKAGE}`);
  const element = /no element "([^"]+)"/.exec(words)?.[1];
  if (element !== undefined)
    return new NotSupported(`GStreamer lacks ${element}: apt install ${PACKAGES[element] ?? BASE_PACKAGE}`);
  const error = /^ERROR: (?:from element .*?: )?(.*)$/m.exec(words)?.[1] ?? `gst-launch-1.0 ended with ${status}`;
  return new SessionFailed(`GStreamer got no pictures: ${error}`);
}
