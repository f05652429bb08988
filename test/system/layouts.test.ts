import assert from 'node:assert/strict';
import { closeSync } from 'node:fs';
import type { Monitor } from '../../src/bus/generated/dictionaries.js';
import { logicalSize } from '../../src/layout/layout.js';
import { SeededRandom } from '../unit/seeded-random.js';
import { EiSender } from './ei-sender.js';
import { runAsUser, Window } from './in-session.js';
import { grab, photograph } from './pictures.js';
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
  let session: string;
  let first: RemoteConnection;
  let second: RemoteConnection;

  before(async () => {
    tool = RemoteTool.start();
    session = await tool.logIn(provision(), { desktop: 'mutter' });
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

  it('is kept, with the windows on it, while nobody is connected', async () => {
    const sides = [
      monitor('left', [800, 600], 0, 0, { primary: true }),
      monitor('right', [1024, 768], 800, 0),
    ] as const;
    await first.layOut([...sides]);
    await using sender = await EiSender.start(first);
    await sender.devices(({ regions }) => (regions as unknown[]).length === 2);
    await using window = await Window.open();
    const onMonitor = async () => ((await window.ask({ do: 'monitor' })).answer as { area: number[] }).area;
    const [x = 0, , width] = await onMonitor();
    const layout = await layoutOf(first);
    for (const connection of [first, second]) await connection.connection.close();
    first = await tool.connect(session);
    second = await tool.connect(session, { 'on-conflict': 'share', cursor: 'hidden' });
    assert.deepEqual(await layoutOf(first), layout);
    assert.deepEqual(await onMonitor(), [x, 0, width, x === 0 ? 600 : 768]);
    // The monitors change places, and the window goes with its own.
    await first.layOut([monitor('left', [800, 600], 1024, 0, { primary: true }), monitor('right', [1024, 768], 0, 0)]);
    await window.next((line) => line.event === 'monitor', 'a monitor');
    const moved = await onMonitor();
    assert.deepEqual(moved, x === 0 ? [1024, 0, 800, 600] : [0, 0, 1024, 768]);
  });

  it('survives twenty random layouts in a row while somebody watches', async () => {
    const random = new SeededRandom(20);
    for (let turn = 0; turn < 20; turn++) {
      const layout: Monitor[] = [];
      let x = 0;
      for (let number = 0; number <= random.below(3); number++) {
        const size: [number, number] = random.pick([
          [1280, 720],
          [1600, 900],
          [1920, 1080],
        ]);
        const next = monitor(`m${random.below(2)}${number}`, size, x, 0, {
          scale: random.pick([1, 1.25, 1.5]),
          transform: random.below(8),
          primary: number === 0,
        });
        layout.push(next);
        x += logicalSize(next)[0];
      }
      const [node = 0, stream] = (await first.streams())[0] ?? [];
      const fd = await first.capture.openPipeWireRemote({});
      const watching = grab(fd, node, 1);
      await first.layOut(layout);
      const streams = (await first.streams()).map(([, { id, size }]) => [id, size]);
      assert.deepEqual(
        streams,
        layout.map(({ id, size: [width, height], transform = 0 }) => [
          id,
          transform % 2 === 0 ? [width, height] : [height, width],
        ]),
        stream?.id,
      );
      await watching;
      closeSync(fd);
    }
    const [last] = (await layoutOf(first)).monitors;
    assert.ok(last);
    await photograph(first, last.id);
  });

  it('tells of changes that somebody makes in the session', async () => {
    await first.layOut([monitor('only', [1280, 720], 0, 0)]);
    const { serial } = await layoutOf(first);
    const config = [
      '--session',
      '--dest=org.gnome.Mutter.DisplayConfig',
      '--object-path=/org/gnome/Mutter/DisplayConfig',
    ];
    const method = (name: string, ...args: string[]) =>
      runAsUser('alice', 'gdbus', 'call', ...config, `--method=org.gnome.Mutter.DisplayConfig.${name}`, ...args);
    // Right after a layout of ours, what comes of itself is undone: somebody who insists is heard.
    while ((await layoutOf(first)).monitors[0]?.scale !== 1.25) {
      const state = method('GetCurrentState');
      const [, number = '', connector = ''] = /^\(uint32 (\d+), \[\(\('([^']+)'/.exec(state) ?? [];
      const mode = /'(1280x720@[^']+)'/.exec(state)?.[1] ?? '';
      const logical = `[(0, 0, 1.25, uint32 0, true, [('${connector}', '${mode}', @a{sv} {})])]`;
      method('ApplyMonitorsConfig', number, '1', logical, '{}');
    }
    await first.signal('LayoutChanged', ([now]) => Number(now) > serial);
    assert.deepEqual((await photograph(first, 'only')).size, [1280, 720]);
  });
});
