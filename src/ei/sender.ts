import type { Message } from './message.js';
import {
  type Capability,
  contextType,
  event,
  HANDSHAKE,
  type InterfaceName,
  isCapability,
  ProtocolError,
  request,
  versions,
} from './protocol.js';
import { placeName } from './regions.js';
import { SenderDevice } from './sender-device.js';
import { EiSocket } from './socket.js';

/** The compositor reads at once; if it hangs, tools are held back long before this much has piled up. */
const UNREAD_LIMIT = 1 << 20;

/** XKB modifier masks and the effective group of the session's keyboard. */
export type Modifiers = {
  readonly depressed: number;
  readonly latched: number;
  readonly locked: number;
  readonly group: number;
};

export type SenderEvents = {
  /** A device is ready for input, was taken away or is paused. */
  added(device: SenderDevice): void;
  removed(device: SenderDevice): void;
  /** The seat's devices of the beginning have all been announced. */
  settled(): void;
  /** The XKB keymap of the keyboard that is added next, so many bytes of a descriptor which is the handler's. */
  keymap(fd: number, size: number): void;
  modifiers(modifiers: Modifiers): void;
  blocked(blocked: boolean): void;
  closed(): void;
};

type Entity = { interface: InterfaceName; device?: SenderDevice };

/** The client's side of the EI protocol: connects as a sender, binds all that the first seat offers, follows devices. */
export class Sender implements Disposable {
  readonly socket: EiSocket;
  readonly capabilities = new Set<Capability>();
  readonly #events: SenderEvents;
  readonly #name: string;
  readonly #objects = new Map<bigint, Entity>();
  readonly #syncs = new Map<bigint, () => void>();
  #connection = 0n;
  #seat: bigint | undefined;
  #bind = 0n;
  #nextId = 1n;
  #serial = 0;
  #sequence = 0;

  constructor(fd: number, name: string, events: SenderEvents) {
    this.#events = events;
    this.#name = name;
    this.socket = new EiSocket(
      fd,
      {
        message: (message) => this.#message(message),
        failed: () => this.#close(),
        blocked: (blocked) => events.blocked(blocked),
      },
      UNREAD_LIMIT,
    );
  }

  get serial(): number {
    return this.#serial;
  }

  sync(done: () => void): void {
    if (this.#connection === 0n) return;
    const id = this.#nextId++;
    this.#syncs.set(id, done);
    this.socket.begin(this.#connection, request.connection.sync).u64(id).u32(versions.ei_callback).end();
    this.socket.flush();
  }

  [Symbol.dispose](): void {
    if (this.socket.closed) return;
    if (this.#connection !== 0n) {
      this.socket.begin(this.#connection, request.connection.disconnect).end();
      this.socket.flush();
    }
    this.#release();
  }

  #close(): void {
    this.#release();
    this.#events.closed();
  }

  #release(): void {
    this.socket[Symbol.dispose]();
    this.#objects.clear();
    this.#syncs.clear();
  }

  #message(message: Message): void {
    if (message.id === HANDSHAKE) {
      this.#handshake(message);
      return;
    }
    if (message.id === this.#connection) {
      this.#connected(message);
      return;
    }
    const done = this.#syncs.get(message.id);
    if (done !== undefined) {
      this.#syncs.delete(message.id);
      done();
      return;
    }
    const entity = this.#objects.get(message.id);
    if (entity === undefined) return;
    if (entity.interface === 'ei_seat') {
      this.#seatEvent(message);
      return;
    }
    if (entity.device === undefined) return;
    if (entity.interface === 'ei_device') {
      this.#deviceEvent(message, entity.device);
      return;
    }
    if (message.opcode === event.destroyed) this.#objects.delete(message.id);
    else if (entity.interface === 'ei_keyboard') this.#keyboardEvent(message);
  }

  #handshake(message: Message): void {
    const { socket } = this;
    if (message.opcode === event.handshake.version) {
      socket.begin(HANDSHAKE, request.handshake.version).u32(1).end();
      socket.begin(HANDSHAKE, request.handshake.contextType).u32(contextType.sender).end();
      socket.begin(HANDSHAKE, request.handshake.name).string(this.#name).end();
      for (const [name, version] of Object.entries(versions)) {
        socket.begin(HANDSHAKE, request.handshake.interfaceVersion).string(name).u32(version).end();
      }
      socket.begin(HANDSHAKE, request.handshake.finish).end();
      socket.flush();
    } else if (message.opcode === event.handshake.connection) {
      this.#serial = message.u32();
      this.#connection = message.u64();
    }
  }

  #connected(message: Message): void {
    switch (message.opcode) {
      case event.connection.disconnected:
        throw new ProtocolError('disconnected');
      case event.connection.seat: {
        const id = message.u64();
        if (this.#seat !== undefined) return;
        this.#seat = id;
        this.#objects.set(id, { interface: 'ei_seat' });
        return;
      }
      case event.connection.ping:
        this.socket.begin(message.u64(), request.pingpong.done).u64(0n).end();
        this.socket.flush();
    }
  }

  #seatEvent(message: Message): void {
    switch (message.opcode) {
      case event.destroyed:
        throw new ProtocolError('seat removed');
      case event.seat.capability: {
        const mask = message.u64();
        const name = message.string();
        if (!isCapability(name)) return;
        this.#bind |= mask;
        this.capabilities.add(name);
        return;
      }
      case event.seat.done:
        this.socket.begin(message.id, request.seat.bind).u64(this.#bind).end();
        this.sync(() => this.#events.settled());
        return;
      case event.seat.device: {
        const id = message.u64();
        this.#objects.set(id, { interface: 'ei_device', device: new SenderDevice(id) });
      }
    }
  }

  #deviceEvent(message: Message, device: SenderDevice): void {
    switch (message.opcode) {
      case event.destroyed:
        this.#serial = message.u32();
        this.#objects.delete(device.id);
        for (const id of device.interfaces.values()) this.#objects.delete(id);
        this.#events.removed(device);
        return;
      case event.device.regionMappingId:
        device.mappingId = message.string();
        return;
      case event.device.region: {
        const [x, y, width, height] = [message.u32(), message.u32(), message.u32(), message.u32()];
        const mappingId = device.mappingId || placeName(x, y, width, height);
        device.regions.push({ mappingId, x, y, width, height, scale: message.f32() });
        device.mappingId = '';
        return;
      }
      case event.device.interface: {
        const id = message.u64();
        const name = message.string();
        if (!isCapability(name)) return;
        device.interfaces.set(name, id);
        this.#objects.set(id, { interface: name, device });
        return;
      }
      case event.device.resumed:
        this.#serial = message.u32();
        device.usable = true;
        this.socket
          .begin(device.id, request.device.startEmulating)
          .u32(this.#serial)
          .u32(++this.#sequence)
          .end();
        this.socket.flush();
        this.#events.added(device);
        return;
      case event.device.paused:
        this.#serial = message.u32();
        device.usable = false;
        this.#events.removed(device);
    }
  }

  #keyboardEvent(message: Message): void {
    if (message.opcode === event.keyboard.keymap) {
      message.u32();
      const size = message.u32();
      this.#events.keymap(message.descriptor(), size);
    } else if (message.opcode === event.keyboard.modifiers) {
      this.#serial = message.u32();
      const [depressed, locked, latched, group] = [message.u32(), message.u32(), message.u32(), message.u32()];
      this.#events.modifiers({ depressed, latched, locked, group });
    }
  }
}
