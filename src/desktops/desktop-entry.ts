/**
 * The group [Desktop Entry] of a desktop file (Desktop Entry Specification 1.5, "Basic format of the file"): its keys
 * and raw values, without the translated ones. Throws SyntaxError.
 */
export function parseDesktopEntry(text: string): Map<string, string> {
  const entry = new Map<string, string>();
  let group: string | undefined;
  for (const [index, line] of text.split(/\r?\n/).entries()) {
    if (/^\s*(#|$)/.test(line)) continue;
    const header = /^\[([^[\]]*)\]\s*$/.exec(line);
    if (header !== null) {
      if (group !== undefined) break;
      group = header[1];
      continue;
    }
    if (group !== 'Desktop Entry') throw new SyntaxError('it does not begin with [Desktop Entry]');
    const [start, key, locale] = /^([^\s=[\]]+)(\[[^\]]*\])?\s*=/.exec(line) ?? [];
    if (start === undefined || key === undefined || line.includes('\0'))
      throw new SyntaxError(`line ${index + 1} is neither a key nor a comment`);
    if (locale === undefined) entry.set(key, line.slice(start.length).trim());
  }
  if (group === undefined) throw new SyntaxError('it does not begin with [Desktop Entry]');
  return entry;
}

/** A value of type string: \s, \n, \t, \r and \\ stand for other characters ("Possible value types"). */
export function readString(value: string): string {
  return value.replace(/\\(.?)/g, (_, code: string) => {
    const character = ESCAPES.get(code);
    if (character === undefined) throw new SyntaxError(`unknown escape '\\${code}'`);
    return character;
  });
}

const ESCAPES = new Map([
  ['s', ' '],
  ['n', '\n'],
  ['t', '\t'],
  ['r', '\r'],
  ['\\', '\\'],
  // In lists only, where it is no separator.
  [';', ';'],
]);

/** A value of type strings: separated, and perhaps ended, by semicolons. */
export function readList(value: string): string[] {
  const items = value.match(/(?:\\.|[^;\\])+/g) ?? [];
  return items.map(readString);
}
