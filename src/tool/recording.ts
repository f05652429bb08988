import { closeSync } from 'node:fs';
import { Pipeline } from './gstreamer.js';
import { arrange, extent } from './picture.js';
import type { ToolConnection } from './tool-connection.js';

export type RecordingOptions = {
  /** Only that monitor. */
  monitor?: string | undefined;
  /** Frames for each second. */
  frameRate: number;
  /** Frames after which it ends. */
  frames?: number | undefined;
};

/** What the encoder takes, so that frames are converted once, when they come. */
const FORMAT = 'video/x-raw,format=I420';
/** A machine that is too slow leaves out frames, and the video stays as long as what it shows. */
const LEAK = 'queue leaky=downstream max-size-buffers=8';
/** For screens: constant quality, and next to nothing for what stands still. */
const ENCODER = 'vp8enc deadline=1 cpu-used=16 end-usage=cq cq-level=10 target-bitrate=8000000 static-threshold=100';

/** A video of a session's monitors: WebM with VP8, of a constant frame rate. Takes the grant `capture`. */
export class Recording implements Disposable {
  readonly width: number;
  readonly height: number;
  /** The file is complete. Fails as Pipeline.ended does. */
  readonly ended: Promise<void>;
  readonly #pipeline: Pipeline;

  private constructor(pipeline: Pipeline, width: number, height: number) {
    this.#pipeline = pipeline;
    this.ended = pipeline.ended;
    this.width = width;
    this.height = height;
  }

  /** Writes to a descriptor, which stays the caller's. */
  static async start(
    connection: ToolConnection,
    output: number,
    { monitor, frameRate, frames }: RecordingOptions,
  ): Promise<Recording> {
    const [, monitors] = await connection.monitors.methods.getLayout();
    const parts = arrange(monitors, await connection.capture.property('Streams'), monitor);
    const [width, height] = extent(parts);
    const places = parts.flatMap((part, index) =>
      Object.entries({ xpos: part.left, ypos: part.top, width: part.width, height: part.height }).map(
        ([name, value]) => `sink_${index}::${name}=${value}`,
      ),
    );
    // While nothing changes no stream has a new frame, and the compositor element repeats the last one.
    const size = `width=${width},height=${height}`;
    const compositor = `compositor name=all background=black start-time-selection=first ${places.join(' ')}`;
    const limit = frames === undefined ? '' : `! identity eos-after=${frames + 1} `;
    const encoded = `${ENCODER} ! webmmux offset-to-zero=true ! fdsink fd=4`;
    const sink = `${compositor} ! ${FORMAT},${size},framerate=${frameRate}/1 ${limit}! ${LEAK} ! ${encoded}`;
    const sources = parts.map(
      ({ node }, index) =>
        `pipewiresrc fd=3 path=${node} do-timestamp=true ! queue ! videoconvert ! ${FORMAT} ! all.sink_${index}`,
    );
    const fd = await connection.capture.methods.openPipeWireRemote({});
    try {
      return new Recording(new Pipeline(`${sink} ${sources.join(' ')}`, [fd, output]), width, height);
    } finally {
      closeSync(fd);
    }
  }

  /** Completes the file. */
  finish(): void {
    this.#pipeline.finish();
  }

  [Symbol.dispose](): void {
    this.#pipeline[Symbol.dispose]();
  }
}
