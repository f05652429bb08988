import type { Message } from '../../ei/message.js';
import {
  type Capability,
  capabilities,
  contextType,
  disconnectReason,
  event,
  HANDSHAKE,
  type InterfaceName,
  ProtocolError,
  request,
  SERVER_IDS,
  VIRTUAL_DEVICE,
  versions,
  XKB_KEYMAP,
} from '../../ei/protocol.js';
import type { ToolRegion } from '../../ei/regions.js';
import { EiSocket } from '../../ei/socket.js';
import type { InputTarget } from './input-target.js';
import { type Kind, kinds, ToolDevice } from './tool-device.js';

/** A tool that leaves this much unread is gone. */
const UNREAD_LIMIT = 1 << 16;
const SYNC_LIMIT = 64;

/** What all clients of one tool share. */
export type ToolRights = {
  readonly target: InputTarget;
  /** The capabilities that the tool may use now. */
  readonly allowed: ReadonlySet<Capability>;
  readonly regions: readonly ToolRegion[];
};

type Entity = { interface: InterfaceName; device?: ToolDevice };

/**
 * One connection of a tool: the server's side of the EI protocol. Everything that arrives may be hostile; whatever
 * breaks the protocol ends the connection, and what the tool held down is released.
 */
export class ToolClient implements Disposable {
  readonly #socket: EiSocket;
  readonly #rights: ToolRights;
  readonly #closed: () => void;
  readonly #announced = new Map<InterfaceName, number>();
  readonly #objects = new Map<bigint, Entity>([[HANDSHAKE, { interface: 'ei_connection' }]]);
  readonly #devices = new Map<Kind, ToolDevice>();
  /** Devices that the tool gave back; until it binds anew. */
  readonly #unwanted = new Set<Kind>();
  readonly #bound = new Set<Capability>();
  #handshaken = false;
  #isSender = false;
  #connection: bigint | undefined;
  #seat: bigint | undefined;
  #nextId = SERVER_IDS;
  #serial = 0;
  #lastSerial = 0;
  #syncs = 0;
  #ended = false;

