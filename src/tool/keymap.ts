import { characterOf } from './keysyms.js';

/** A key to press while others are held, as codes of linux/input-event-codes.h. */
export type Stroke = { readonly code: number; readonly held: readonly number[] };

/** XKB's codes are those of evdev and 8. */
const EVDEV_OFFSET = 8;

/** The keys that reach further levels of a key, by the modifier that stands in its type. */
const SHIFTERS: Readonly<Record<string, string>> = {
  Shift: 'Shift_L',
  LevelThree: 'ISO_Level3_Shift',
  LevelFive: 'ISO_Level5_Shift',
};

/** The modifiers for each level of a key that names no type: all the types XKB then chooses agree on them. */
const USUAL_LEVELS = new Map<number, readonly string[]>([
  [1, []],
  [2, ['Shift']],
  [3, ['LevelThree']],
  [4, ['Shift', 'LevelThree']],
]);

/** Accents that stand alone in Unicode's decomposition, and the keysyms that put them on the next letter. */
const DEAD = new Map(
  Object.entries({
    '\u0300': 'grave',
    '\u0301': 'acute',
    '\u0302': 'circumflex',
    '\u0303': 'tilde',
    '\u0304': 'macron',
    '\u0306': 'breve',
    '\u0307': 'abovedot',
    '\u0308': 'diaeresis',
    '\u030a': 'abovering',
    '\u030b': 'doubleacute',
    '\u030c': 'caron',
    '\u0323': 'belowdot',
    '\u0327': 'cedilla',
    '\u0328': 'ogonek',
  }).map(([mark, name]) => [mark, `dead_${name}`]),
);

/** Characters that come of a dead key and what follows it, where a layout has no key for them. */
const ALONE = new Map([
  ['^', ['dead_circumflex', 'space']],
  ['`', ['dead_grave', 'space']],
  ['~', ['dead_tilde', 'space']],
  ['´', ['dead_acute', 'dead_acute']],
  ['¨', ['dead_diaeresis', 'dead_diaeresis']],
]);

/** Controls that have a key. */
const CONTROLS = new Map([
  ['\n', 'Return'],
  ['\t', 'Tab'],
]);

/** How a session's keyboard writes: one group of an XKB keymap, as libxkbcommon prints it, read backwards. */
export class Keymap {
  /** The layout's name for people, for example `English (US)`; empty if it has none. */
  readonly name: string;
  readonly #strokes: ReadonlyMap<string, Stroke>;
  readonly #folded = new Map<string, Stroke>();
  readonly #characters = new Map<string, Stroke>();

