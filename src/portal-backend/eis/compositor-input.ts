import { EventEmitter } from 'node:events';
import { type Capability, request } from '../../ei/protocol.js';
import { clampInto, type Region } from '../../ei/regions.js';
import { type Modifiers, Sender } from '../../ei/sender.js';
import type { SenderDevice } from '../../ei/sender-device.js';
import { SessionFailed } from '../../errors.js';
import { Held } from './held.js';
import type { InputTarget, InputTargetEvents } from './input-target.js';
import { Keymap } from './keymap.js';

/**
 * For how long pointer and touch input waits for absolute devices to come back. The compositor replaces them at every
 * layout change, within some 10 to 80 ms.
 */
const PATIENCE = 300;
const WAITING_LIMIT = 128;
/** mutter has 64 slots and goes astray with more. */
const TOUCH_LIMIT = 32;

/** What works on devices that every layout change replaces. */
const PLACED: readonly Capability[] = ['ei_pointer_absolute', 'ei_touchscreen'];

type Waiting = {
  /** False: there is still no device for it. */
  run(): boolean;
  /** A position replaces the position before it; a release is the one thing that is done even after PATIENCE. */
  kind: 'position' | 'release' | 'other';
};

export type CompositorInputOptions = {
  /** How the compositor calls this client in its device names. */
  name?: string;
  /** Milliseconds until `ready` fails. */
  deadline?: number;
};

/**
 * Input for the compositor, over its EIS connection, as its one sender: all tools of the session share it.
 *
 * Buttons and scrolling go through the relative pointer, which stays over layout changes. Absolute positions and
 * touches need devices that every layout change replaces. While the region they aim at is missing, they and all
 * pointer input after them wait, in order, the newest position replacing older ones; after 300 ms (or 128 events)
 * what waits is dropped, except releases. A position sent up to 300 ms before its device went is sent again to the new
 * one, as the compositor may have dropped it. Touches that are down when their device goes are over.
 */
export class CompositorInput extends EventEmitter<InputTargetEvents> implements InputTarget, Disposable {
  /** Settles when the devices of the beginning are there; fails with SessionFailed. */
  readonly ready: Promise<void>;
  readonly #settle: (failure?: string) => void;
  readonly #connection: Sender;
  #keymap: Keymap | undefined;
  #devices: SenderDevice[] = [];
  #dirty: SenderDevice[] = [];
  #modifiers: Modifiers = { depressed: 0, latched: 0, locked: 0, group: 0 };
  readonly #keys = new Held();
  readonly #buttons = new Held();
  readonly #touches = new Map<number, SenderDevice>();
  #nextTouch = 1;
  readonly #waiting: Waiting[] = [];
  /** The newest absolute position, while nothing has moved the pointer since. */
  #pointed: { run: () => boolean; at: number } | undefined;
  #patience: NodeJS.Timeout | undefined;
  #time = 0n;
  #closed = false;

