// The parts of dbus-native that we use: the reading of message bodies. Its index pulls in a message broker, proxies and
// a dispatcher that any peer can crash, so they are left out of our programs altogether.

declare module 'dbus-native/lib/dbus-buffer.js' {
  import type { TypeNode } from '../src/bus/signature.js';

  type Options = { plainValues: boolean; variants: 'wrap'; returnBigInt: boolean; ayBuffer: true | 'view' };
  export default class DBusBuffer {
    constructor(bytes: Buffer, start: number, options: Options, endianness: number);
    /** Where the next value is read from. */
    pos: number;
    read(signature: string): unknown[];
    readTree(tree: TypeNode): unknown;
  }
}

declare module 'dbus-native/lib/signature.js' {
  import type { TypeNode } from '../src/bus/signature.js';
  export default function parseSignature(signature: string): TypeNode[];
}

declare module 'dbus-native/lib/values.js' {
  const values: { Variant: new (signature: string, value: unknown) => { signature: string; value: unknown } };
  export default values;
}
