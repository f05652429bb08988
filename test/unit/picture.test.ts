import assert from 'node:assert/strict';
import { inflateSync } from 'node:zlib';
import type { MonitorState, Stream } from '../../src/bus/generated/dictionaries.js';
import { arrange, extent } from '../../src/tool/picture.js';
import { encodePng } from '../../src/tool/png.js';

type Screen = { id: string; size: [number, number]; position: [number, number]; scale: number };

function place(screens: readonly Screen[], monitor?: string) {
  const monitors = screens.map((screen): MonitorState => ({ ...screen, transform: 0, primary: false }));
  const streams = screens.map(({ id, size, position }, index): [number, Stream] => [
    40 + index,
    { id, size, position },
  ]);
  return arrange(monitors, streams, monitor);
}

describe('a picture of several monitors', () => {
  const left: Screen = { id: 'left', size: [1280, 720], position: [0, 0], scale: 1 };
  const right: Screen = { id: 'right', size: [1600, 1200], position: [1280, 100], scale: 2 };

  it('has them at their places, at the largest scale', () => {
    assert.deepEqual(place([left, right]), [
      { node: 40, left: 0, top: 0, width: 2560, height: 1440 },
      { node: 41, left: 2560, top: 200, width: 1600, height: 1200 },
    ]);
    assert.deepEqual(extent(place([left, right])), [4160, 1440]);
  });

  it('has pixels as they are where there is one scale', () => {
    const other = { ...right, scale: 1.25, position: [1024, 0] as [number, number] };
    assert.deepEqual(place([{ ...left, scale: 1.25 }, other]), [
      { node: 40, left: 0, top: 0, width: 1280, height: 720 },
      { node: 41, left: 1280, top: 0, width: 1600, height: 1200 },
    ]);
  });

  it('or is one of them, as it is', () => {
    assert.deepEqual(place([left, right], 'right'), [{ node: 41, left: 0, top: 0, width: 1600, height: 1200 }]);
    assert.throws(() => place([left, right], 'up'), {
      name: 'InvalidArgs',
      message: "there is no monitor 'up', only left, right",
    });
    assert.throws(() => place([]), { name: 'SessionFailed' });
  });
});

describe('a PNG file', () => {
  it('has the pixels, without loss', async () => {
    const [width, height] = [3, 2];
    const pixels = Buffer.from(Array.from({ length: width * height * 3 }, (_, index) => (index * 97) % 256));
    const png = await encodePng({ width, height, pixels });
    assert.equal(png.subarray(0, 8).toString('latin1'), '\x89PNG\r\n\x1a\n');
    assert.equal(png.subarray(12, 29).toString('hex'), '4948445200000003000000020802000000');
    const length = png.readUInt32BE(33);
    const rows = inflateSync(png.subarray(41, 41 + length));
    const stride = width * 3 + 1;
    for (let y = 0; y < height; y++) {
      assert.equal(rows[y * stride], 0, 'no filter');
      assert.ok(
        rows.subarray(y * stride + 1, (y + 1) * stride).equals(pixels.subarray(y * width * 3, (y + 1) * width * 3)),
      );
    }
    assert.equal(png.subarray(-12).toString('hex'), '0000000049454e44ae426082', 'the end, with its known checksum');
  });
});
