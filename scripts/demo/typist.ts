import { CompositorInput } from '../../src/portal-backend/eis/compositor-input.js';

/** Key codes of linux/input-event-codes.h, of a keyboard with the US layout, by row. */
const ROWS: readonly (readonly [first: number, characters: string, shifted: string])[] = [
  [2, '1234567890-=', '!@#$%^&*()_+'],
  [16, 'qwertyuiop[]', 'QWERTYUIOP{}'],
  [30, "asdfghjkl;'`", 'ASDFGHJKL:"~'],
  [44, 'zxcvbnm,./', 'ZXCVBNM<>?'],
  [57, ' ', ' '],
];

export const KEY = { enter: 28, leftCtrl: 29, a: 30, c: 46, leftShift: 42, leftAlt: 56, f2: 60, end: 107 } as const;

/** Types on the session's keyboard, over a descriptor of ConnectToEIS. */
export class Typist implements Disposable {
  readonly #input: CompositorInput;

  private constructor(input: CompositorInput) {
    this.#input = input;
  }

  static async sitDown(fd: number): Promise<Typist> {
    const input = new CompositorInput(fd, { name: 'demo' });
    await input.ready;
    return new Typist(input);
  }

  /** Presses keys together and lets them go in the opposite order. */
  press(...codes: readonly number[]): void {
    for (const code of codes) this.#key(code, true);
    for (const code of [...codes].reverse()) this.#key(code, false);
  }

  type(text: string): void {
    for (const character of text) {
      const [code, shifted] = keyOf(character);
      if (shifted) this.press(KEY.leftShift, code);
      else this.press(code);
    }
  }

  [Symbol.dispose](): void {
    this.#input[Symbol.dispose]();
  }

  #key(code: number, pressed: boolean): void {
    this.#input.key(code, pressed);
    this.#input.frame(process.hrtime.bigint() / 1000n);
  }
}

function keyOf(character: string): [code: number, shifted: boolean] {
  for (const [first, plain, shifted] of ROWS) {
    if (plain.includes(character)) return [first + plain.indexOf(character), false];
    if (shifted.includes(character)) return [first + shifted.indexOf(character), true];
  }
  throw new Error(`no key for '${character}'`);
}
