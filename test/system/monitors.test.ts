import assert from 'node:assert/strict';
import { encodeDictionary } from '../../src/bus/dictionary.js';
import type { Monitor } from '../../src/bus/generated/dictionaries.js';
import type { Tool } from '../../src/tool/tool.js';
import type { ToolConnection } from '../../src/tool/tool-connection.js';
import {
  endSessions,
  Heard,
  INVALID_ARGS,
  installDesktop,
  objects,
  type PropertiesChanged,
  ROOT,
  refuses,
  run,
  SERVICE,
  toolAs,
} from './fixture.js';

const screen = (id: string, left = 0, more: Partial<Monitor> = {}): Monitor => ({
  id,
  size: [800, 600],
  position: [left, 0],
  scale: 1,
  primary: left === 0,
  ...more,
});

const encoded = (monitor: Monitor) => encodeDictionary('Monitor', { ...monitor }, { fds: [] });

describe('monitors', () => {
  let admin: Tool;
  let tool: Tool;
  let attached: ToolConnection;
  let path = '';

  before(async () => {
    installDesktop('fake');
    admin = await toolAs('root');
    tool = await toolAs('alice');
    path = await objects(admin.bus).root.methods.createSession('alice', { desktop: 'fake' });
    attached = await tool.connect(path);
  });

  after(() => endSessions(admin));

  it('begin with one that is called default', async () => {
    const [, [first, ...others]] = await attached.monitors.methods.getLayout();
    assert.deepEqual(others, []);
    const { node, ...rest } = { ...first };
    assert.deepEqual(rest, {
      id: 'default',
      size: [1280, 720],
      position: [0, 0],
      scale: 1,
      refresh: 60,
      transform: 0,
      primary: true,
      'mapping-id': 'default',
    });
    assert.deepEqual(await attached.capture.property('Streams'), [
      [node, (await attached.capture.property('Streams'))[0]?.[1]],
    ]);
  });

  it('are laid out; every viewer hears of it and gets streams anew', async () => {
    const other = await admin.connect(path, { 'on-conflict': 'share' });
    const changed = await Heard.listen(attached.monitors, 'LayoutChanged');
    const others = await Heard.listen(other.monitors, 'LayoutChanged');
    const told = await Heard.standard<PropertiesChanged>(tool.bus, attached.path, 'PropertiesChanged');
    const before = await attached.capture.property('Streams');
    const serial = await attached.layOut([screen('a'), screen('b', 800, { transform: 1 })]);
    assert.deepEqual(await changed.next(), [serial]);
    assert.deepEqual(await others.next(), [serial]);
    const [iface, values] = await told.next();
    assert.deepEqual([iface, values.map(([name]) => name)], [`${SERVICE}.Capture`, ['Streams']]);
    const [now, layout] = await attached.monitors.methods.getLayout();
    assert.equal(now, serial);
    assert.deepEqual(
      layout.map(({ id, position, transform }) => [id, position, transform]),
      [
        ['a', [0, 0], 0],
        ['b', [800, 0], 1],
      ],
    );
    const streams = await attached.capture.property('Streams');
    assert.deepEqual(
      streams.map(([node, { id }]) => [node, id]),
      layout.map(({ node, id }) => [node, id]),
    );
    assert.ok(streams.every(([node]) => !before.some(([old]) => old === node)));
    await other.connection.methods.close();
  });

  it('stay as they are when they are laid out as they are', async () => {
    const layout = [screen('a'), screen('b', 800)];
    const serial = await attached.layOut(layout);
    const streams = await attached.capture.property('Streams');
    assert.equal(await attached.layOut(layout), serial);
    assert.deepEqual(await attached.capture.property('Streams'), streams);
  });

  it('are not laid out by a serial that is old', async () => {
    const [serial] = await attached.monitors.methods.getLayout();
    await attached.monitors.methods.setLayout(serial, [screen('first')]);
    await refuses('StaleSerial', attached.monitors.methods.setLayout(serial, [screen('second')]));
    const [now, layout] = await attached.monitors.methods.getLayout();
    assert.deepEqual(
      layout.map(({ id }) => id),
      ['first'],
    );
    const race = await Promise.allSettled([
      attached.monitors.methods.setLayout(now, [screen('x')]),
      attached.monitors.methods.setLayout(now, [screen('y')]),
    ]);
    assert.deepEqual(
      race.map(({ status }) => status),
      ['fulfilled', 'rejected'],
    );
  });

  const row = (count: number) => Array.from({ length: count }, (_, index) => screen(`m${index}`, index * 800));
  const impossible: [string, Monitor[]][] = [
    ['none', []],
    ['seventeen', row(17)],
    ['an overlap', [screen('a'), screen('b', 799)]],
    ['a gap', [screen('a'), screen('b', 801)]],
    ['corners alone that touch', [screen('a'), screen('b', 800, { position: [800, 600] })]],
    ['a size of nothing', [screen('a', 0, { size: [0, 600] })]],
    ['a size beyond all screens', [screen('a', 0, { size: [16385, 600] })]],
    ['the largest size there is', [screen('a', 0, { size: [0xffff_ffff, 0xffff_ffff] })]],
    [
      'more pixels than memory',
      row(16).map((one, at) => ({ ...one, size: [16384, 16384], position: [at * 16384, 0] })),
    ],
    ['a scale of 0', [screen('a', 0, { scale: 0 })]],
    ['a scale below 0', [screen('a', 0, { scale: -1 })]],
    ['two primaries', [screen('a'), screen('b', 800, { primary: true })]],
    ['no primary of two', [screen('a', 0, { primary: false }), screen('b', 800)]],
    ['one id twice', [screen('a'), screen('a', 800)]],
  ];
  for (const [what, layout] of impossible)
    it(`cannot be ${what}`, async () => {
      const before = await attached.monitors.methods.getLayout();
      await refuses('InvalidLayout', attached.monitors.methods.setLayout(before[0], layout));
      assert.deepEqual(await attached.monitors.methods.getLayout(), before);
      await refuses('InvalidLayout', objects(tool.bus).root.methods.openLogin({ monitors: layout }));
      await refuses('InvalidLayout', objects(tool.bus).root.methods.createSession('alice', { monitors: layout }));
    });

  // A library that sends what it is given, unlike ours.
  for (const [key, value] of [
    ['scale', 'nan'],
    ['scale', 'inf'],
    ['refresh', 'nan'],
  ] as const)
    it(`cannot have a ${key} of ${value}`, () => {
      const doubles = Object.entries({ scale: '1', [key]: value }).flatMap(([name, text]) => [name, 'd', text]);
      const others = ['id', 's', 'a', 'size', '(uu)', '800', '600', 'position', '(ii)', '0', '0'];
      const count = String(3 + doubles.length / 3);
      const monitors = ['1', 'monitors', 'aa{sv}', '1', count, ...others, ...doubles];
      assert.throws(
        () => run('busctl', 'call', SERVICE, ROOT, SERVICE, 'CreateSession', 'sa{sv}', 'alice', ...monitors),
        new RegExp(`monitor 'a' has ${key}.*(NaN|Infinity)`),
      );
    });

  it('may be sixteen', async () => {
    await attached.layOut(row(16));
    assert.equal((await attached.monitors.methods.getLayout())[1].length, 16);
  });

  it('are refused by the key when a key is wrong', async () => {
    const [serial] = await attached.monitors.methods.getLayout();
    const call = (monitor: object) =>
      tool.bus.call({
        destination: SERVICE,
        path: attached.path,
        interface: `${SERVICE}.Monitors`,
        member: 'SetLayout',
        signature: 'uaa{sv}',
        body: [serial, [monitor]],
      });
    const good = encoded(screen('a'));
    for (const key of ['id', 'size', 'position', 'scale'])
      assert.match(await refuses(INVALID_ARGS, call(good.filter(([name]) => name !== key))), new RegExp(`'${key}'`));
    const scale = good.find(([name]) => name === 'scale')?.[1];
    assert.match(await refuses(INVALID_ARGS, call([...good, ['colour', scale]])), /'colour'/);
    assert.match(await refuses(INVALID_ARGS, call(good.map(([key]) => [key, scale]))), /'id'/);
    await refuses(INVALID_ARGS, call(encoded(screen('Ä'))));
    await refuses(INVALID_ARGS, call(encoded(screen('a', 0, { transform: 8 }))));
  });
});