  private constructor(name: string, strokes: ReadonlyMap<string, Stroke>) {
    this.name = name;
    this.#strokes = strokes;
    for (const [keysym, stroke] of strokes) {
      const character = characterOf(keysym);
      if (character !== undefined) keepShortest(this.#characters, character, stroke);
      keepShortest(this.#folded, keysym.toLowerCase(), stroke);
    }
  }

  /** `group`: which of several layouts in the keymap is in use, from 0. */
  static parse(text: string, group = 0): Keymap {
    return new Keymap(Keymap.names(text)[group] ?? '', strokesOf(readKeys(text, group)));
  }

  /** The names of the layouts in a keymap. */
  static names(text: string): string[] {
    return Array.from(text.matchAll(/\sname\[(?:Group)?\d+\]\s*=\s*"([^"]*)"/g), ([, name = '']) => name);
  }

  /** What writes a character: a stroke, or a dead key's before it. Undefined if nothing does. */
  write(character: string): readonly Stroke[] | undefined {
    const control = CONTROLS.get(character);
    const stroke = control === undefined ? this.#characters.get(character) : this.#strokes.get(control);
    if (stroke !== undefined) return [stroke];
    const [base, mark, ...more] = character.normalize('NFD');
    const dead = mark === undefined || more.length > 0 ? undefined : DEAD.get(mark);
    const sequence =
      dead !== undefined && base !== undefined ? [this.#strokes.get(dead), this.#characters.get(base)] : [];
    for (const keysym of ALONE.get(character) ?? []) sequence.push(this.#strokes.get(keysym));
    const whole = sequence.filter((each) => each !== undefined);
    return sequence.length > 0 && whole.length === sequence.length ? whole : undefined;
  }

  /** The key of a keysym's name, in any case of letters where that is not ambiguous, or of a character. */
  key(name: string): Stroke | undefined {
    return this.#strokes.get(name) ?? this.#characters.get(name) ?? this.#folded.get(name.toLowerCase());
  }
}

type Level = { readonly keysym: string; readonly code: number; readonly modifiers: readonly string[] };

/** Everything that a key of the keymap gives in that group, with the modifiers that it takes. */
function* readKeys(text: string, group: number): Generator<Level> {
  const codes = new Map<string, number>();
  for (const [, name = '', code] of text.matchAll(/<([^>]+)>\s*=\s*(\d+)\s*;/g))
    codes.set(name, Number(code) - EVDEV_OFFSET);
  const types = readTypes(text);
  for (const [, name = '', body = ''] of text.matchAll(/\bkey\s*<([^>]+)>\s*\{((?:[^{}]|\{[^{}]*\})*)\}/g)) {
    const code = codes.get(name);
    const { keysyms, type } = readGroup(body, group);
    const levels = (type === undefined ? undefined : types.get(type)) ?? USUAL_LEVELS;
    for (const [index, keysym] of keysyms.entries()) {
      const modifiers = levels.get(index + 1);
      if (code !== undefined && code > 0 && modifiers !== undefined) yield { keysym, code, modifiers };
    }
  }
}

/** For each type the modifiers of its levels, the fewest where there is a choice. */
function readTypes(text: string): Map<string, Map<number, readonly string[]>> {
  const types = new Map<string, Map<number, readonly string[]>>();
  for (const [, name = '', body = ''] of text.matchAll(/\btype\s+"([^"]+)"\s*\{([^}]*)\}/g)) {
    const levels = new Map<number, readonly string[]>([[1, []]]);
    for (const [, mask = '', digits] of body.matchAll(/\bmap\[([^\]]+)\]\s*=\s*(?:Level)?(\d+)/g)) {
      const modifiers = mask.split('+').map((modifier) => modifier.trim());
      const known = levels.get(Number(digits));
      if (!modifiers.every((modifier) => modifier in SHIFTERS)) continue;
      if (known === undefined || modifiers.length < known.length) levels.set(Number(digits), modifiers);
    }
    types.set(name, levels);
  }
  return types;
}

/** The keysyms of a key in that group; where a key has fewer groups than the keymap, they repeat. */
function readGroup(body: string, group: number): { keysyms: string[]; type: string | undefined } {
  const types = new Map<string, string>();
  const rest = body.replaceAll(/\btype(?:\[(?:Group)?(\d+)\])?\s*=\s*"([^"]+)"/g, (_all, number = 'all', type) => {
    types.set(number, type);
    return '';
  });
  const groups: string[][] = [];
  // A level may give several keysyms in braces: no key that one could press for one character.
  for (const [, what, list = ''] of rest.matchAll(/(?:(\w+)\[(?:Group)?\d+\]\s*=\s*)?\[([^\]]*)\]/g))
    if (what === undefined || what === 'symbols')
      groups.push(
        list
          .replaceAll(/\{[^}]*\}/g, 'NoSymbol')
          .split(',')
          .map((keysym) => keysym.trim()),
      );
  const index = groups.length === 0 ? 0 : group % groups.length;
  return { keysyms: groups[index] ?? [], type: types.get(String(index + 1)) ?? types.get('all') };
}

function strokesOf(keys: Iterable<Level>): Map<string, Stroke> {
  const levels = [...keys];
  const shifters = new Map<string, number>();
  for (const [modifier, name] of Object.entries(SHIFTERS)) {
    const code = levels.find(({ keysym, modifiers }) => keysym === name && modifiers.length === 0)?.code;
    if (code !== undefined) shifters.set(modifier, code);
  }
  const strokes = new Map<string, Stroke>();
  for (const { keysym, code, modifiers } of levels) {
    const held = modifiers.map((modifier) => shifters.get(modifier)).filter((each) => each !== undefined);
    if (keysym === 'NoSymbol' || held.length < modifiers.length) continue;
    keepShortest(strokes, keysym, { code, held });
  }
  return strokes;
}

function keepShortest(strokes: Map<string, Stroke>, name: string, stroke: Stroke): void {
  const known = strokes.get(name);
  if (known === undefined || effort(stroke) < effort(known)) strokes.set(name, stroke);
}

/** X11 applications never hear of keys beyond its last code, as that for the Euro sign on its own. */
function effort({ code, held }: Stroke): number {
  return held.length + (code + EVDEV_OFFSET > 255 ? 10 : 0);
}
