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
    // The compositor element goes on with the last frame while nothing changes, when no stream has a new one.
    const caps = `video/x-raw,width=${width},height=${height},framerate=${frameRate}/1`;
    const limit = frames === undefined ? '' : `! identity eos-after=${frames} `;
    const encoder =
      'vp8enc deadline=1 cpu-used=8 threads=2 end-usage=cq cq-level=10 min-quantizer=4 max-quantizer=40 target-bitrate=8000000 keyframe-max-dist=120';
    const sink = `compositor name=all background=black ${places.join(' ')} ! ${caps} ${limit}! queue ! videoconvert ! ${encoder} ! webmmux ! fdsink fd=4`;
    const sources = parts.map(
      ({ node }, index) => `pipewiresrc fd=3 path=${node} do-timestamp=true ! queue ! videoconvert ! all.sink_${index}`,
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
