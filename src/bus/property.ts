import native from 'dbus-native/lib/values.js';
import { codecFor } from './codec.js';
import type { PropertyDescriptor } from './descriptor.js';

/** A property's value as the variant that Properties.Get answers, in the wire library's shape. */
export function encodeProperty({ type, dictionary }: PropertyDescriptor, value: unknown): unknown {
  return new native.Variant(type, codecFor(type, dictionary).encode(value, { fds: [] }));
}

export function propertyValue(property: PropertyDescriptor, getters: Record<string, () => unknown>): unknown {
  const get = getters[property.name];
  if (get === undefined) throw new TypeError(`property ${property.name} has no getter`);
  return encodeProperty(property, get());
}
