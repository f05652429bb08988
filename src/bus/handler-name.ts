const names = new Map<string, string>();

/** What a D-Bus method is called in TypeScript: `GetLayout` is `getLayout`. For methods that exist, which are few. */
export function handlerName(method: string): string {
  let name = names.get(method);
  if (name === undefined) {
    name = `${method.charAt(0).toLowerCase()}${method.slice(1)}`;
    names.set(method, name);
  }
  return name;
}
