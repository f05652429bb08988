/** A D-Bus type, parsed (D-Bus specification, "Type System"). */
export type Type =
  | { kind: 'basic'; code: string }
  | { kind: 'variant' }
  | { kind: 'array'; element: Type }
  | { kind: 'struct'; members: Type[] }
  | { kind: 'map'; key: string; value: Type };

const BASIC = 'ybnqiuxtdsogh';

/** Parses one complete type; throws an Error for anything else. */
export function parseType(signature: string): Type {
  let at = 0;
  const refuse = (): never => {
    throw new Error(`not one complete D-Bus type: ${JSON.stringify(signature)}`);
  };
  const next = (): Type => {
    const code = signature[at++];
    if (code === undefined) return refuse();
    if (BASIC.includes(code)) return { kind: 'basic', code };
    if (code === 'v') return { kind: 'variant' };
    if (code === '(') {
      const members: Type[] = [];
      while (signature[at] !== ')') members.push(next());
      at++;
      return members.length > 0 ? { kind: 'struct', members } : refuse();
    }
    if (code !== 'a') return refuse();
    if (signature[at] !== '{') return { kind: 'array', element: next() };
    at++;
    const key = next();
    const value = next();
    if (key.kind !== 'basic' || signature[at++] !== '}') return refuse();
    return { kind: 'map', key: key.code, value };
  };
  const type = next();
  return at === signature.length ? type : refuse();
}

/** Whether the type is, or holds, an a{sv}. */
export function holdsDictionary(type: Type): boolean {
  switch (type.kind) {
    case 'array':
      return holdsDictionary(type.element);
    case 'struct':
      return type.members.some(holdsDictionary);
    case 'map':
      return isDictionary(type) || holdsDictionary(type.value);
    default:
      return false;
  }
}

export function isDictionary(type: Type): boolean {
  return type.kind === 'map' && type.key === 's' && type.value.kind === 'variant';
}