  /** Owns `fd`, one end of an EIS connection of the compositor. */
  constructor(fd: number, { name = 'remote-access', deadline = 5000 }: CompositorInputOptions = {}) {
    super();
    this.setMaxListeners(0);
    let settle: (failure?: string) => void = () => undefined;
    this.ready = new Promise((resolve, reject) => {
      const timer = setTimeout(() => settle('the compositor did not offer its input devices'), deadline);
      settle = (failure) => {
        clearTimeout(timer);
        if (failure === undefined) resolve();
        else reject(new SessionFailed(failure));
      };
    });
    this.ready.catch(() => undefined);
    this.#settle = settle;
    this.#connection = new Sender(fd, name, {
      added: (device) => this.#added(device),
      removed: (device) => this.#removed(device),
      settled: () => settle(),
      keymap: (fd, size) => {
        const keymap = Keymap.take(fd, size);
        this.#keymap?.[Symbol.dispose]();
        this.#keymap = keymap;
      },
      modifiers: (modifiers) => {
        this.#modifiers = modifiers;
        this.emit('modifiers', modifiers);
      },
      blocked: (blocked) => this.emit('blocked', blocked),
      closed: () => this.#close(),
    });
  }

  get keymap(): Keymap | undefined {
    return this.#keymap;
  }

  get modifiers(): Modifiers {
    return this.#modifiers;
  }

  get capabilities(): ReadonlySet<Capability> {
    return this.#connection.capabilities;
  }

  get blocked(): boolean {
    return this.#connection.socket.blocked;
  }

  get closed(): boolean {
    return this.#closed;
  }

  /** The regions of the absolute pointer, as the compositor has them now. */
  get regions(): readonly Region[] {
    return this.#devices.flatMap((device) => (device.has('ei_pointer_absolute') ? device.regions : []));
  }

  region(mappingId: string): Region | undefined {
    for (const device of this.#devices) {
      const region = device.region(mappingId);
      if (region !== undefined && device.usable) return region;
    }
    return undefined;
  }

  /**
   * Resolves when pointer and touch have regions with all these mapping ids, but after `deadline` milliseconds at the
   * latest.
   */
  async placed(mappingIds: readonly string[], deadline: number): Promise<void> {
    const has = (capability: Capability, id: string) =>
      this.#devices.some((device) => device.has(capability) && device.region(id) !== undefined);
    const there = () =>
      this.#closed ||
      PLACED.filter((capability) => this.capabilities.has(capability)).every((capability) =>
        mappingIds.every((id) => has(capability, id)),
      );
    if (there()) return;
    await new Promise<void>((resolve) => {
      const settle = () => {
        clearTimeout(late);
        this.off('devices', check).off('closed', check);
        resolve();
      };
      const check = () => {
        if (there()) settle();
      };
      const late = setTimeout(settle, deadline);
      this.on('devices', check).on('closed', check);
    });
  }

  key(code: number, pressed: boolean): void {
    if (!this.#keys.change(code, pressed)) return;
    const object = this.#use('ei_keyboard');
    if (object !== undefined) this.#connection.socket.begin(object, request.keyboard.key).u32(code).u32(+pressed).end();
  }

  button(code: number, pressed: boolean): void {
    this.#inOrder(pressed ? 'other' : 'release', () => {
      if (!this.#buttons.change(code, pressed)) return;
      const object = this.#use('ei_button');
      if (object !== undefined)
        this.#connection.socket.begin(object, request.button.button).u32(code).u32(+pressed).end();
    });
  }

  motion(dx: number, dy: number): void {
    this.#pointed = undefined;
    this.#inOrder('other', () => {
      const object = this.#use('ei_pointer');
      if (object !== undefined) this.#connection.socket.begin(object, request.pointer.motion).f32(dx).f32(dy).end();
    });
  }

  motionAbsolute(mappingId: string, x: number, y: number): void {
    const run = () => this.#position(mappingId, x, y);
    this.#pointed = { run, at: performance.now() };
    if (this.#waiting.length > 0 || !run()) this.#wait({ kind: 'position', run });
  }

  scroll(dx: number, dy: number): void {
    this.#inOrder('other', () => {
      const object = this.#use('ei_scroll');
      if (object !== undefined) this.#connection.socket.begin(object, request.scroll.delta).f32(dx).f32(dy).end();
    });
  }

  scrollDiscrete(dx: number, dy: number): void {
    this.#inOrder('other', () => {
      const object = this.#use('ei_scroll');
      if (object !== undefined) this.#connection.socket.begin(object, request.scroll.discrete).i32(dx).i32(dy).end();
    });
  }

  scrollStop(x: boolean, y: boolean, cancel: boolean): void {
    this.#inOrder('other', () => {
      const object = this.#use('ei_scroll');
      if (object === undefined) return;
      this.#connection.socket.begin(object, request.scroll.stop).u32(+x).u32(+y).u32(+cancel).end();
    });
  }

  touchDown(mappingId: string, x: number, y: number): number {
    const touch = this.#nextTouch++;
    const run = () => this.#touchDown(touch, mappingId, x, y);
    if (this.#waiting.length > 0 || !run()) this.#wait({ kind: 'other', run });
    return touch;
  }

  touchMotion(touch: number, mappingId: string, x: number, y: number): void {
    this.#inOrder('other', () => {
      const device = this.#touches.get(touch);
      const region = device?.region(mappingId);
      const object = device?.object('ei_touchscreen');
      if (device === undefined || region === undefined || object === undefined) return;
      this.#mark(device);
      this.#at(object, request.touchscreen.motion, region, x, y, touch);
    });
  }

  touchUp(touch: number): void {
    this.#inOrder('release', () => this.#touchEnd(touch, request.touchscreen.up));
  }

  touchCancel(touch: number): void {
    this.#inOrder('release', () => this.#touchEnd(touch, request.touchscreen.cancel));
  }

  frame(time: bigint): void {
    this.#time = time;
    if (this.#dirty.length === 0) return;
    const { socket, serial } = this.#connection;
    for (const device of this.#dirty) {
      device.dirty = false;
      if (device.usable) socket.begin(device.id, request.device.frame).u32(serial).u64(time).end();
    }
    this.#dirty.length = 0;
    socket.flush();
  }

  sync(done: () => void): void {
    this.#connection.sync(done);
  }

  /** The compositor releases whatever is still held. */
  [Symbol.dispose](): void {
    if (this.#closed) return;
    this.#connection[Symbol.dispose]();
    this.#close();
  }

  #close(): void {
    this.#closed = true;
    this.#settle('the compositor closed its input');
    clearTimeout(this.#patience);
    this.#waiting.length = 0;
    this.#devices = [];
    this.#dirty.length = 0;
    this.#touches.clear();
    this.#keymap?.[Symbol.dispose]();
    this.#keymap = undefined;
    this.emit('closed');
  }

  #added(device: SenderDevice): void {
    this.#devices = [...this.#devices.filter((other) => other !== device), device];
    this.#runWaiting();
    this.emit('devices');
  }

  /** The compositor released what was held on it. */
  #removed(device: SenderDevice): void {
    this.#devices = this.#devices.filter((other) => other !== device);
    this.#dirty = this.#dirty.filter((other) => other !== device);
    if (device.interfaces.has('ei_keyboard')) this.#keys.clear();
    if (device.interfaces.has('ei_pointer')) this.#buttons.clear();
    for (const [touch, other] of this.#touches) if (other === device) this.#touches.delete(touch);
    if (device.interfaces.has('ei_pointer_absolute')) this.#pointAgain();
    this.emit('devices');
  }

  /** What was sent lately may have met a device that the compositor had removed already: it waits for the new one. */
  #pointAgain(): void {
    const pointed = this.#pointed;
    if (pointed === undefined || performance.now() - pointed.at > PATIENCE || this.#waiting.length > 0) return;
    this.#wait({ kind: 'position', run: pointed.run });
  }

  /** The object of the device for that capability, whose frame is then due. The relative pointer comes first. */
  #use(capability: Capability): bigint | undefined {
    let found: SenderDevice | undefined;
    for (const device of this.#devices) {
      if (device.has(capability) && (found === undefined || device.interfaces.has('ei_pointer'))) found = device;
    }
    if (found === undefined) return undefined;
    this.#mark(found);
    return found.object(capability);
  }

  #mark(device: SenderDevice): void {
    if (device.dirty) return;
    device.dirty = true;
    this.#dirty.push(device);
  }

  #position(mappingId: string, x: number, y: number): boolean {
    for (const device of this.#devices) {
      const object = device.object('ei_pointer_absolute');
      const region = device.region(mappingId);
      if (object === undefined || region === undefined) continue;
      this.#mark(device);
      this.#at(object, request.absolute.motion, region, x, y);
      return true;
    }
    return false;
  }

  #touchDown(touch: number, mappingId: string, x: number, y: number): boolean {
    for (const device of this.#devices) {
      const object = device.object('ei_touchscreen');
      const region = device.region(mappingId);
      if (object === undefined || region === undefined) continue;
      if (this.#touches.size < TOUCH_LIMIT) {
        this.#touches.set(touch, device);
        this.#mark(device);
        this.#at(object, request.touchscreen.down, region, x, y, touch);
      }
      return true;
    }
    return false;
  }

  #touchEnd(touch: number, opcode: number): void {
    const device = this.#touches.get(touch);
    const object = device?.object('ei_touchscreen');
    this.#touches.delete(touch);
    if (device === undefined || object === undefined) return;
    this.#mark(device);
    this.#connection.socket.begin(object, opcode).u32(touch).end();
  }

  /** Never outside of the region: mutter forgets such a touch and then dies of its end. */
  #at(object: bigint, opcode: number, region: Region, x: number, y: number, touch?: number): void {
    const message = this.#connection.socket.begin(object, opcode);
    if (touch !== undefined) message.u32(touch);
    message.f32(clampInto(region.x + x, region.x, region.width));
    message.f32(clampInto(region.y + y, region.y, region.height)).end();
  }

  /** Now, unless something before it waits. */
  #inOrder(kind: Waiting['kind'], action: () => void): void {
    if (this.#waiting.length === 0) {
      action();
      return;
    }
    this.#wait({
      kind,
      run: () => {
        action();
        return true;
      },
    });
  }

  #wait(entry: Waiting): void {
    if (this.#closed) return;
    const last = this.#waiting.at(-1);
    if (entry.kind === 'position' && last?.kind === 'position') this.#waiting.pop();
    this.#waiting.push(entry);
    if (this.#waiting.length > WAITING_LIMIT) {
      this.#giveUp();
      return;
    }
    this.#patience ??= setTimeout(() => this.#giveUp(), PATIENCE);
  }

  #runWaiting(): void {
    if (this.#waiting.length === 0) return;
    for (let next = this.#waiting[0]; next?.run() === true; next = this.#waiting[0]) this.#waiting.shift();
    if (this.#waiting.length === 0) this.#stopWaiting();
    this.frame(this.#time);
  }

  #giveUp(): void {
    const releases = this.#waiting.splice(0).filter((entry) => entry.kind === 'release');
    this.#stopWaiting();
    for (const entry of releases) entry.run();
    this.frame(this.#time);
  }

  #stopWaiting(): void {
    clearTimeout(this.#patience);
    this.#patience = undefined;
  }
}