  /** Owns `fd`; calls `closed` once when the tool is gone. */
  constructor(fd: number, rights: ToolRights, closed: () => void) {
    this.#rights = rights;
    this.#closed = closed;
    this.#socket = new EiSocket(
      fd,
      {
        message: (message) => this.#message(message),
        failed: (error) => this.#end(error?.reason ?? disconnectReason.transport, error?.message),
        blocked: () => undefined,
      },
      UNREAD_LIMIT,
    );
    this.#socket.begin(HANDSHAKE, event.handshake.version).u32(1).end();
    this.#socket.flush();
  }

  set paused(paused: boolean) {
    this.#socket.paused = paused;
  }

  /** Adds and removes devices to match what the tool bound and may use; `renew` replaces these kinds. */
  update(renew: readonly Kind[] = []): void {
    if (this.#seat === undefined) return;
    for (const kind of Object.keys(kinds) as Kind[]) {
      const device = this.#devices.get(kind);
      const wanted = this.#unwanted.has(kind) ? [] : this.#wanted(kind);
      if (device !== undefined) {
        const same = wanted.length === device.interfaces.size && wanted.every((name) => device.interfaces.has(name));
        if (same && !renew.includes(kind)) continue;
        this.#remove(device);
      }
      if (wanted.length > 0) this.#add(kind, wanted);
    }
    this.#socket.flush();
  }

  sendModifiers(): void {
    const keyboard = this.#devices.get('keyboard');
    if (keyboard === undefined) return;
    this.#modifiers(keyboard);
    this.#socket.flush();
  }

  [Symbol.dispose](): void {
    this.#end(disconnectReason.disconnected);
  }

  #end(reason: number, explanation?: string): void {
    if (this.#ended) return;
    this.#ended = true;
    for (const device of this.#devices.values()) device.release();
    this.#devices.clear();
    this.#objects.clear();
    if (this.#connection !== undefined) {
      this.#socket.begin(this.#connection, event.connection.disconnected);
      this.#socket.u32(this.#lastSerial).u32(reason).string(explanation).end();
      this.#connection = undefined;
      this.#socket.flush();
    }
    this.#socket[Symbol.dispose]();
    this.#closed();
  }

  #newObject(entity: Entity): bigint {
    const id = this.#nextId++;
    this.#objects.set(id, entity);
    return id;
  }

  #message(message: Message): void {
    if (this.#socket.unclaimed > 0) throw new ProtocolError('unexpected descriptor');
    const entity = this.#objects.get(message.id);
    if (entity === undefined) {
      this.#invalidObject(message.id);
      return;
    }
    if (message.id === HANDSHAKE) {
      this.#handshake(message);
      return;
    }
    const { device } = entity;
    if (entity.interface === 'ei_connection') {
      this.#connectionRequest(message);
      return;
    }
    if (entity.interface === 'ei_seat') {
      this.#seatRequest(message);
      return;
    }
    if (device === undefined) return;
    if (entity.interface === 'ei_device') {
      this.#deviceRequest(message, device);
      return;
    }
    if (message.opcode === request.release) {
      this.#releaseInterface(message.id, entity.interface, device);
      return;
    }
    this.#input(message, entity.interface, device);
  }

  /** Usual while a device is being replaced: the tool has not heard of it yet. */
  #invalidObject(id: bigint): void {
    if (this.#connection === undefined) throw new ProtocolError('request before the handshake');
    this.#socket.begin(this.#connection, event.connection.invalidObject).u32(this.#lastSerial).u64(id).end();
    this.#socket.flush();
  }

  #handshake(message: Message): void {
    switch (message.opcode) {
      case request.handshake.version:
        this.#handshaken = message.u32() === 1;
        return;
      case request.handshake.contextType:
        this.#isSender = message.u32() === contextType.sender;
        return;
      case request.handshake.name:
        message.string();
        return;
      case request.handshake.interfaceVersion: {
        const name = message.string();
        if (Object.hasOwn(versions, name)) {
          const known = name as InterfaceName;
          this.#announced.set(known, Math.min(message.u32(), versions[known]));
        }
        return;
      }
      case request.handshake.finish:
        this.#finish();
        return;
      default:
        throw new ProtocolError(`handshake request ${message.opcode}`);
    }
  }

  #finish(): void {
    const required = ['ei_connection', 'ei_callback', 'ei_seat', 'ei_device'] as const;
    if (!this.#handshaken || !required.every((name) => (this.#announced.get(name) ?? 0) > 0)) {
      throw new ProtocolError('handshake without the required interfaces');
    }
    for (const [name, version] of this.#announced) {
      this.#socket.begin(HANDSHAKE, event.handshake.interfaceVersion).string(name).u32(version).end();
    }
    this.#objects.delete(HANDSHAKE);
    this.#connection = this.#newObject({ interface: 'ei_connection' });
    this.#socket.begin(HANDSHAKE, event.handshake.connection);
    this.#socket
      .u32(++this.#serial)
      .u64(this.#connection)
      .u32(versions.ei_connection)
      .end();
    if (!this.#isSender) throw new ProtocolError('only senders are served', disconnectReason.mode);
    const seat = this.#newObject({ interface: 'ei_seat' });
    this.#seat = seat;
    this.#socket.begin(this.#connection, event.connection.seat).u64(seat).u32(versions.ei_seat).end();
    this.#socket.begin(seat, event.seat.name).string('remote-access').end();
    for (const name of capabilities) {
      if (!this.#rights.allowed.has(name) || (this.#announced.get(name) ?? 0) === 0) continue;
      this.#socket.begin(seat, event.seat.capability).u64(maskOf(name)).string(name).end();
    }
    this.#socket.begin(seat, event.seat.done).end();
    this.#socket.flush();
  }

  #connectionRequest(message: Message): void {
    switch (message.opcode) {
      case request.connection.sync:
        this.#sync(message.u64());
        return;
      case request.connection.disconnect:
        this.#end(disconnectReason.disconnected);
        return;
      default:
        throw new ProtocolError(`connection request ${message.opcode}`);
    }
  }

  /** Answered when the compositor has taken in what came before, so that modifiers are up to date. */
  #sync(callback: bigint): void {
    if (callback === 0n || callback >= SERVER_IDS) throw new ProtocolError('invalid object id');
    if (++this.#syncs > SYNC_LIMIT) throw new ProtocolError('too many syncs at once');
    this.#rights.target.sync(() => {
      if (this.#socket.closed) return;
      this.#syncs--;
      this.#socket.begin(callback, event.callback.done).u64(0n).end();
      this.#socket.flush();
    });
  }

  #seatRequest(message: Message): void {
    if (message.opcode === request.seat.bind) {
      const mask = message.u64();
      this.#bound.clear();
      this.#unwanted.clear();
      for (const name of capabilities) if ((mask & maskOf(name)) !== 0n) this.#bound.add(name);
      this.update();
      return;
    }
    if (message.opcode !== request.release) throw new ProtocolError(`seat request ${message.opcode}`);
    for (const device of this.#devices.values()) this.#remove(device);
    this.#objects.delete(message.id);
    this.#seat = undefined;
    this.#socket
      .begin(message.id, event.destroyed)
      .u32(++this.#serial)
      .end();
    this.#socket.flush();
  }

  #deviceRequest(message: Message, device: ToolDevice): void {
    if (message.opcode === request.release) {
      this.#unwanted.add(device.kind);
      this.#remove(device);
      this.#socket.flush();
      return;
    }
    this.#lastSerial = message.u32();
    switch (message.opcode) {
      case request.device.startEmulating:
        if (device.emulating) throw new ProtocolError('device is emulating already');
        device.emulating = true;
        return;
      case request.device.stopEmulating:
        if (!device.emulating) throw new ProtocolError('device is not emulating');
        device.release();
        return;
      case request.device.frame:
        device.frame(message.u64());
        return;
      default:
        throw new ProtocolError(`device request ${message.opcode}`);
    }
  }

  #input(message: Message, name: InterfaceName, device: ToolDevice): void {
    const { opcode } = message;
    const { absolute, button, keyboard, pointer, scroll, touchscreen } = request;
    if (name === 'ei_keyboard' && opcode === keyboard.key) device.key(message.u32(), message.u32());
    else if (name === 'ei_pointer' && opcode === pointer.motion) device.motion(message.f32(), message.f32());
    else if (name === 'ei_pointer_absolute' && opcode === absolute.motion)
      device.position(message.f32(), message.f32());
    else if (name === 'ei_button' && opcode === button.button) device.button(message.u32(), message.u32());
    else if (name === 'ei_scroll' && opcode === scroll.delta) device.scroll(message.f32(), message.f32());
    else if (name === 'ei_scroll' && opcode === scroll.discrete) device.scrollDiscrete(message.i32(), message.i32());
    else if (name === 'ei_scroll' && opcode === scroll.stop) {
      device.scrollStop(message.u32(), message.u32(), message.u32());
    } else if (name === 'ei_touchscreen' && opcode === touchscreen.down) {
      device.touchDown(message.u32(), message.f32(), message.f32());
    } else if (name === 'ei_touchscreen' && opcode === touchscreen.motion) {
      device.touchMotion(message.u32(), message.f32(), message.f32());
    } else if (name === 'ei_touchscreen' && (opcode === touchscreen.up || opcode === touchscreen.cancel)) {
      device.touchEnd(message.u32(), opcode);
    } else throw new ProtocolError(`${name} request ${opcode}`);
  }

  /** The tool gives back one ability of a device; what it held with it is released. */
  #releaseInterface(id: bigint, name: InterfaceName, device: ToolDevice): void {
    const { emulating } = device;
    device.release();
    device.emulating = emulating;
    this.#bound.delete(name as Capability);
    device.interfaces.delete(name as Capability);
    this.#objects.delete(id);
    this.#socket
      .begin(id, event.destroyed)
      .u32(++this.#serial)
      .end();
    this.#socket.flush();
  }

  #wanted(kind: Kind): Capability[] {
    const [main] = kinds[kind];
    if (!this.#may(main)) return [];
    if ((kind === 'absolute' || kind === 'touch') && this.#rights.regions.length === 0) return [];
    return kinds[kind].filter((name) => this.#may(name));
  }

  #may(name: Capability): boolean {
    return this.#bound.has(name) && this.#rights.allowed.has(name) && (this.#announced.get(name) ?? 0) > 0;
  }

  #add(kind: Kind, wanted: readonly Capability[]): void {
    const seat = this.#seat;
    if (seat === undefined) return;
    const { target, regions } = this.#rights;
    const placed = kind === 'absolute' || kind === 'touch' ? regions : [];
    const device = new ToolDevice(kind, this.#nextId++, target, placed);
    const version = this.#announced.get('ei_device') ?? 1;
    this.#objects.set(device.id, { interface: 'ei_device', device });
    this.#devices.set(kind, device);
    this.#socket.begin(seat, event.seat.device).u64(device.id).u32(version).end();
    this.#socket.begin(device.id, event.device.name).string(`remote-access ${kind}`).end();
    this.#socket.begin(device.id, event.device.type).u32(VIRTUAL_DEVICE).end();
    for (const { mappingId, x, y, width, height, scale } of placed) {
      if (version >= 2) this.#socket.begin(device.id, event.device.regionMappingId).string(mappingId).end();
      this.#socket.begin(device.id, event.device.region).u32(x).u32(y).u32(width).u32(height).f32(scale).end();
    }
    for (const name of wanted) {
      const id = this.#newObject({ interface: name, device });
      device.interfaces.set(name, id);
      this.#socket.begin(device.id, event.device.interface).u64(id).string(name);
      this.#socket.u32(this.#announced.get(name) ?? 1).end();
    }
    const keyboard = device.interfaces.get('ei_keyboard');
    if (keyboard !== undefined && target.keymap !== undefined) {
      const { fd, size } = target.keymap;
      this.#socket.begin(keyboard, event.keyboard.keymap).u32(XKB_KEYMAP).u32(size).descriptor(fd).end();
    }
    this.#socket.begin(device.id, event.device.done).end();
    this.#socket
      .begin(device.id, event.device.resumed)
      .u32(++this.#serial)
      .end();
    if (keyboard !== undefined) this.#modifiers(device);
  }

  #modifiers(device: ToolDevice): void {
    const id = device.interfaces.get('ei_keyboard');
    if (id === undefined) return;
    const { depressed, latched, locked, group } = this.#rights.target.modifiers;
    this.#socket.begin(id, event.keyboard.modifiers).u32(++this.#serial);
    this.#socket.u32(depressed).u32(locked).u32(latched).u32(group).end();
  }

  #remove(device: ToolDevice): void {
    device.release();
    this.#devices.delete(device.kind);
    this.#objects.delete(device.id);
    for (const id of device.interfaces.values()) {
      this.#objects.delete(id);
      this.#socket
        .begin(id, event.destroyed)
        .u32(++this.#serial)
        .end();
    }
    this.#socket
      .begin(device.id, event.destroyed)
      .u32(++this.#serial)
      .end();
  }
}

const maskOf = (name: Capability): bigint => 1n << BigInt(capabilities.indexOf(name));
