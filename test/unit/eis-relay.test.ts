import assert from 'node:assert/strict';
import { EventEmitter, once } from 'node:events';
import { closeSync, readdirSync } from 'node:fs';
import { Socket } from 'node:net';
import { type Capability, capabilities } from '../../src/ei/protocol.js';
import type { Region, ToolRegion } from '../../src/ei/regions.js';
import type { Modifiers } from '../../src/ei/sender.js';
import { CompositorInput } from '../../src/portal-backend/eis/compositor-input.js';
import type { InputTarget, InputTargetEvents } from '../../src/portal-backend/eis/input-target.js';
import type { Keymap } from '../../src/portal-backend/eis/keymap.js';
import { type InputGrant, ToolInput } from '../../src/portal-backend/eis/tool-input.js';

/** Writes down what reaches it. */
class Recorder extends EventEmitter<InputTargetEvents> implements InputTarget {
  readonly keymap: Keymap | undefined = undefined;
  modifiers: Modifiers = { depressed: 0, latched: 0, locked: 0, group: 0 };
  readonly capabilities: ReadonlySet<Capability> = new Set(capabilities);
  readonly blocked = false;
  readonly closed = false;
  readonly calls: string[] = [];
  #touch = 0;
  theirs: Region | undefined;

  #note(...words: unknown[]): void {
    this.calls.push(words.join(' '));
  }
  region(): Region | undefined {
    return this.theirs;
  }
  key(code: number, pressed: boolean): void {
    this.#note('key', code, pressed ? 'down' : 'up');
  }
  button(code: number, pressed: boolean): void {
    this.#note('button', code, pressed ? 'down' : 'up');
  }
  motion(dx: number, dy: number): void {
    this.#note('motion', dx, dy);
  }
  motionAbsolute(mappingId: string, x: number, y: number): void {
    this.#note('at', mappingId, x, y);
  }
  scroll(dx: number, dy: number): void {
    this.#note('scroll', dx, dy);
  }
  scrollDiscrete(dx: number, dy: number): void {
    this.#note('clicks', dx, dy);
  }
  scrollStop(x: boolean, y: boolean, cancel: boolean): void {
    this.#note('stop', x, y, cancel);
  }
  touchDown(mappingId: string, x: number, y: number): number {
    this.#note('down', ++this.#touch, mappingId, x, y);
    return this.#touch;
  }
  touchMotion(touch: number, mappingId: string, x: number, y: number): void {
    this.#note('move', touch, mappingId, x, y);
  }
  touchUp(touch: number): void {
    this.#note('up', touch);
  }
  touchCancel(touch: number): void {
    this.#note('cancel', touch);
  }
  frame(): void {
    this.#note('frame');
  }
  sync(done: () => void): void {
    done();
  }
}

const left: ToolRegion = {
  mappingId: 'left',
  compositorMappingId: 'a',
  x: 0,
  y: 0,
  width: 1280,
  height: 720,
  scale: 1,
};
const right: ToolRegion = {
  mappingId: 'right',
  compositorMappingId: 'b',
  x: 1280,
  y: 100,
  width: 640,
  height: 360,
  scale: 2,
};
const all: readonly InputGrant[] = ['keyboard', 'pointer', 'touch'];

const descriptors = () => readdirSync('/proc/self/fd').length;

/** Settles when all that the tool sent has reached the target. */
const synced = (tool: CompositorInput) => new Promise<void>((resolve) => tool.sync(resolve));

const until = async (emitter: EventEmitter, event: string, condition: () => boolean) => {
  while (!condition()) await once(emitter, event);
};

