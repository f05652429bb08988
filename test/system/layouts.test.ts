import assert from 'node:assert/strict';
import type { Monitor } from '../../src/bus/generated/dictionaries.js';
import { photograph } from './pictures.js';
import { provision, type RemoteConnection, RemoteTool } from './remote-tool.js';

const error = (name: string) => ({ dbusName: `org.freedesktop.RemoteAccess.Error.${name}` });

const monitor = (id: string, size: [number, number], x: number, y: number, rest: Partial<Monitor> = {}): Monitor => ({
  id,
  size,
  position: [x, y],
  scale: 1,
  ...rest,
});

/** What GetLayout tells about each monitor, without what is different for each connection. */
async function layoutOf(connection: RemoteConnection) {
  const [serial, monitors] = await connection.monitors.getLayout();
  return { serial, monitors: monitors.map(({ node: _node, 'mapping-id': _mapping, ...rest }) => rest) };
}

describe('the layout of a mutter session', function () {
  this.timeout(60_000);
  let tool: RemoteTool;
  let first: RemoteConnection;
  let second: RemoteConnection;

  before(async () => {
    tool = RemoteTool.start();
    const session = await tool.logIn(provision(), { desktop: 'mutter' });
    first = await tool.connect(session, { cursor: 'embedded' });
    second = await tool.connect(session, { 'on-conflict': 'share', cursor: 'hidden' });
  });

  after(() => tool?.[Symbol.asyncDispose]());

  /** Both watchers must see every monitor, in streams of the right size. */
  async function see(expected: readonly Monitor[]) {
    for (const connection of [first, second]) {
      const streams = await connection.streams();
      assert.deepEqual(streams.map(([, { id }]) => id).sort(), expected.map(({ id }) => id).sort());
      for (const [, { id, size, position }] of streams) {
        const wanted = expected.find((one) => one.id === id) as Monitor;
        const upright = (wanted.transform ?? 0) % 2 === 0;
        assert.deepEqual(size, upright ? wanted.size : [wanted.size[1], wanted.size[0]]);
        assert.deepEqual(position, wanted.position);
        assert.deepEqual((await photograph(connection, id)).size, size, `the picture of ${id}`);
      }
    }
  }

  async function change(asked: Monitor[], expected: readonly Monitor[] = asked) {
    const serial = await first.layOut(asked);
    for (const connection of [first, second]) await connection.signal('LayoutChanged', ([now]) => now === serial);
    const layout = await layoutOf(first);
    // mutter counts scales in single precision.
    for (const [index, { scale }] of expected.entries()) {
      const one = layout.monitors[index];
      if (one !== undefined && Math.abs(one.scale - scale) < 1e-6) one.scale = scale;
    }
    assert.deepEqual(layout, {
      serial,
      monitors: expected.map((one) => ({
        refresh: 60,
        transform: 0,
        ...one,
        primary: expected.length === 1 || (one.primary ?? false),
      })),
    });
    await see(expected);
  }

  it('is one monitor at first', () => see([monitor('default', [1280, 720], 0, 0)]));

  it('adds a monitor', () =>
    change([
      monitor('default', [1280, 720], 0, 0, { primary: true }),
      monitor('right', [1920, 1080], 1280, 0, { refresh: 30 }),
    ]));

  it('resizes, moves and changes the primary', () =>
    change([
      monitor('default', [1024, 768], 1600, 0),
      monitor('right', [1600, 900], 0, 0, { primary: true, refresh: 30 }),
    ]));

  it('scales, with the scale nearest to the one asked for', async () => {
    const offered = 1600 / 1072;
    await change(
      [
        monitor('default', [1024, 768], 1067, 0),
        monitor('right', [1600, 900], 0, 0, { primary: true, scale: 1.5, refresh: 30 }),
      ],
      [
        monitor('default', [1024, 768], 1072, 0),
        monitor('right', [1600, 900], 0, 0, { primary: true, scale: offered, refresh: 30 }),
      ],
    );
  });

  it('changes nothing where the layout is as asked', async () => {
    const { serial } = await layoutOf(first);
    const asked = [
      monitor('default', [1024, 768], 1067, 0),
      monitor('right', [1600, 900], 0, 0, { primary: true, scale: 1.5, refresh: 30 }),
    ];
    const streams = await first.streams();
    assert.equal(await first.monitors.setLayout(serial, asked), serial);
    assert.equal(await first.monitors.setLayout(serial, (await layoutOf(first)).monitors), serial);
    assert.deepEqual(await first.streams(), streams);
    assert.deepEqual(first.heard('LayoutChanged'), []);
  });

  it('turns and mirrors', () =>
    change([
      monitor('default', [1024, 768], 0, 0, { primary: true, transform: 1 }),
      monitor('right', [1600, 900], 768, 0, { transform: 6, refresh: 30 }),
    ]));

  it('removes', () => change([monitor('right', [1600, 900], 0, 0, { primary: true, refresh: 30 })]));

  it('replaces all monitors at once', () =>
    change([monitor('other', [1280, 720], 0, 0), monitor('more', [640, 480], 1280, 0, { primary: true })]));

  it('leaves all as it is when mutter refuses, and says why', async () => {
    const before = await layoutOf(first);
    const [other, more] = before.monitors as [Monitor, Monitor];
    const refused: [string, Monitor[]][] = [
      ['a scale it does not offer', [{ ...other, scale: 7.3 }]],
      [
        'the same with a new monitor',
        [{ ...other, scale: 7.3 }, monitor('new', [800, 600], 175, 0), { ...more, position: [975, 0] }],
      ],
      [
        'the same after a resize',
        [
          { ...other, size: [1300, 700], primary: true },
          { ...more, scale: 3.3, primary: false, position: [1300, 0] },
        ],
      ],
    ];
    for (const [what, layout] of refused) {
      await assert.rejects(
        first.monitors.setLayout(
          (await layoutOf(first)).serial,
          layout.map((one, index) => ({ ...one, primary: index === 0 })),
        ),
        error('InvalidLayout'),
        what,
      );
      assert.deepEqual((await layoutOf(first)).monitors, before.monitors, what);
      await see(before.monitors);
    }
    const { serial } = await layoutOf(first);
    await assert.rejects(first.monitors.setLayout(serial - 1, before.monitors), error('StaleSerial'));
    await assert.rejects(first.monitors.setLayout(serial, []), error('InvalidLayout'));
    await assert.rejects(
      first.monitors.setLayout(serial, [other, { ...more, position: [1281, 0] }]),
      error('InvalidLayout'),
    );
    assert.deepEqual(await layoutOf(first), { serial, monitors: before.monitors });
  });
});
