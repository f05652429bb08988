import { InvalidArgs, NotSupported } from '../errors.js';
import type { Keymap } from './keymap.js';

/** What people call keys, and what XKB does. Everything else goes by XKB's names, in any case of letters. */
const NAMES: Readonly<Record<string, string>> = {
  ctrl: 'Control_L',
  control: 'Control_L',
  shift: 'Shift_L',
  alt: 'Alt_L',
  altgr: 'ISO_Level3_Shift',
  super: 'Super_L',
  meta: 'Super_L',
  win: 'Super_L',
  enter: 'Return',
  esc: 'Escape',
  del: 'Delete',
  ins: 'Insert',
  pageup: 'Prior',
  page_up: 'Prior',
  pgup: 'Prior',
  pagedown: 'Next',
  page_down: 'Next',
  pgdn: 'Next',
  capslock: 'Caps_Lock',
  numlock: 'Num_Lock',
};

/**
 * The codes of keys to press one after the other and to let go in the opposite order, for `ctrl+alt+t`, `super`, `F5`
 * or `ctrl++`. Letters mean the key: `ctrl+T` is `ctrl+t`, and Shift is written. What needs Shift or AltGr in this
 * keymap, as `?` may, gets it.
 */
export function keysOf(combination: string, keymap: Keymap): number[] {
  const names = combination.split('+');
  if (names.at(-1) === '' && names.at(-2) === '') names.splice(-2, 2, '+');
  const codes = new Set<number>();
  for (const name of names) {
    if (name === '') throw new InvalidArgs(`'${combination}' is no key combination such as ctrl+alt+t`);
    const stroke = keymap.key(NAMES[name.toLowerCase()] ?? ([...name].length === 1 ? name.toLowerCase() : name));
    if (stroke === undefined) throw new NotSupported(`the keyboard has no key '${name}' (layout: ${keymap.name})`);
    for (const code of [...stroke.held, stroke.code]) codes.add(code);
  }
  return [...codes];
}