describe('input relay', () => {
  let target: Recorder;
  let input: ToolInput;
  const tools: CompositorInput[] = [];

  const relay = (grants: readonly InputGrant[] = all) => {
    target = new Recorder();
    input = new ToolInput(target, { grants, regions: [left, right] });
  };
  /** The compositor's own side of the protocol is a client like any tool. */
  const connect = async () => {
    const tool = new CompositorInput(input.connect(), { name: 'tool' });
    tools.push(tool);
    await tool.ready;
    return tool;
  };

  afterEach(() => {
    for (const tool of tools.splice(0)) tool[Symbol.dispose]();
    input[Symbol.dispose]();
  });

  it('delivers a frame at a time', async () => {
    relay();
    const tool = await connect();
    tool.key(30, true);
    tool.frame(1n);
    tool.key(30, false);
    tool.motion(3, -4);
    tool.button(0x110, true);
    tool.frame(2n);
    await synced(tool);
    assert.deepEqual(target.calls, [
      'key 30 down',
      'frame',
      'key 30 up',
      'frame',
      'motion 3 -4',
      'button 272 down',
      'frame',
    ]);
  });

  it('scrolls in both manners', async () => {
    relay();
    const tool = await connect();
    tool.scroll(1.5, -2);
    tool.scrollDiscrete(0, -120);
    tool.scrollStop(true, false, false);
    tool.frame(1n);
    await synced(tool);
    assert.deepEqual(target.calls, ['scroll 1.5 -2', 'clicks 0 -120', 'stop true false false', 'frame']);
  });

  it('translates positions by region, into what the compositor counts', async () => {
    relay();
    const tool = await connect();
    assert.deepEqual(
      tool.regions.map(({ mappingId, x, scale }) => [mappingId, x, scale]),
      [
        ['left', 0, 1],
        ['right', 1280, 2],
      ],
    );
    tool.motionAbsolute('right', 10, 20);
    tool.frame(1n);
    await synced(tool);
    target.theirs = { mappingId: 'b', x: 0, y: 0, width: 1280, height: 720, scale: 1 };
    tool.motionAbsolute('right', 10, 20);
    tool.frame(2n);
    await synced(tool);
    assert.deepEqual(target.calls, ['at b 10 20', 'frame', 'at b 20 40', 'frame']);
  });

  it('follows touches and cancels those of a region that goes', async () => {
    relay();
    const tool = await connect();
    const touch = tool.touchDown('left', 5, 6);
    tool.frame(1n);
    tool.touchMotion(touch, 'left', 7, 8);
    tool.frame(2n);
    await synced(tool);
    input.setRegions([left]);
    assert.deepEqual(target.calls, ['down 1 a 5 6', 'frame', 'move 1 a 7 8', 'frame', 'cancel 1', 'frame']);
    await until(tool, 'devices', () => tool.regions.length === 1);
    tool.touchUp(touch);
    tool.frame(3n);
    await synced(tool);
    assert.equal(target.calls.length, 6);
  });

  it('offers what is granted and no more', async () => {
    relay(['keyboard']);
    const tool = await connect();
    assert.deepEqual([...tool.capabilities], ['ei_keyboard']);
    tool.button(0x110, true);
    tool.motion(1, 1);
    tool.key(57, true);
    tool.frame(1n);
    await synced(tool);
    assert.deepEqual(target.calls, ['key 57 down', 'frame']);
  });

  it('keeps keyboard and pointer over ten layouts', async () => {
    relay();
    const tool = await connect();
    for (let i = 1; i <= 10; i++) {
      const width = 1000 + i;
      input.setRegions([{ ...left, width }]);
      await until(tool, 'devices', () => tool.region('left')?.width === width);
      await synced(tool);
      target.calls.length = 0;
      tool.motionAbsolute('left', i, i);
      tool.key(30, i % 2 === 1);
      tool.frame(BigInt(i));
      await synced(tool);
      assert.deepEqual(target.calls, [`at a ${i} ${i}`, 'frame', `key 30 ${i % 2 ? 'down' : 'up'}`, 'frame']);
    }
  });

  it('releases what a tool held when it goes', async () => {
    relay();
    const tool = await connect();
    tool.key(29, true);
    tool.button(0x111, true);
    tool.touchDown('left', 1, 1);
    tool.frame(1n);
    await synced(tool);
    target.calls.length = 0;
    const gone = new Promise<void>((resolve) => {
      target.frame = () => {
        if (target.calls.length === 3) resolve();
      };
    });
    tool[Symbol.dispose]();
    await gone;
    assert.deepEqual(target.calls.toSorted(), ['button 273 up', 'cancel 1', 'key 29 up']);
  });

  it('releases what was held with a revoked grant and takes its devices away', async () => {
    relay();
    const tool = await connect();
    tool.key(29, true);
    tool.frame(1n);
    await synced(tool);
    input.revoke('keyboard');
    assert.deepEqual(target.calls, ['key 29 down', 'frame', 'key 29 up', 'frame']);
    tool.key(30, true);
    tool.motion(1, 0);
    tool.frame(2n);
    await synced(tool);
    assert.deepEqual(target.calls.slice(4), ['motion 1 0', 'frame']);
    assert.deepEqual(input.grants, ['pointer', 'touch']);
  });

  it('tells its clients when it is disposed', async () => {
    relay();
    const tool = await connect();
    const closed = once(tool, 'closed');
    input[Symbol.dispose]();
    await closed;
    assert.throws(() => input.connect(), { name: 'SessionFailed' });
  });

  it('limits the connections of a tool', () => {
    relay();
    const fds = Array.from({ length: 16 }, () => input.connect());
    assert.throws(() => input.connect(), { name: 'Busy' });
    for (const fd of fds) closeSync(fd);
  });

  it('counts keys over several tools', async () => {
    relay();
    const compositor = await connect();
    const second = new ToolInput(compositor, { grants: ['keyboard'], regions: [] });
    const [one, two] = [new CompositorInput(second.connect()), new CompositorInput(second.connect())];
    tools.push(one, two);
    await Promise.all([one.ready, two.ready]);
    for (const [tool, pressed] of [
      [one, true],
      [two, true],
      [one, false],
      [two, false],
    ] as const) {
      tool.key(42, pressed);
      tool.frame(1n);
      await synced(tool);
    }
    second[Symbol.dispose]();
    assert.deepEqual(target.calls, ['key 42 down', 'frame', 'key 42 up', 'frame']);
  });

  it('forwards modifiers', async () => {
    relay();
    const tool = await connect();
    target.modifiers = { depressed: 1, latched: 2, locked: 4, group: 1 };
    target.emit('modifiers', target.modifiers);
    await until(tool, 'modifiers', () => tool.modifiers.group === 1);
    assert.deepEqual(tool.modifiers, target.modifiers);
  });

  it('holds the newest position back until its region returns, and everything after it', async () => {
    relay();
    const tool = await connect();
    input.setRegions([]);
    await until(tool, 'devices', () => tool.regions.length === 0);
    tool.motionAbsolute('left', 1, 1);
    tool.motionAbsolute('left', 2, 2);
    tool.button(0x110, true);
    tool.frame(5n);
    await synced(tool);
    assert.deepEqual(target.calls, []);
    input.setRegions([left]);
    await until(tool, 'devices', () => tool.regions.length === 1);
    await synced(tool);
    assert.deepEqual(target.calls, ['at a 2 2', 'frame', 'button 272 down', 'frame']);
  });

  it('tells when all of a layout is there to point at', async () => {
    relay();
    const tool = await connect();
    await tool.placed(['left', 'right'], 60_000);
    input.setRegions([left]);
    await until(tool, 'devices', () => tool.regions.length === 1);
    let told = false;
    const placed = tool.placed(['left', 'right'], 60_000).then(() => {
      told = true;
    });
    await synced(tool);
    assert.equal(told, false);
    input.setRegions([left, right]);
    await placed;
    assert.deepEqual(
      tool.regions.map(({ mappingId }) => mappingId),
      ['left', 'right'],
    );
    await tool.placed(['nowhere'], 1);
    const never = tool.placed(['nowhere'], 60_000);
    input[Symbol.dispose]();
    await never;
  });

  it('points again when the device went right after', async () => {
    relay();
    const tool = await connect();
    tool.motionAbsolute('left', 9, 9);
    tool.frame(5n);
    input.setRegions([left]);
    await synced(tool);
    await until(tool, 'devices', () => tool.regions.length === 1);
    await synced(tool);
    assert.deepEqual(target.calls, ['at a 9 9', 'frame']);
  });

  describe('against a hostile tool', () => {
    const u32 = (...values: number[]) => {
      const bytes = Buffer.alloc(4 * values.length);
      values.forEach((value, i) => {
        bytes.writeUInt32LE(value >>> 0, 4 * i);
      });
      return bytes;
    };
    const message = (id: bigint, opcode: number, body: Buffer = Buffer.alloc(0)) => {
      const head = Buffer.alloc(8);
      head.writeBigUInt64LE(id);
      return Buffer.concat([head, u32(16 + body.length, opcode), body]);
    };
    const text = (value: string) => {
      const bytes = Buffer.alloc((value.length + 4) & ~3);
      bytes.write(value);
      return Buffer.concat([u32(value.length + 1), bytes]);
    };
    const handshake = (context = 2) =>
      Buffer.concat([
        message(0n, 0, u32(1)),
        message(0n, 2, u32(context)),
        ...['ei_connection', 'ei_callback', 'ei_seat', 'ei_device', 'ei_pointer', 'ei_keyboard'].map((name) =>
          message(0n, 4, Buffer.concat([text(name), u32(1)])),
        ),
        message(0n, 1),
      ]);
    const server = 0xff00_0000_0000_0000n;
    /** Ids as handed out: connection, seat, keyboard and its interface, pointer and its interface. */
    const bind = message(server + 1n, 1, Buffer.concat([u32(1 | 16, 0)]));

    const closed = (socket: Socket) =>
      new Promise<void>((resolve) => {
        socket.on('error', () => undefined);
        socket.on('close', () => resolve());
      });

    /** Sends the bytes and waits until the server hangs up. */
    const hangsUp = async (...parts: Buffer[]) => {
      const socket = new Socket({ fd: input.connect() });
      const hungUp = closed(socket);
      socket.resume();
      socket.write(Buffer.concat(parts));
      await hungUp;
    };

    const cases: [name: string, bytes: Buffer[]][] = [
      ['zeros', [Buffer.alloc(64)]],
      ['an unknown object and no length', [message(5n, 0).fill(0, 8)]],
      ['a huge length', [Buffer.concat([Buffer.alloc(8), u32(0xffff_ffff, 0)])]],
      ['a request before the handshake', [message(9n, 0)]],
      ['a handshake without interfaces', [message(0n, 0, u32(1)), message(0n, 1)]],
      ['an unknown opcode', [message(0n, 77)]],
      ['a message without its arguments', [message(0n, 0)]],
      ['a string longer than its message', [message(0n, 3, u32(4000))]],
      ['a receiver', [handshake(1)]],
      ['input without start_emulating', [handshake(), bind, message(server + 3n, 1, u32(30, 1))]],
      ['starting twice', [handshake(), bind, message(server + 2n, 1, u32(0, 1)), message(server + 2n, 1, u32(0, 2))]],
      [
        'a frame without end',
        [
          handshake(),
          bind,
          message(server + 2n, 1, u32(0, 1)),
          ...Array.from({ length: 129 }, () => message(server + 3n, 1, u32(30, 1))),
        ],
      ],
      ['a sync with an id of ours', [handshake(), message(server, 0, Buffer.alloc(12, 255))]],
    ];
    for (const [name, bytes] of cases) {
      it(`ends the connection after ${name}`, async () => {
        relay();
        await hangsUp(...bytes);
        assert.deepEqual(target.calls, []);
        const tool = await connect();
        tool.key(1, true);
        tool.frame(1n);
        await synced(tool);
        assert.deepEqual(target.calls, ['key 1 down', 'frame']);
      });
    }

    it('ends the connection of a tool that does not read', async () => {
      relay();
      const before = descriptors();
      const fd = input.connect();
      const socket = new Socket({ fd });
      const hungUp = closed(socket);
      socket.pause();
      socket.write(handshake());
      const unknown = Buffer.concat(Array.from({ length: 200 }, () => message(77n, 0)));
      const flood = () => {
        while (!socket.destroyed && socket.write(unknown));
      };
      socket.on('drain', flood);
      flood();
      await hungUp;
      assert.equal(descriptors(), before);
    });

    it('drops values that no hand produces', async () => {
      relay();
      const tool = await connect();
      tool.motion(Number.NaN, 1);
      tool.motion(1e30, 0);
      tool.scrollDiscrete(0x7fff_ffff, 0);
      tool.key(0x110, true);
      tool.key(5000, true);
      tool.button(5, true);
      tool.frame(1n);
      await synced(tool);
      assert.deepEqual(target.calls, ['motion 100000 0', 'clicks 12000 0', 'frame']);
    });

    it('takes no more than sixteen fingers', async () => {
      relay();
      const tool = await connect();
      for (let i = 0; i < 30; i++) tool.touchDown('left', i, i);
      tool.frame(1n);
      await synced(tool);
      assert.equal(target.calls.filter((call) => call.startsWith('down')).length, 16);
    });

    it('is left with nothing after 500 connections', async () => {
      relay();
      const before = descriptors();
      for (let i = 0; i < 500; i++) {
        const tool = new CompositorInput(input.connect());
        await tool.ready;
        tool.key(30, true);
        tool.frame(1n);
        await synced(tool);
        const released = new Promise<void>((resolve) => {
          target.frame = resolve;
        });
        tool[Symbol.dispose]();
        await released;
        target.frame = () => undefined;
      }
      assert.equal(descriptors(), before);
    });
  });
});
