/**
 * The EI protocol: opcodes and interface versions as libei 1.3.901 speaks them (the message tables in libei.so.1).
 * A message is: object u64, length u32 (header included), opcode u32, arguments; little-endian. Strings are a u32
 * length that counts a closing NUL (0 = no string) and bytes padded to four; descriptors travel as SCM_RIGHTS.
 * Objects made by the server have ids from SERVER_IDS up; the handshake is object 0.
 */
export const SERVER_IDS = 0xff00_0000_0000_0000n;
export const HANDSHAKE = 0n;

/** The newest version of each interface that both our sides speak; version 2 of ei_touchscreen adds `cancel`. */
export const versions = {
  ei_connection: 1,
  ei_callback: 1,
  ei_pingpong: 1,
  ei_seat: 1,
  ei_device: 2,
  ei_pointer: 1,
  ei_pointer_absolute: 1,
  ei_scroll: 1,
  ei_button: 1,
  ei_keyboard: 1,
  ei_touchscreen: 2,
} as const;
export type InterfaceName = keyof typeof versions;

/** What a device can do: the interfaces that hang below ei_device. */
export const capabilities = [
  'ei_pointer',
  'ei_pointer_absolute',
  'ei_scroll',
  'ei_button',
  'ei_keyboard',
  'ei_touchscreen',
] as const;
export type Capability = (typeof capabilities)[number];
export const isCapability = (name: string): name is Capability => (capabilities as readonly string[]).includes(name);

/** Client to server. Every object but handshake, connection and pingpong also has `release` (0). */
export const request = {
  release: 0,
  handshake: { version: 0, finish: 1, contextType: 2, name: 3, interfaceVersion: 4 },
  connection: { sync: 0, disconnect: 1 },
  pingpong: { done: 0 },
  seat: { bind: 1 },
  device: { startEmulating: 1, stopEmulating: 2, frame: 3 },
  pointer: { motion: 1 },
  absolute: { motion: 1 },
  scroll: { delta: 1, discrete: 2, stop: 3 },
  button: { button: 1 },
  keyboard: { key: 1 },
  touchscreen: { down: 1, motion: 2, up: 3, cancel: 4 },
} as const;

/** Server to client. Every object but handshake, connection and callback also has `destroyed` (0). */
export const event = {
  destroyed: 0,
  handshake: { version: 0, interfaceVersion: 1, connection: 2 },
  connection: { disconnected: 0, seat: 1, invalidObject: 2, ping: 3 },
  callback: { done: 0 },
  seat: { name: 1, capability: 2, done: 3, device: 4 },
  device: { name: 1, type: 2, region: 4, interface: 5, done: 6, resumed: 7, paused: 8, regionMappingId: 12 },
  keyboard: { keymap: 1, modifiers: 3 },
} as const;

export const contextType = { receiver: 1, sender: 2 } as const;
export const disconnectReason = { disconnected: 0, error: 1, mode: 2, protocol: 3, value: 4, transport: 5 } as const;
export const VIRTUAL_DEVICE = 1;
export const XKB_KEYMAP = 1;

/** The peer broke the protocol. Ends its connection; never reaches a caller. */
export class ProtocolError extends Error {
  readonly reason: number;

  constructor(message: string, reason: number = disconnectReason.protocol) {
    super(message);
    this.reason = reason;
  }
}
