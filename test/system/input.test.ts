import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { closeSync } from 'node:fs';
import type { Monitor } from '../../src/bus/generated/dictionaries.js';
import { EiSender, type Region } from './ei-sender.js';
import { Window } from './in-session.js';
import type { Line } from './lines.js';
import { asNobody, provision, type RemoteConnection, RemoteTool } from './remote-tool.js';

const KEY_A = 30;
const KEY_LEFTSHIFT = 42;
const BTN_LEFT = 272;
const ALL = ['absolute', 'button', 'keyboard', 'pointer', 'scroll', 'touch'];

const monitor = (id: string, size: [number, number], x: number, y: number, rest: Partial<Monitor> = {}): Monitor => ({
  id,
  size,
  position: [x, y],
  scale: 1,
  ...rest,
});

const near = (a: unknown, b: number) => Math.abs(Number(a) - b) < 0.5;
const at = (event: string, x: number, y: number) => (line: Line) =>
  line.event === event && near(line.x, x) && near(line.y, y);
const same = (a: unknown, b: unknown) => JSON.stringify(a) === JSON.stringify(b);

describe('input', function () {
  this.timeout(60_000);
  let tool: RemoteTool;
  let session: string;
  let connection: RemoteConnection;
  let sender: EiSender;
  const windows: Window[] = [];
  let watchers: ChildProcess[] = [];

  before(async () => {
    tool = RemoteTool.start();
    session = await tool.logIn(provision(), { desktop: 'mutter' });
    connection = await tool.connect(session);
    await connection.layOut([
      monitor('left', [800, 600], 0, 0, { primary: true }),
      monitor('right', [1024, 768], 800, 0),
    ]);
    await watch();
    sender = await EiSender.start(connection);
    await sender.devices(({ capabilities }) => same(capabilities, ALL));
    for (const x of [0, 800]) {
      await sender.do('move-to', { x, y: 0 });
      windows.push(await Window.open());
    }
    // While mutter shows a new window with an animation, places in it are elsewhere.
    await settled('left', 0);
    await settled('right', 800);
  });

  /** Every motion arrives, but windows may still be on their way. */
  async function settled(id: 'left' | 'right', x: number) {
    for (let turn = 0; ; turn++) {
      await sender.do('move-to', { x: x + 1 + (turn % 2), y: 1 });
      const { x: seen, y } = await window(id).next((line) => line.event === 'motion', 'any motion');
      if (near(seen, 1 + (turn % 2)) && near(y, 1)) return;
    }
  }

  /** A tool shows what it controls. mutter stops its animations, and much else, on monitors that nobody watches. */
  async function watch() {
    for (const watcher of watchers) watcher.kill();
    watchers = [];
    for (const [node] of await connection.streams()) {
      const fd = await connection.capture.openPipeWireRemote({});
      const pipeline = `gst-launch-1.0 -q pipewiresrc fd=3 path=${node} ! videoconvert ! video/x-raw,format=RGB ! fakesink sync=false`;
      const [program, args] = asNobody(pipeline.split(' '));
      watchers.push(spawn(program, args, { stdio: ['ignore', 'ignore', 'ignore', fd] }));
      closeSync(fd);
    }
  }

  after(async () => {
    for (const watcher of watchers) watcher.kill();
    for (const window of windows) await window.kill();
    await sender?.kill();
    await tool?.[Symbol.asyncDispose]();
  });

  /** The window on the monitor with that id. */
  const window = (id: 'left' | 'right') => windows[id === 'left' ? 0 : 1] as Window;

  async function regionsNow(expected: Region[]) {
    await sender.devices(
      ({ regions, touch, capabilities }) => same(regions, expected) && same(touch, expected) && same(capabilities, ALL),
    );
  }

  /** Every kind of input at a place of a monitor; it has to arrive in that monitor's window, and right there. */
  async function useEverything(id: 'left' | 'right', region: Region, x: number, y: number) {
    const target = window(id);
    await sender.do('move-to', { x: region.x + x, y: region.y + y });
    await target.next(at('motion', x, y), `motion to ${x}, ${y} on ${id}`);
    await sender.do('move', { dx: 5, dy: -3 });
    await target.next(at('motion', x + 5, y - 3), 'relative motion');
    for (const down of [true, false]) {
      await sender.do('button', { code: BTN_LEFT, down });
      await target.next(
        (line) => at('button', x + 5, y - 3)(line) && line.down === down && line.button === 1,
        'button',
      );
    }
    await sender.do('scroll', { dx: 0, dy: 30 });
    await target.next((line) => line.event === 'scroll' && Number(line.dy) > 0, 'scroll');
    await sender.do('key', { code: KEY_LEFTSHIFT, down: true });
    await sender.type(KEY_A);
    await sender.do('key', { code: KEY_LEFTSHIFT, down: false });
    await sender.type(KEY_A);
    for (const name of ['A', 'a'])
      await target.next((line) => line.event === 'key' && line.code === KEY_A && line.name === name, `key ${name}`);
    await sender.do('touch', {
      points: [
        [region.x + x, region.y + y],
        [region.x + x + 20, region.y + y + 10],
      ],
    });
    await target.next((line) => at('touch', x, y)(line) && line.phase === 'begin', 'touch begin');
    await target.next((line) => at('touch', x + 20, y + 10)(line) && line.phase === 'update', 'touch update');
    await target.next((line) => line.event === 'touch' && line.phase === 'end', 'touch end');
  }

  it('arrives at the right place of the right monitor', async () => {
    await useEverything('left', { id: 'left', x: 0, y: 0, width: 800, height: 600 }, 100, 200);
    await useEverything('right', { id: 'right', x: 800, y: 0, width: 1024, height: 768 }, 1000, 700);
  });

  it('does so on the same descriptor through ten layout changes', async () => {
    for (let turn = 0; turn < 10; turn++) {
      const [width, height] = [820 + 20 * turn, 600 + 10 * turn];
      const scaled = turn % 2 === 0;
      await connection.layOut([
        monitor('left', [width, height], 0, 0, { primary: true }),
        monitor('right', [1000, 750], width, 0, { scale: scaled ? 1.25 : 1 }),
      ]);
      await watch();
      const left = { id: 'left', x: 0, y: 0, width, height };
      const right = { id: 'right', x: width, y: 0, width: scaled ? 800 : 1000, height: scaled ? 600 : 750 };
      await regionsNow([left, right]);
      // mutter moves and resizes windows after the monitors.
      await settled('left', 0);
      await settled('right', width);
      await useEverything('left', left, 30 + turn, 40);
      await useEverything('right', right, 50, 60 + turn);
    }
  });

  it('gives devices for the grants only', async () => {
    const kinds: [('keyboard' | 'pointer' | 'touch')[], string[]][] = [
      [['keyboard'], ['keyboard']],
      [['pointer'], ['absolute', 'button', 'pointer', 'scroll']],
      [['touch'], ['touch']],
    ];
    for (const [grants, capabilities] of kinds) {
      const other = await tool.connect(session, { grants, 'on-conflict': 'share' });
      assert.deepEqual(await other.property('input', 'Devices'), grants);
      await using limited = await EiSender.start(other);
      await limited.devices((line) => same(line.capabilities, capabilities));
      await other.connection.close();
      await limited.next((line) => line.event === 'gone', 'gone');
    }
    const none = await tool.connect(session, { grants: ['capture'], 'on-conflict': 'share' });
    await assert.rejects(none.input.connectToEIS({}), { dbusName: 'org.freedesktop.RemoteAccess.Error.GrantMissing' });
    await none.connection.close();
  });

  it('lets go of what is held when the tool is killed', async () => {
    await using other = RemoteTool.start();
    const theirs = await other.connect(await other.logIn(provision()), { 'on-conflict': 'share' });
    await using killed = await EiSender.start(theirs);
    await killed.devices(({ capabilities }) => same(capabilities, ALL));
    const target = window('right');
    await killed.do('key', { code: KEY_A, down: true });
    await target.next((line) => line.event === 'key' && line.code === KEY_A && line.down === true, 'press');
    await other.lines.kill();
    await killed.next((line) => line.event === 'gone', 'gone');
    await target.next((line) => line.event === 'key' && line.code === KEY_A && line.down === false, 'release');
    // The other tool's input goes on.
    await sender.type(KEY_A);
    await target.next((line) => line.event === 'key' && line.code === KEY_A && line.down === true, 'another press');
  });
});
