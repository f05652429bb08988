import assert from 'node:assert/strict';
import type { Monitor } from '../../src/bus/generated/dictionaries.js';
import { placeMonitors } from '../../src/layout/layout.js';
import { formatLayout, parseLayout } from '../../src/layout/notation.js';
import { SeededRandom } from './seeded-random.js';

describe('layout notation', () => {
  it('puts monitors side by side, from left to right', () => {
    assert.deepEqual(parseLayout('1920x1080@2,1280x720'), [
      { id: 'monitor-1', size: [1920, 1080], scale: 2, position: [0, 0], primary: true },
      { id: 'monitor-2', size: [1280, 720], scale: 1, position: [960, 0] },
    ]);
  });

  it('reads everything that a monitor has', () => {
    assert.deepEqual(
      parseLayout('left=1920x1080@1.5-720+10:90:75Hz, right=1280×720@1.25+0+0:primary:59.94hz:flipped'),
      [
        { id: 'left', size: [1920, 1080], scale: 1.5, position: [-720, 10], transform: 1, refresh: 75 },
        { id: 'right', size: [1280, 720], scale: 1.25, position: [0, 0], transform: 4, refresh: 59.94, primary: true },
      ],
    );
  });

  it('places a monitor right of the one before, as it stands', () => {
    const places = (text: string) => parseLayout(text).map(({ position }) => position);
    assert.deepEqual(places('800x600+0+100,640x480,640x480'), [
      [0, 100],
      [800, 100],
      [1440, 100],
    ]);
    assert.deepEqual(places('800x600:90,640x480'), [
      [0, 0],
      [600, 0],
    ]);
  });

  it('keeps the monitors that there are', () => {
    const ids = (text: string, existing: string[]) =>
      parseLayout(
        text,
        existing.map((id) => ({ id })),
      ).map(({ id }) => id);
    assert.deepEqual(ids('800x600,800x600', ['default']), ['default', 'monitor-2']);
    assert.deepEqual(ids('800x600,800x600', ['left', 'right']), ['left', 'right']);
    assert.deepEqual(ids('right=800x600,800x600', ['left', 'right']), ['right', 'left']);
    assert.deepEqual(ids('800x600,x=800x600,800x600', []), ['monitor-1', 'x', 'monitor-3']);
    assert.deepEqual(ids('monitor-2=800x600,800x600', []), ['monitor-2', 'monitor-3']);
  });

  it('means the very scale and refresh rate that a monitor has, although it is written shorter', () => {
    const there = { id: 'a', scale: 1.492537260055542, refresh: 59.94006 };
    const [same, other] = parseLayout('a=1600x900@1.492537:59.94Hz,b=1600x900@1.492537:59.94Hz', [there]);
    assert.deepEqual([same?.scale, same?.refresh], [there.scale, there.refresh]);
    assert.deepEqual([other?.scale, other?.refresh], [1.492537, 59.94]);
  });

  it('says what it cannot read', () => {
    const refuses = (text: string, message: RegExp) =>
      assert.throws(() => parseLayout(text), { name: 'InvalidLayout', message }, text);
    for (const text of ['', '1920', '1920x', 'x1080', '1920x1080,', '1920x1080@', '1920x1080@2.', '1920x1080+1'])
      refuses(text, /is no monitor such as 1920x1080,/);
    for (const text of ['1920*1080', '-1x5', '1e3x5', '1920x1080@-1', 'a=b=1x1', '9999999999x1', '1920x1080 @2'])
      refuses(text, /is no monitor such as 1920x1080,/);
    refuses('1920x1080@0', /^'1920x1080@0' has scale 0$/);
    refuses('1920x1080:sideways', /^'sideways' in '1920x1080:sideways' is none of primary, 75Hz, normal, 90,/);
    refuses('1920x1080:', /^'' in/);
  });

  it('is written shortly', () => {
    const monitor: Monitor = { id: 'default', size: [1280, 720], position: [0, 0], scale: 1 };
    assert.equal(formatLayout([{ ...monitor, primary: true, refresh: 60, transform: 0 }]), 'default=1280x720');
    assert.equal(
      formatLayout([
        { ...monitor, scale: 1.4925373134328357, transform: 7, primary: true },
        { ...monitor, id: 'b', position: [858, -20], refresh: 59.94 },
      ]),
      'default=1280x720@1.492537+0+0:flipped-270:primary,b=1280x720+858-20:59.94Hz',
    );
  });

  it('is read as it was written, whatever the layout', () => {
    const random = new SeededRandom(7);
    for (let round = 0; round < 500; round++) {
      let x = 0;
      const monitors = Array.from({ length: 1 + random.below(16) }, (_, index): Monitor => {
        const size: [number, number] = [1 + random.below(4000), 1 + random.below(4000)];
        const position: [number, number] = [x, 0];
        const transform = random.below(8);
        x += transform % 2 === 1 ? size[1] : size[0];
        return {
          id: `m-${index}`,
          size,
          position,
          scale: 1,
          transform,
          refresh: 1 + random.below(480),
          primary: index === 0,
        };
      });
      const placed = placeMonitors(monitors);
      assert.deepEqual(placeMonitors(parseLayout(formatLayout(placed))), placed);
    }
  });
});
