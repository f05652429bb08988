import native from 'dbus-native/lib/values.js';
import { PropertyReadOnly, UnknownMethod, UnknownProperty } from '../errors.js';
import type { Caller } from './caller.js';
import { codecFor } from './codec.js';
import type { PropertyDescriptor } from './descriptor.js';
import type { ExportedObject, Implementation } from './exported-object.js';
import { expectSignature, type Message } from './message.js';
import type { Bouncer, Reply } from './object-tree.js';

/** Answers a call to org.freedesktop.DBus.Properties of an object. */
export async function answerProperties(
  bouncer: Bouncer,
  object: ExportedObject,
  caller: Caller,
  message: Message,
): Promise<Reply> {
  const { member = '', body = [] } = message;
  if (member === 'Get') {
    expectSignature(message, 'ss');
    const [iface, name] = body as [string, string];
    const [property, get] = propertyOf(object, iface, name);
    await bouncer.admit({ caller, access: property.access, object, interface: iface, member: name, args: [] });
    return { signature: 'v', body: [encodeProperty(property, get())] };
  }
  if (member === 'GetAll') {
    expectSignature(message, 's');
    const implementation = object.implementing(body[0] as string);
    for (const access of propertyRules(implementation))
      await bouncer.admit({
        caller,
        access,
        object,
        interface: implementation.descriptor.name,
        member: 'GetAll',
        args: [],
      });
    return { signature: 'a{sv}', body: [allProperties(implementation)] };
  }
  if (member === 'Set') {
    expectSignature(message, 'ssv');
    const [iface, name] = body as [string, string];
    const [property] = propertyOf(object, iface, name);
    await bouncer.admit({ caller, access: property.access, object, interface: iface, member: name, args: [] });
    throw new PropertyReadOnly(`${name} cannot be set`);
  }
  throw new UnknownMethod(`no method ${member} on org.freedesktop.DBus.Properties`);
}

/** The access rules that somebody who reads all properties has to satisfy, each once. */
export function propertyRules({ descriptor }: Implementation): (readonly string[])[] {
  return [...new Map(Object.values(descriptor.properties).map(({ access }) => [access.join(' '), access])).values()];
}

/** All properties as the a{sv} that Properties.GetAll answers, in the wire library's shape. */
export function allProperties({ descriptor, properties }: Implementation): unknown[] {
  return Object.values(descriptor.properties).map((property) => {
    const get = properties[property.name];
    if (get === undefined) throw new TypeError(`property ${property.name} has no getter`);
    return [property.name, encodeProperty(property, get())];
  });
}

/** A property's value as the variant that Properties.Get answers. */
export function encodeProperty({ type, dictionary }: PropertyDescriptor, value: unknown): unknown {
  return new native.Variant(type, codecFor(type, dictionary).encode(value, { fds: [] }));
}

function propertyOf(object: ExportedObject, iface: string, name: string): [PropertyDescriptor, () => unknown] {
  const { descriptor, properties } = object.implementing(iface);
  const property = Object.hasOwn(descriptor.properties, name) ? descriptor.properties[name] : undefined;
  const get = properties[name];
  if (property === undefined || get === undefined) throw new UnknownProperty(`no property ${name} on ${iface}`);
  return [property, get];
}
