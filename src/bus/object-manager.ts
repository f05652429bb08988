import { UnknownMethod } from '../errors.js';
import type { Bus } from './bus.js';
import type { Caller } from './caller.js';
import type { ExportedObject } from './exported-object.js';
import { expectSignature, type Message, SIGNAL } from './message.js';
import type { Bouncer, Reply } from './object-tree.js';
import { allProperties, propertyRules } from './properties.js';

const INTERFACE = 'org.freedesktop.DBus.ObjectManager';

/** Tells of all objects below its path, to each caller those that it may see (D-Bus specification, ObjectManager). */
export class ObjectManager {
  readonly path: string;
  readonly #bus: Bus;
  readonly #bouncer: Bouncer;

  constructor(bus: Bus, bouncer: Bouncer, path: string) {
    this.#bus = bus;
    this.#bouncer = bouncer;
    this.path = path;
  }

  /** To everybody by names alone, or with the properties to `owner`. */
  announceAdded(object: ExportedObject, owner?: string): void {
    if (!this.#manages(object)) return;
    const interfaces = [...object.interfaces.values()].map((implementation) => [
      implementation.descriptor.name,
      owner === undefined ? [] : allProperties(implementation),
    ]);
    this.#announce('InterfacesAdded', 'oa{sa{sv}}', [object.path, interfaces], owner);
  }

  announceRemoved(object: ExportedObject, owner?: string): void {
    if (this.#manages(object))
      this.#announce('InterfacesRemoved', 'oas', [object.path, [...object.interfaces.keys()]], owner);
  }

  async answer(objects: Iterable<ExportedObject>, caller: Caller, message: Message): Promise<Reply> {
    if (message.member !== 'GetManagedObjects') throw new UnknownMethod(`no method ${message.member} on ${INTERFACE}`);
    expectSignature(message, '');
    const managed: unknown[] = [];
    for (const object of [...objects].filter((candidate) => this.#manages(candidate))) {
      const interfaces: unknown[] = [];
      for (const implementation of object.interfaces.values()) {
        const seen = await Promise.all(
          propertyRules(implementation).map((access) =>
            this.#bouncer.sees({
              caller,
              access,
              object,
              interface: implementation.descriptor.name,
              member: 'GetAll',
              args: [],
            }),
          ),
        );
        if (seen.every(Boolean)) interfaces.push([implementation.descriptor.name, allProperties(implementation)]);
      }
      if (interfaces.length > 0) managed.push([object.path, interfaces]);
    }
    return { signature: 'a{oa{sa{sv}}}', body: [managed] };
  }

  #manages(object: ExportedObject): boolean {
    return object.path.startsWith(this.path === '/' ? '/' : `${this.path}/`) && object.path !== this.path;
  }

  #announce(member: string, signature: string, body: unknown[], owner: string | undefined): void {
    const to = owner === undefined ? {} : { destination: owner };
    this.#bus.send({ type: SIGNAL, path: this.path, interface: INTERFACE, member, signature, body, ...to });
  }
}
