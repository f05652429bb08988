import parse from 'dbus-native/lib/signature.js';

/** One complete type: its code, and for containers their element types. */
export type TypeNode = { type: string; child: TypeNode[] };

/** The complete types of a signature (`a{sv}u` has two). Memoised by the library. */
export const parseSignature: (signature: string) => TypeNode[] = parse;

/** The one complete type of a signature. */
export function parseType(signature: string): TypeNode {
  const [type, ...rest] = parseSignature(signature);
  if (type === undefined || rest.length > 0) throw new TypeError(`'${signature}' is not one complete D-Bus type`);
  return type;
}
