import { InvalidArgs } from '../errors.js';

/** The worker's line format; see worker/PROTOCOL.md. */

/** The longest line in bytes, its newline included. */
export const LINE_MAX = 65536;
/** The most words in a line, its verb included. */
export const WORDS_MAX = 512;

/** A line with its newline. Throws InvalidArgs for what the format cannot hold: a NUL, or more than a line takes. */
export function encodeLine(verb: string, ...words: readonly string[]): string {
  if (words.some((word) => word.includes('\0'))) throw new InvalidArgs(`'${verb}': a NUL byte cannot be sent`);
  if (words.length >= WORDS_MAX) throw new InvalidArgs(`'${verb}': more than ${WORDS_MAX - 1} words`);
  const line = `${[verb, ...words.map(encodeWord)].join(' ')}\n`;
  if (line.length > LINE_MAX) throw new InvalidArgs(`'${verb}': longer than ${LINE_MAX} bytes`);
  return line;
}

/** The verb and words of a line without its newline. Bytes that are not UTF-8 become U+FFFD. */
export function decodeLine(line: string): [verb: string, ...words: string[]] {
  const [verb = '', ...words] = line.split(' ');
  return [verb, ...words.map(decodeWord)];
}

function encodeWord(text: string): string {
  return Buffer.from(text, 'utf8')
    .toString('latin1')
    .replace(/[^\x21-\x24\x26-\x7e]/g, (byte) => `%${byte.charCodeAt(0).toString(16).toUpperCase().padStart(2, '0')}`);
}

function decodeWord(word: string): string {
  const bytes = word.replace(/%([0-9A-Fa-f]{2})/g, (_, hex: string) => String.fromCharCode(Number.parseInt(hex, 16)));
  return Buffer.from(bytes, 'latin1').toString('utf8');
}
