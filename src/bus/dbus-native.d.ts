// The parts of dbus-native that we use: SASL handshake, framing and marshalling. Its index pulls in a message broker,
// proxies and a dispatcher that any peer can crash, so they are left out of our programs altogether.

declare module 'dbus-native/lib/handshake.js' {
  import type { Duplex } from 'node:stream';
  export default function handshake(
    stream: Duplex,
    options: { authMethods: readonly string[] },
    done: (error: Error | null, guid?: string, identity?: undefined, negotiated?: { unixFd: boolean }) => void,
  ): void;
}

declare module 'dbus-native/lib/message.js' {
  import type { Duplex } from 'node:stream';
  import type { Message } from '../src/bus/message.js';

  type Options = { plainValues: boolean; variants: 'wrap'; returnBigInt: boolean; maxMessageSize: number };
  const message: {
    marshall(message: Message): Buffer;
    unmarshalMessages(
      stream: Duplex,
      onMessage: (message: Message) => void,
      options: Options,
      onError: (error: Error) => void,
      onHandlerError: (error: Error) => void,
      takeFds: (count: number) => number[],
    ): void;
  };
  export default message;
}

declare module 'dbus-native/lib/signature.js' {
  import type { TypeNode } from '../src/bus/signature.js';
  export default function parseSignature(signature: string): TypeNode[];
}

declare module 'dbus-native/lib/values.js' {
  const values: { Variant: new (signature: string, value: unknown) => { signature: string; value: unknown } };
  export default values;
}
