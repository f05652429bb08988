import { closeSync, readSync } from 'node:fs';
import { setTimeout as delay } from 'node:timers/promises';
import { request } from '../ei/protocol.js';
import { Sender } from '../ei/sender.js';
import type { SenderDevice } from '../ei/sender-device.js';
import { NotSupported, SessionFailed } from '../errors.js';
import { keysOf } from './key-combination.js';
import { Keymap, type Stroke } from './keymap.js';

/** How long the session may take to offer its keyboard, and to take in what was typed; milliseconds. */
const DEADLINE = 10_000;

const LARGEST_KEYMAP = 1 << 20;

/**
 * So many strokes are sent at once, and the next ones so many milliseconds later: a compositor gives up applications
 * that have too much input waiting for them.
 */
const BURST = 20;
const PAUSE = 10;

/** The session's keyboard, over a descriptor of ConnectToEIS. What is down is let go when this or its process ends. */
export class Keyboard implements Disposable {
  readonly #sender: Sender;
  #device: SenderDevice | undefined;
  #text = '';
  #group = 0;
  #keymap: Keymap | undefined;
  /** What waits for the session's answer. */
  #fail: (error: Error) => void = () => undefined;

  private constructor(fd: number, settled: () => void) {
    this.#sender = new Sender(fd, 'remote-access', {
      added: (device) => {
        if (device.has('ei_keyboard')) this.#device = device;
      },
      removed: (device) => {
        if (device === this.#device) this.#device = undefined;
      },
      settled,
      keymap: (fd, size) => {
        this.#text = readText(fd, size);
        this.#keymap = undefined;
        closeSync(fd);
      },
      modifiers: ({ group }) => {
        if (group !== this.#group) this.#keymap = undefined;
        this.#group = group;
      },
      blocked: () => undefined,
      closed: () => this.#fail(new SessionFailed('the session closed its keyboard')),
    });
  }

  /** Owns `fd`. */
  static async open(fd: number): Promise<Keyboard> {
    let settled = () => {};
    const keyboard = new Keyboard(fd, () => settled());
    try {
      await keyboard.#answer('did not offer its keyboard', (done) => {
        settled = done;
      });
      if (keyboard.#device === undefined) throw new NotSupported('the session has no keyboard');
      return keyboard;
    } catch (error) {
      keyboard[Symbol.dispose]();
      throw error;
    }
  }

  /** How this keyboard writes; it changes with the session's keyboard layout. */
  get keymap(): Keymap {
    this.#keymap ??= Keymap.parse(this.#text, this.#group);
    return this.#keymap;
  }

  /**
   * Layouts of the session with which the text would come out differently. Which one is in use is not always told:
   * mutter 48 says the first, always.
   */
  otherLayouts(text: string): string[] {
    const characters = [...new Set(text)];
    const written = (keymap: Keymap) => JSON.stringify(characters.map((character) => keymap.write(character)));
    const names = Keymap.names(this.#text).map((name, group) => ({ name, keymap: Keymap.parse(this.#text, group) }));
    const others = names.filter(({ keymap }) => written(keymap) !== written(this.keymap));
    return [...new Set(others.map(({ name }) => name))];
  }

  /** The characters of a text that the keyboard layout has no key for, with their places from 1. */
  missing(text: string): [place: number, character: string][] {
    const { keymap } = this;
    const places = Array.from(lines(text), (character, index): [number, string] => [index + 1, character]);
    return places.filter(([, character]) => keymap.write(character) === undefined);
  }

  /**
   * Types any text that the keyboard layout has keys for, and returns when the compositor has taken it in. NotSupported
   * names the characters that it has none for, before anything is typed.
   */
  async type(text: string): Promise<void> {
    const { keymap } = this;
    const missing = new Set(this.missing(text).map(([, character]) => character));
    if (missing.size > 0)
      throw new NotSupported(
        `the keyboard layout ${keymap.name} has no key for ${described(missing)}; nothing was typed`,
      );
    const strokes = [...lines(text)].flatMap((character): readonly Stroke[] => keymap.write(character) ?? []);
    for (let at = 0; at < strokes.length; at += BURST) {
      if (at > 0) await delay(PAUSE);
      for (const { held, code } of strokes.slice(at, at + BURST)) this.#press([...held, code]);
      await this.#taken();
    }
  }

  /**
   * Presses `ctrl+alt+t` and the like, one after the other, and returns when the compositor has taken them in. If one of
   * them is none (InvalidArgs), or has a key that is not there (NotSupported), nothing is pressed.
   */
  async press(...combinations: readonly string[]): Promise<void> {
    const { keymap } = this;
    for (const keys of combinations.map((combination) => keysOf(combination, keymap))) {
      this.#press(keys);
      await this.#taken();
    }
  }

  [Symbol.dispose](): void {
    this.#sender[Symbol.dispose]();
  }

  #press(codes: readonly number[]): void {
    for (const code of codes) this.#key(code, true);
    for (const code of [...codes].reverse()) this.#key(code, false);
    this.#sender.socket.flush();
  }

  #key(code: number, pressed: boolean): void {
    const keyboard = this.#device?.object('ei_keyboard');
    if (this.#device === undefined || keyboard === undefined) throw new SessionFailed('the session lost its keyboard');
    const { socket, serial } = this.#sender;
    socket.begin(keyboard, request.keyboard.key).u32(code).u32(+pressed).end();
    const now = process.hrtime.bigint() / 1000n;
    socket.begin(this.#device.id, request.device.frame).u32(serial).u64(now).end();
  }

  #taken(): Promise<void> {
    return this.#answer('did not take the input', (done) => this.#sender.sync(done));
  }

  /** Waits until `done` is called; fails with SessionFailed after the deadline and when the session is gone. */
  #answer(failure: string, begin: (done: () => void) => void): Promise<void> {
    return new Promise<void>((resolve, reject) => {
      const late = `the session ${failure} within ${DEADLINE / 1000} seconds`;
      const timer = setTimeout(() => reject(new SessionFailed(late)), DEADLINE);
      const settle = (end: () => void): void => {
        clearTimeout(timer);
        end();
      };
      this.#fail = (error) => settle(() => reject(error));
      begin(() => settle(resolve));
      if (this.#sender.socket.closed) this.#fail(new SessionFailed('the session closed its keyboard'));
    });
  }
}

function readText(fd: number, size: number): string {
  const bytes = Buffer.alloc(Math.min(size, LARGEST_KEYMAP));
  return bytes.toString('utf8', 0, readSync(fd, bytes, 0, bytes.length, 0)).replace(/\0+$/, '');
}

/** Line breaks of all kinds are one press of Enter. */
const lines = (text: string) => text.replaceAll('\r\n', '\n');

/** For example `'ü' (U+00FC)`; at most five of them. */
function described(characters: ReadonlySet<string>): string {
  const all = [...characters].map((character) => {
    const code = `U+${character.codePointAt(0)?.toString(16).toUpperCase().padStart(4, '0')}`;
    return /\p{C}/u.test(character) ? code : `'${character}' (${code})`;
  });
  return all.length <= 5 ? all.join(', ') : `${all.slice(0, 5).join(', ')} and ${all.length - 5} more`;
}
