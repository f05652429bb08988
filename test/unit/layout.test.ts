import assert from 'node:assert/strict';
import type { Monitor } from '../../src/bus/generated/dictionaries.js';
import { defaultLayout, logicalSize, placeMonitors } from '../../src/layout/layout.js';
import { SeededRandom } from './seeded-random.js';

const monitor = (id: string, x: number, y: number, rest: Partial<Monitor> = {}): Monitor => ({
  id,
  size: [1920, 1080],
  position: [x, y],
  scale: 1,
  ...rest,
});
const primary = { primary: true };

const refused = (message: string | RegExp, ...monitors: Monitor[]) =>
  assert.throws(() => placeMonitors(monitors), { name: 'InvalidLayout', message });

const row = (count: number): Monitor[] =>
  Array.from({ length: count }, (_, index) => monitor(`m${index}`, index * 1920, 0, { primary: index === 0 }));

describe('layout', () => {
  it('is one monitor of 1280×720 by default', () => {
    assert.deepEqual(defaultLayout(), [
      { id: 'default', size: [1280, 720], position: [0, 0], scale: 1, refresh: 60, transform: 0, primary: true },
    ]);
    assert.deepEqual(placeMonitors(defaultLayout()), defaultLayout());
  });

  it('fills in refresh rate and transform, and the primary if there is one monitor only', () => {
    assert.deepEqual(placeMonitors([monitor('only', 0, 0)]), [
      { id: 'only', size: [1920, 1080], position: [0, 0], scale: 1, refresh: 60, transform: 0, primary: true },
    ]);
    assert.equal(placeMonitors([monitor('only', 0, 0, { primary: false })])[0]?.primary, true);
  });

  it('keeps the order and everything that was asked for', () => {
    const asked = [
      monitor('right', 1920, 0, { refresh: 59.94, transform: 2, size: [3840, 2160], scale: 2 }),
      monitor('left', 0, 0, primary),
    ];
    assert.deepEqual(placeMonitors(asked), [
      { ...asked[0], primary: false },
      { ...asked[1], refresh: 60, transform: 0 },
    ]);
  });

  it('moves the top left corner to (0, 0) without changing its input', () => {
    const asked = [monitor('left', -1920, -100), monitor('main', 0, 0, primary), monitor('below', 10, 1080)];
    const before = structuredClone(asked);
    const placed = placeMonitors(asked);
    assert.deepEqual(
      placed.map(({ position }) => position),
      [
        [0, 0],
        [1920, 100],
        [1930, 1180],
      ],
    );
    assert.deepEqual(asked, before);
    assert.deepEqual(
      placeMonitors([monitor('far', 5000, 7000)]).map(({ position }) => position),
      [[0, 0]],
    );
  });

  it('measures logical sizes after transform and scale', () => {
    assert.deepEqual(logicalSize(monitor('a', 0, 0)), [1920, 1080]);
    assert.deepEqual(logicalSize(monitor('a', 0, 0, { transform: 1 })), [1080, 1920]);
    assert.deepEqual(logicalSize(monitor('a', 0, 0, { transform: 6 })), [1920, 1080]);
    assert.deepEqual(logicalSize(monitor('a', 0, 0, { transform: 7, scale: 2 })), [540, 960]);
    assert.deepEqual(logicalSize(monitor('a', 0, 0, { size: [1280, 720], scale: 1.5 })), [853, 480]);
  });

  it('places by logical sizes: a scaled and a rotated monitor leave no gap', () => {
    placeMonitors([
      monitor('hidpi', 0, 0, { size: [3840, 2160], scale: 2, ...primary }),
      monitor('portrait', 1920, 0, { transform: 3 }),
      monitor('next', 1920 + 1080, 500),
    ]);
  });

  it('has 1 to 16 monitors', () => {
    refused('a layout needs at least one monitor');
    assert.equal(placeMonitors(row(16)).length, 16);
    refused('a layout has at most 16 monitors, not 17', ...row(17));
  });

  it('names overlapping monitors', () => {
    refused("monitor 'left' overlaps 'right'", monitor('left', 0, 0, primary), monitor('right', 1919, 0));
    refused("monitor 'a' overlaps 'b'", monitor('a', 0, 0, primary), monitor('b', 0, 0));
    refused(
      "monitor 'big' overlaps 'small'",
      monitor('big', 0, 0, primary),
      monitor('small', 10, 10, { size: [100, 100] }),
    );
    refused(
      "monitor 'b' overlaps 'c'",
      monitor('a', 0, 0, primary),
      monitor('b', 1920, 0),
      monitor('c', 1920, 1079, { size: [100, 100] }),
    );
  });

  it('names monitors with a gap between them', () => {
    refused(
      "there is a gap between monitor 'right' and 'left'",
      monitor('left', 0, 0, primary),
      monitor('right', 1921, 0),
    );
    // A common corner is not an edge.
    refused(/gap between monitor 'b' and 'a'/, monitor('a', 0, 0, primary), monitor('b', 1920, 1080));
    refused(/gap between monitor 'b' and 'a'/, monitor('a', 0, 0, primary), monitor('b', -1920, -1080));
    // Two pairs, each touching, but apart from each other.
    refused(
      /gap between monitor 'c' and 'a'/,
      monitor('a', 0, 0, primary),
      monitor('b', 1920, 0),
      monitor('c', 0, 3000),
      monitor('d', 1920, 3000),
    );
  });

  it('connects monitors whatever their order', () => {
    placeMonitors([monitor('left', 0, 0), monitor('right', 3840, 0), monitor('middle', 1920, 0, primary)]);
    placeMonitors([monitor('a', 0, 0, primary), monitor('b', 1920, 1079)]);
  });

  it('refuses equal and malformed ids', () => {
    refused("two monitors have the id 'a'", monitor('a', 0, 0, primary), monitor('a', 1920, 0));
    for (const id of ['', 'A', 'ä', 'a b', 'a\n', 'x'.repeat(33), "'", 'a_b'])
      refused(/^the monitor id ".*" is not 1 to 32 of a-z, 0-9 and '-'$/, monitor(id, 0, 0));
    for (const id of ['x'.repeat(32), '-', '0', 'client-2']) placeMonitors([monitor(id, 0, 0)]);
  });

  it('needs exactly one primary', () => {
    refused('no monitor is primary: exactly one must be', monitor('a', 0, 0), monitor('b', 1920, 0));
    refused(
      "monitors 'a' and 'c' are both primary: exactly one must be",
      monitor('a', 0, 0, primary),
      monitor('b', 1920, 0),
      monitor('c', 3840, 0, primary),
    );
  });

  for (const [what, rest, message] of [
    ['width 0', { size: [0, 1080] }, "monitor 'm' has size 0×1080: each side must be 1 to 16384"],
    ['height 0', { size: [1920, 0] }, /size 1920×0/],
    ['a negative size', { size: [-1920, 1080] }, /size -1920×1080/],
    ['a size of fractions', { size: [1920.5, 1080] }, /size 1920.5×1080/],
    ['a size of NaN', { size: [Number.NaN, 1080] }, /size NaN×1080/],
    ['a huge width', { size: [16385, 1] }, /size 16385×1/],
    ['a huge size', { size: [4294967295, 4294967295] }, /size 4294967295×4294967295/],
    ['scale 0', { scale: 0 }, "monitor 'm' has scale 0: it must be above 0 and at most 8"],
    ['scale NaN', { scale: Number.NaN }, /scale NaN/],
    ['an infinite scale', { scale: Number.POSITIVE_INFINITY }, /scale Infinity/],
    ['a negative scale', { scale: -1 }, /scale -1/],
    ['scale 8.1', { scale: 8.1 }, /scale 8.1/],
    ['a tiny scale', { scale: 1e-300 }, /logical size .* at scale 1e-300/],
    ['a scale that leaves nothing', { size: [3, 3], scale: 8 }, /logical size 0×0 at scale 8/],
    ['refresh 0', { refresh: 0 }, "monitor 'm' has refresh rate 0: it must be 1 to 480 Hz"],
    ['refresh NaN', { refresh: Number.NaN }, /refresh rate NaN/],
    ['refresh 481', { refresh: 481 }, /refresh rate 481/],
    ['an infinite refresh', { refresh: Number.POSITIVE_INFINITY }, /refresh rate Infinity/],
    ['transform 8', { transform: 8 }, "monitor 'm' has transform 8: it must be 0 to 7"],
    ['transform 1.5', { transform: 1.5 }, /transform 1.5/],
    ['transform -1', { transform: -1 }, /transform -1/],
    [
      'a position of fractions',
      { position: [0.5, 0] },
      "monitor 'm' has position 0.5, 0: both must be 32-bit integers",
    ],
    ['a position of NaN', { position: [0, Number.NaN] }, /position 0, NaN/],
    ['an infinite position', { position: [Number.NEGATIVE_INFINITY, 0] }, /position -Infinity, 0/],
  ] as const satisfies [string, Partial<Monitor>, string | RegExp][]) {
    it(`refuses ${what}`, () => refused(message, monitor('m', 0, 0, rest)));
  }

  it('takes the largest and smallest values', () => {
    for (const rest of [
      { size: [16384, 8100] },
      { size: [1, 1] },
      { scale: 8 },
      { scale: 0.5 },
      { refresh: 1 },
      { refresh: 480 },
      { transform: 7 },
      { position: [-2147483648, 2147483647] },
    ] as const satisfies Partial<Monitor>[])
      placeMonitors([monitor('m', 0, 0, rest)]);
  });

  it('bounds the pixels of all monitors and the extent of the whole', () => {
    refused(
      'the monitors have 268435456 pixels together, more than 132710400',
      monitor('m', 0, 0, { size: [16384, 16384] }),
    );
    const uhd = (id: string, x: number, rest: Partial<Monitor>) => monitor(id, x, 0, { size: [3840, 2160], ...rest });
    const sixteen = Array.from({ length: 16 }, (_, index) => uhd(`m${index}`, index * 3840, { primary: index === 0 }));
    placeMonitors(sixteen);
    const wider = { ...uhd('m15', 15 * 3840, {}), size: [3841, 2160] as [number, number] };
    refused(/132712560 pixels together/, ...sixteen.slice(0, 15), wider);
    const strip = Array.from({ length: 5 }, (_, index) =>
      monitor(`m${index}`, index * 16384, 0, { size: [16384, 64], primary: index === 0 }),
    );
    placeMonitors(strip.slice(0, 4));
    refused('the layout is 81920 logical pixels wide, more than 65536', ...strip);
    refused(
      /81920 logical pixels high/,
      ...strip.map((one): Monitor => ({ ...one, transform: 1, position: [0, one.position[0]] })),
    );
  });

  describe('at random', () => {
    const SCALES = [0.5, 1, 1.25, 1.5, 1.75, 2, 3];

    /** Monitors one beside or below the other: always valid, whatever their sizes, scales and transforms. */
    const randomLayout = (random: SeededRandom): Monitor[] => {
      const count = 1 + random.below(16);
      const main = random.below(count);
      const vertical = random.below(2) === 1;
      let edge = random.below(9000) - 4500;
      return Array.from({ length: count }, (_, index) => {
        const made: Monitor = {
          id: `m-${index}`,
          size: [300 + random.below(1700), 300 + random.below(1700)],
          position: vertical ? [random.below(100), edge] : [edge, random.below(100)],
          scale: random.pick(SCALES),
          transform: random.below(8),
          primary: index === main,
        };
        edge += logicalSize(made)[vertical ? 1 : 0];
        return made;
      });
    };

    it('accepts rows and columns, moves them to (0, 0) as a whole, and then changes nothing more', () => {
      const random = new SeededRandom(1);
      for (let round = 0; round < 500; round++) {
        const asked = randomLayout(random);
        const placed = placeMonitors(asked);
        assert.equal(Math.min(...placed.map(({ position }) => position[0])), 0);
        assert.equal(Math.min(...placed.map(({ position }) => position[1])), 0);
        assert.deepEqual(
          placed.map(({ position }) => [
            position[0] - (placed[0]?.position[0] ?? 0),
            position[1] - (placed[0]?.position[1] ?? 0),
          ]),
          asked.map(({ position }) => [
            position[0] - (asked[0]?.position[0] ?? 0),
            position[1] - (asked[0]?.position[1] ?? 0),
          ]),
        );
        assert.deepEqual(placeMonitors(placed), placed);
      }
    });

    it('judges every order of the same monitors alike', () => {
      const random = new SeededRandom(2);
      for (let round = 0; round < 300; round++) {
        const asked = randomLayout(random);
        const [first] = asked;
        if (first !== undefined && random.below(2) === 0) first.position[0] += random.below(401) - 200;
        const accepts = (monitors: Monitor[]): string => {
          try {
            placeMonitors(monitors);
            return 'accepted';
          } catch (error) {
            return (error as Error).name;
          }
        };
        const shuffled = asked.map((one) => ({ one, key: random.below(1000) })).sort((a, b) => a.key - b.key);
        assert.equal(accepts(shuffled.map(({ one }) => one)), accepts(asked));
      }
    });

    it('refuses whatever overlaps or leaves a gap', () => {
      const random = new SeededRandom(3);
      for (let round = 0; round < 300; round++) {
        const asked = randomLayout(random).slice(0, 15);
        const [first] = asked;
        if (first === undefined || !asked.some((one) => one.primary)) continue;
        refused(/overlaps/, ...asked, { ...first, id: 'twin', primary: false });
        const away = monitor('away', first.position[0] - 40_000, first.position[1]);
        refused(/gap between monitor 'away'/, ...asked, away);
      }
    });
  });
});
