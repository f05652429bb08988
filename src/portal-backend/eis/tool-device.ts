import { type Capability, ProtocolError, request } from '../../ei/protocol.js';
import { regionAt, type ToolRegion } from '../../ei/regions.js';
import type { InputTarget } from './input-target.js';

/** The devices that a tool gets, and what each can do. */
export const kinds = {
  keyboard: ['ei_keyboard'],
  pointer: ['ei_pointer', 'ei_button', 'ei_scroll'],
  absolute: ['ei_pointer_absolute', 'ei_button', 'ei_scroll'],
  touch: ['ei_touchscreen'],
} as const satisfies Record<string, readonly Capability[]>;
export type Kind = keyof typeof kinds;

/** Events of one frame, and fingers of one tool. */
const FRAME_LIMIT = 128;
const TOUCH_LIMIT = 16;
/** Distances beyond are nobody's hand; mutter takes one step for each click of the wheel. */
const FARTHEST = 100_000;
const MOST_CLICKS = 100 * 120;
/** KEY_MAX, BTN_MISC to BTN_GEAR_UP and BTN_MOUSE to BTN_TASK's group in linux/input-event-codes.h. */
const KEY_MAX = 0x2ff;
const isKey = (code: number) => code > 0 && code <= KEY_MAX && (code < 0x100 || code > 0x15f);
const isButton = (code: number) => code >= 0x110 && code <= 0x11f;

const limit = (value: number, most: number) => Math.max(-most, Math.min(most, value));

const KEY = 0;
const BUTTON = 1;
const MOTION = 2;
const POSITION = 3;
const SCROLL = 4;
const CLICKS = 5;
const STOP = 6;
const DOWN = 7;
const MOVE = 8;
const UP = 9;
const CANCEL = 10;
const WIDTH = 4;

/**
 * One device of a tool: collects what the tool sends until its frame and keeps account of what it holds down, so that
 * it can be released when the tool stops, loses the device or dies. Values that no hand can produce are dropped.
 */
export class ToolDevice {
  readonly kind: Kind;
  readonly id: bigint;
  readonly interfaces = new Map<Capability, bigint>();
  readonly #target: InputTarget;
  readonly #regions: readonly ToolRegion[];
  /** WIDTH numbers for each event: what, and its values. */
  readonly #pending: number[] = [];
  readonly #held = new Set<number>();
  /** The tool's touch ids to the target's. */
  readonly #touches = new Map<number, number>();
  emulating = false;

  constructor(kind: Kind, id: bigint, target: InputTarget, regions: readonly ToolRegion[]) {
    this.kind = kind;
    this.id = id;
    this.#target = target;
    this.#regions = regions;
  }

  key(code: number, state: number): void {
    if (isKey(code)) this.#add(KEY, code, state, 0);
  }

  button(code: number, state: number): void {
    if (isButton(code)) this.#add(BUTTON, code, state, 0);
  }

  motion(dx: number, dy: number): void {
    this.#add(MOTION, limit(dx, FARTHEST), limit(dy, FARTHEST), 0);
  }

  position(x: number, y: number): void {
    this.#add(POSITION, x, y, 0);
  }

  scroll(dx: number, dy: number): void {
    this.#add(SCROLL, limit(dx, FARTHEST), limit(dy, FARTHEST), 0);
  }

  scrollDiscrete(dx: number, dy: number): void {
    this.#add(CLICKS, limit(dx, MOST_CLICKS), limit(dy, MOST_CLICKS), 0);
  }

  scrollStop(x: number, y: number, cancel: number): void {
    this.#add(STOP, x, y, cancel);
  }

  touchDown(touch: number, x: number, y: number): void {
    this.#add(DOWN, x, y, touch);
  }

  touchMotion(touch: number, x: number, y: number): void {
    this.#add(MOVE, x, y, touch);
  }

  /** `opcode`: request.touchscreen.up or cancel. */
  touchEnd(touch: number, opcode: number): void {
    this.#add(opcode === request.touchscreen.up ? UP : CANCEL, 0, 0, touch);
  }

  /** Delivers what was collected. */
  frame(time: bigint): void {
    const pending = this.#pending;
    if (pending.length === 0) return;
    for (let i = 0; i < pending.length; i += WIDTH) {
      this.#deliver(pending[i] ?? 0, pending[i + 1] ?? 0, pending[i + 2] ?? 0, pending[i + 3] ?? 0);
    }
    pending.length = 0;
    this.#target.frame(time);
  }

  /** Lets go of everything that is held and forgets the unfinished frame. */
  release(): void {
    this.#pending.length = 0;
    this.emulating = false;
    if (this.#held.size === 0 && this.#touches.size === 0) return;
    for (const code of this.#held) {
      if (this.kind === 'keyboard') this.#target.key(code, false);
      else this.#target.button(code, false);
    }
    for (const touch of this.#touches.values()) this.#target.touchCancel(touch);
    this.#held.clear();
    this.#touches.clear();
    this.#target.frame(process.hrtime.bigint() / 1000n);
  }

  #add(what: number, a: number, b: number, c: number): void {
    if (!this.emulating) throw new ProtocolError('input from a device that is not emulating');
    if (!Number.isFinite(a) || !Number.isFinite(b)) return;
    if (this.#pending.length >= FRAME_LIMIT * WIDTH) throw new ProtocolError('too many events in one frame');
    this.#pending.push(what, a, b, c);
  }

  #deliver(what: number, a: number, b: number, c: number): void {
    const target = this.#target;
    switch (what) {
      case KEY:
        if (this.#changes(a, b !== 0)) target.key(a, b !== 0);
        return;
      case BUTTON:
        if (this.#changes(a, b !== 0)) target.button(a, b !== 0);
        return;
      case MOTION:
        target.motion(a, b);
        return;
      case SCROLL:
        target.scroll(a, b);
        return;
      case CLICKS:
        target.scrollDiscrete(a, b);
        return;
      case STOP:
        target.scrollStop(a !== 0, b !== 0, c !== 0);
        return;
      case UP:
      case CANCEL:
        this.#touchEnd(what, c);
        return;
      default:
        this.#place(what, a, b, c);
        return;
    }
  }

  /** A press of what is down already, and a release of what is not, are nothing. */
  #changes(code: number, pressed: boolean): boolean {
    if (!pressed) return this.#held.delete(code);
    if (this.#held.has(code)) return false;
    this.#held.add(code);
    return true;
  }

  #touchEnd(what: number, touch: number): void {
    const held = this.#touches.get(touch);
    if (held === undefined) return;
    this.#touches.delete(touch);
    if (what === UP) this.#target.touchUp(held);
    else this.#target.touchCancel(held);
  }

  /** Points outside of all regions are nowhere. A compositor that counts other pixels than we gets its own. */
  #place(what: number, x: number, y: number, touch: number): void {
    const region = regionAt(this.#regions, x, y);
    if (region === undefined) return;
    const { compositorMappingId } = region;
    const theirs = this.#target.region(compositorMappingId) ?? region;
    const atX = ((x - region.x) * theirs.width) / region.width;
    const atY = ((y - region.y) * theirs.height) / region.height;
    const held = this.#touches.get(touch);
    if (what === POSITION) this.#target.motionAbsolute(compositorMappingId, atX, atY);
    else if (what === MOVE && held !== undefined) this.#target.touchMotion(held, compositorMappingId, atX, atY);
    else if (what === DOWN && held === undefined && this.#touches.size < TOUCH_LIMIT) {
      this.#touches.set(touch, this.#target.touchDown(compositorMappingId, atX, atY));
    }
  }
}
