import type { EventEmitter } from 'node:events';
import type { Capability } from '../../ei/protocol.js';
import type { Region } from '../../ei/regions.js';
import type { Modifiers } from '../../ei/sender.js';
import type { Keymap } from './keymap.js';

export type InputTargetEvents = {
  /** Devices came or went: keymap, capabilities or regions may have changed. */
  devices: [];
  modifiers: [Modifiers];
  /** True: hold further input back, the compositor does not keep up; false: go on. */
  blocked: [boolean];
  /** No more input can be sent. */
  closed: [];
};

/**
 * Where the input of all tools of a session goes. Codes are those of linux/input-event-codes.h, positions and
 * distances logical pixels. Nothing is delivered before the next frame().
 */
export interface InputTarget extends EventEmitter<InputTargetEvents> {
  /** Owned by the target; replaced with a `devices` event. */
  readonly keymap: Keymap | undefined;
  readonly modifiers: Modifiers;
  readonly capabilities: ReadonlySet<Capability>;
  readonly blocked: boolean;
  readonly closed: boolean;
  /** The compositor's region of that mapping id, if it has one now. */
  region(mappingId: string): Region | undefined;

  /** Presses are counted for each code: the key goes up when the last of those who hold it lets go. */
  key(code: number, pressed: boolean): void;
  /** Counted like keys. */
  button(code: number, pressed: boolean): void;
  motion(dx: number, dy: number): void;
  /** x and y within that region. */
  motionAbsolute(mappingId: string, x: number, y: number): void;
  scroll(dx: number, dy: number): void;
  /** In 1/120 of a wheel's click. */
  scrollDiscrete(dx: number, dy: number): void;
  scrollStop(x: boolean, y: boolean, cancel: boolean): void;
  /** A new contact; the number names it in the calls below. */
  touchDown(mappingId: string, x: number, y: number): number;
  touchMotion(touch: number, mappingId: string, x: number, y: number): void;
  touchUp(touch: number): void;
  touchCancel(touch: number): void;
  /** Ends a group of events that belong together; `time` in microseconds of CLOCK_MONOTONIC. */
  frame(time: bigint): void;
  /** Calls back when the compositor has taken in everything sent so far. Never, if it closes before. */
  sync(done: () => void): void;
}
