import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { chmodSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { regionAt, type ToolRegion } from '../../src/ei/regions.js';
import { JsonLines } from './clients/json-lines.js';

const clients = fileURLToPath(new URL('./clients', import.meta.url));
const OWNER = 'alice';
const STRANGER = 'bob';
const idOf = (user: string, which: '-u' | '-g') => Number(execFileSync('id', [which, user], { encoding: 'utf8' }));

type Placed = ToolRegion & { connector: string };
type Position = [id: string, x: number, y: number, scale: number];

/** A real mutter with real clients of it; tools of another user use libei. */
describe('input of tools in a session', function () {
  this.timeout(6_000);
  let folder: string;
  let desktop: JsonLines;
  let relay: JsonLines;
  const tools: JsonLines[] = [];
  let layout: Placed[] = [];
  let count = 0;

  /** Changes the desktop, then tells the relay as the agent does. */
  const change = async (order: Record<string, unknown>) => {
    const answer = await desktop.order(order, (what) => 'layout' in what || 'error' in what);
    assert.equal(answer.error, undefined);
    layout = answer.layout as Placed[];
    if (relay !== undefined) await relay.order({ do: 'regions', regions: layout }, () => true);
  };
  const monitor = (id: string): Placed => {
    const found = layout.find(({ mappingId }) => mappingId === id);
    assert.ok(found);
    return found;
  };

  /** Shows the window on that monitor and waits until it is there, in full size, and has the keyboard. */
  const openWindow = async (id: string) => {
    const { connector, width, height } = monitor(id);
    await desktop.order({ do: 'window', connector, width, height }, (what) => 'layout' in what);
    const from = desktop.said.findLastIndex((what) => 'layout' in what);
    await desktop.find(({ shown }) => String(shown) === `${connector},${width},${height}`, from);
  };

  /** Connects a tool of the other user and waits for as many devices. */
  const connect = async (grants: string[], devices: number, kind = 'sender') => {
    const name = `tool${++count}`;
    const path = join(folder, name);
    const tool = new JsonLines('python3', [join(clients, 'eis-tool.py'), path, kind], {
      uid: idOf(STRANGER, '-u'),
      gid: idOf(STRANGER, '-g'),
    });
    tools.push(tool);
    await tool.find(({ event }) => event === 'listening');
    await relay.order({ do: 'tool', tool: name, grants }, () => true);
    await relay.order({ do: 'connect', tool: name, path }, () => true);
    while (tool.said.filter(({ event }) => event === 'added').length < devices) {
      const from = tool.said.length;
      await tool.find(() => true, from);
    }
    return { tool, name, added: tool.said.filter(({ event }) => event === 'added') };
  };
  const act = async (tool: JsonLines, order: Record<string, unknown>) => {
    const answer = await tool.order(order, ({ event }) => event === 'done' || event === 'error');
    assert.equal(answer.event, 'done', String(answer.message));
  };
  /** Does it and waits until the window saw this. */
  const seen = async (tool: JsonLines, order: Record<string, unknown>, what: Record<string, unknown>) => {
    const from = desktop.said.length;
    await act(tool, order);
    return desktop.find(
      (said) => Object.entries(what).every(([key, value]) => JSON.stringify(said[key]) === JSON.stringify(value)),
      from,
    );
  };
  /**
   * Shows the window on that monitor and points there. The mouse wriggles until the window sees it exactly there: a
   * window does not see the motion that enters it, mutter merges motions, and new windows grow into place.
   */
  const pointsAt = async (tool: JsonLines, id: string, x: number, y: number) => {
    await openWindow(id);
    const from = desktop.said.length;
    const there = (what: Record<string, unknown>) => what.input === 'motion' && String(what.position) === `${x},${y}`;
    for (let i = 1; !desktop.said.slice(from).some(there); i++) {
      await act(tool, { do: 'position', region: id, x: x + (i % 2) * 5, y });
      await setTimeout(20);
    }
    await act(tool, { do: 'position', region: id, x, y });
  };

  before(async () => {
    folder = mkdtempSync(join(tmpdir(), 'eis-'));
    chmodSync(folder, 0o777);
    const socket = join(folder, 'compositor');
    desktop = new JsonLines('systemd-run', [
      '--quiet',
      '--pipe',
      '--wait',
      '--collect',
      `--uid=${OWNER}`,
      '--property=PAMName=login',
      '--property=WorkingDirectory=~',
      '--setenv=XDG_SESSION_TYPE=wayland',
      '--setenv=XDG_SESSION_CLASS=user',
      '--setenv=GTK_A11Y=none',
      '--',
      'python3',
      join(clients, 'eis-desktop.py'),
      socket,
    ]);
    await desktop.find((what) => 'layout' in what);
    await change({ do: 'add', id: 'left', width: 1280, height: 720 });
    await change({ do: 'add', id: 'right', width: 1024, height: 768 });
    const uid = idOf(OWNER, '-u');
    relay = new JsonLines(process.execPath, ['--import', 'tsx', join(clients, 'eis-relay.ts'), socket], {
      uid,
      gid: idOf(OWNER, '-g'),
      env: { PATH: '/usr/bin:/bin', XDG_RUNTIME_DIR: `/run/user/${uid}` },
    });
    await relay.find((what) => 'ready' in what);
    await relay.order({ do: 'regions', regions: layout }, () => true);
    await openWindow('left');
  });

  afterEach(function () {
    if (this.currentTest?.state !== 'failed') return;
    for (const client of [desktop, relay, tools.at(-1)])
      console.error(
        client?.said
          .slice(-12)
          .map((what) => JSON.stringify(what))
          .join('\n'),
      );
  });

  after(async () => {
    await Promise.all(tools.map((tool) => tool.kill('SIGKILL')));
    await relay.kill();
    desktop.process.stdin.end();
    await desktop.kill();
    rmSync(folder, { recursive: true });
  });

  it('gives a tool the devices of its grants only', async () => {
    const { tool, added } = await connect(['pointer'], 2);
    assert.deepEqual((await tool.find(({ event }) => event === 'seat')).capabilities, [
      'pointer',
      'absolute',
      'scroll',
      'button',
    ]);
    assert.deepEqual(added.map(({ name }) => name).toSorted(), ['remote-access absolute', 'remote-access pointer']);
    const regions = added.find(({ name }) => name === 'remote-access absolute')?.regions;
    assert.deepEqual(
      regions,
      layout.map(({ mappingId, x, y, width, height, scale }) => ({ mappingId, x, y, width, height, scale })),
    );
    await tool.kill();
  });

  it('refuses receivers', async () => {
    const { tool } = await connect(['keyboard', 'pointer', 'touch'], 0, 'receiver');
    await tool.find(({ event }) => event === 'disconnect');
    await tool.kill();
  });

  it('types, with Shift, with the keymap of the session', async () => {
    const { tool, added } = await connect(['keyboard'], 1);
    assert.equal(added[0]?.keymap, 'xkb_keymap');
    await seen(tool, { do: 'tap', code: 30 }, { input: 'key', code: 30, pressed: false, name: 'a' });
    await seen(tool, { do: 'key', code: 42, pressed: true }, { input: 'key', code: 42, pressed: true });
    await seen(tool, { do: 'tap', code: 30 }, { input: 'key', code: 30, pressed: true, name: 'A' });
    await seen(tool, { do: 'key', code: 42, pressed: false }, { input: 'key', code: 42, pressed: false });
    await tool.kill();
  });

  it('moves, clicks and scrolls on the right monitor', async () => {
    const { tool } = await connect(['pointer'], 2);
    await pointsAt(tool, 'left', 100, 50);
    await pointsAt(tool, 'right', 300, 200);
    await seen(tool, { do: 'motion', dx: 10, dy: 5 }, { input: 'motion', position: [310, 205] });
    for (const kind of ['pointer', 'absolute']) {
      await seen(
        tool,
        { do: 'button', code: 0x110, pressed: true, kind },
        { input: 'button', button: 1, pressed: true },
      );
      await seen(
        tool,
        { do: 'button', code: 0x110, pressed: false, kind },
        { input: 'button', button: 1, pressed: false },
      );
    }
    await seen(tool, { do: 'clicks', dx: 0, dy: 120 }, { input: 'scroll', deltas: [0, 1] });
    await seen(tool, { do: 'clicks', dx: -240, dy: 0 }, { input: 'scroll', deltas: [-1, 0] });
    await seen(tool, { do: 'scroll', dx: 0, dy: 15 }, { input: 'scroll', deltas: [0, 1.5] });
    await seen(tool, { do: 'scroll', dx: -10, dy: 0 }, { input: 'scroll', deltas: [-1, 0] });
    await tool.kill();
  });

  it('touches with two fingers', async () => {
    const { tool } = await connect(['pointer', 'touch'], 3);
    await pointsAt(tool, 'right', 100, 100);
    const touch = { input: 'touch' };
    await seen(
      tool,
      { do: 'down', finger: 1, region: 'right', x: 10, y: 20 },
      { ...touch, phase: 'begin', position: [10, 20] },
    );
    await seen(
      tool,
      { do: 'down', finger: 2, region: 'right', x: 50, y: 60 },
      { ...touch, phase: 'begin', position: [50, 60] },
    );
    await seen(
      tool,
      { do: 'move', finger: 1, region: 'right', x: 12, y: 24 },
      { ...touch, phase: 'update', position: [12, 24] },
    );
    await seen(tool, { do: 'up', finger: 1 }, { ...touch, phase: 'end' });
    await seen(tool, { do: 'up', finger: 2 }, { ...touch, phase: 'end' });
    await tool.kill();
  });

  it('keeps one descriptor good over ten layout changes', async function () {
    this.timeout(30_000);
    const { tool } = await connect(['keyboard', 'pointer', 'touch'], 4);
    const place = (...positions: Position[]) => ({ do: 'place', positions });
    const changes: Record<string, unknown>[] = [
      place(['left', 0, 0, 1], ['right', 0, 720, 1]),
      { do: 'resize', id: 'left', width: 1600, height: 900 },
      { do: 'add', id: 'third', width: 800, height: 600 },
      { do: 'remove', id: 'right' },
      { do: 'resize', id: 'third', width: 1280, height: 720 },
      place(['left', 0, 0, 1], ['third', 0, 900, 1]),
      { do: 'add', id: 'right', width: 1920, height: 1080 },
      { do: 'remove', id: 'third' },
      place(['left', 0, 0, 1.25], ['right', 1280, 0, 1.25]),
      place(['left', 0, 0, 1], ['right', 1600, 0, 1]),
    ];
    for (const [i, each] of changes.entries()) {
      const from = tool.said.length;
      await change(each);
      const wanted = layout.map(({ mappingId, x, width }) => [mappingId, x, width].join());
      await tool.find(
        ({ event, name, regions }) =>
          event === 'added' &&
          name === 'remote-access touch' &&
          (regions as ToolRegion[]).map(({ mappingId, x, width }) => [mappingId, x, width].join()).join(' ') ===
            wanted.join(' '),
        from,
      );
      for (const { mappingId } of layout) {
        const touch = { input: 'touch' };
        await pointsAt(tool, mappingId, 40 + i, 30);
        await seen(tool, { do: 'motion', dx: 3, dy: 4 }, { input: 'motion', position: [43 + i, 34] });
        await seen(tool, { do: 'clicks', dx: 0, dy: 120 }, { input: 'scroll' });
        await seen(
          tool,
          { do: 'down', finger: 1, region: mappingId, x: 7, y: 9 },
          { ...touch, phase: 'begin', position: [7, 9] },
        );
        await seen(tool, { do: 'up', finger: 1 }, { ...touch, phase: 'end' });
      }
      await seen(tool, { do: 'tap', code: 16 + i }, { input: 'key', code: 16 + i, pressed: false });
    }
    assert.equal(
      tool.said.filter(({ event, name }) => event === 'removed' && name === 'remote-access keyboard').length,
      0,
    );
    assert.equal(
      tool.said.filter(({ event, name }) => event === 'removed' && name === 'remote-access pointer').length,
      0,
    );
    await tool.kill();
  });

  it('lets no position be lost that is sent during a layout change', async () => {
    const { tool } = await connect(['pointer'], 2);
    await pointsAt(tool, 'right', 200, 200);
    const changed = desktop.order({ do: 'resize', id: 'right', width: 1280, height: 1024 }, (what) => 'layout' in what);
    for (let x = 1; x <= 100; x++) await act(tool, { do: 'position', region: 'right', x, y: x });
    layout = (await changed).layout as Placed[];
    await relay.order({ do: 'regions', regions: layout }, () => true);
    await openWindow('right');
    const from = desktop.said.length;
    const there = (what: Record<string, unknown>) => what.input === 'motion' && String(what.position) === '100,100';
    for (let dx = 3; !desktop.said.slice(from).some(there); dx = -dx) {
      await act(tool, { do: 'motion', dx, dy: 0 });
      await setTimeout(20);
    }
    await tool.kill();
  });

  it('releases what a tool held that was killed, and nothing that another holds', async () => {
    const [one, two] = [await connect(['keyboard', 'pointer'], 3), await connect(['keyboard'], 1)];
    await seen(one.tool, { do: 'key', code: 29, pressed: true }, { input: 'key', code: 29, pressed: true });
    await seen(one.tool, { do: 'key', code: 42, pressed: true }, { input: 'key', code: 42, pressed: true });
    await act(two.tool, { do: 'key', code: 42, pressed: true });
    await seen(two.tool, { do: 'tap', code: 31 }, { input: 'key', code: 31, pressed: false });
    const from = desktop.said.length;
    await one.tool.kill('SIGKILL');
    await desktop.find((what) => what.input === 'key' && what.code === 29 && what.pressed === false, from);
    await seen(two.tool, { do: 'tap', code: 31 }, { input: 'key', code: 31, pressed: false, name: 'S' });
    assert.equal(desktop.said.slice(from).filter(({ code }) => code === 42).length, 0);
    await seen(two.tool, { do: 'stop_emulating', capability: 'keyboard' }, { input: 'key', code: 42, pressed: false });
    await two.tool.kill();
  });

  it('revokes a grant while it is used', async () => {
    const { tool, name } = await connect(['keyboard', 'pointer'], 3);
    await seen(tool, { do: 'key', code: 42, pressed: true }, { input: 'key', code: 42, pressed: true });
    const from = desktop.said.length;
    await relay.order({ do: 'revoke', tool: name, grant: 'keyboard' }, () => true);
    await tool.find(({ event, name }) => event === 'removed' && name === 'remote-access keyboard');
    await desktop.find((what) => what.code === 42 && what.pressed === false, from);
    await pointsAt(tool, 'left', 60, 60);
    await relay.order({ do: 'dispose', tool: name }, () => true);
    await tool.find(({ event }) => event === 'disconnect');
    await tool.kill();
  });

  it('keeps working beside a tool that sends rubbish', async () => {
    const { tool } = await connect(['keyboard'], 1);
    for (const rubbish of ['\\0'.repeat(16), `\\5${'\\0'.repeat(15)}`, '\\xff'.repeat(5000)]) {
      const path = join(folder, `rubbish${++count}`);
      const other = new JsonLines('python3', [join(clients, 'eis-rubbish.py'), path, rubbish], {
        uid: idOf(STRANGER, '-u'),
        gid: idOf(STRANGER, '-g'),
      });
      tools.push(other);
      await other.find(({ event }) => event === 'listening');
      await relay.order({ do: 'tool', tool: path, grants: ['keyboard'] }, () => true);
      await relay.order({ do: 'connect', tool: path, path }, () => true);
      await other.find(({ event }) => event === 'disconnect');
      await seen(tool, { do: 'tap', code: 30 }, { input: 'key', code: 30, pressed: false });
    }
    await tool.kill();
  });

  it('covers the whole desktop with its regions', () => {
    for (const { x, y, width, height, mappingId } of layout) {
      assert.equal(regionAt(layout, x + width - 0.5, y + height - 0.5)?.mappingId, mappingId);
    }
  });
});
