import type { KeySchema } from './schema.js';

/** Seconds; systemd.time(7) has the same words. */
const UNITS: readonly (readonly [words: readonly string[], seconds: number])[] = [
  [['ms', 'msec'], 0.001],
  [['s', 'sec', 'second', 'seconds', ''], 1],
  [['m', 'min', 'minute', 'minutes'], 60],
  [['h', 'hr', 'hour', 'hours'], 3600],
  [['d', 'day', 'days'], 86_400],
  [['w', 'week', 'weeks'], 604_800],
];
const SECONDS = new Map(UNITS.flatMap(([words, seconds]) => words.map((word): [string, number] => [word, seconds])));

const YES = ['1', 'yes', 'y', 'true', 't', 'on'];
const NO = ['0', 'no', 'n', 'false', 'f', 'off'];

/** What a text means for a key; its default if the text is empty, but an empty list is one. SyntaxError says what it has to be. */
export function parseValue(text: string, schema: KeySchema): unknown {
  if (schema.type === 'array') return text.split(/\s+/).filter((word) => word !== '');
  if (text === '') return schema.default;
  if (schema.timespan) return parseTimespan(text);
  if (schema.type === 'boolean') {
    if (YES.includes(text.toLowerCase())) return true;
    if (NO.includes(text.toLowerCase())) return false;
    throw new SyntaxError('it has to be yes or no');
  }
  if (schema.type === 'string') return text;
  if (/^-?\d{1,15}$/.test(text)) return Number(text);
  throw new SyntaxError('it has to be a whole number');
}

/** Seconds; `infinity`, a number of seconds, or numbers with units, which add up. */
function parseTimespan(text: string): number {
  if (text === 'infinity') return Number.POSITIVE_INFINITY;
  const parts = [...text.matchAll(/(\d{1,12}(?:\.\d{1,6})?)\s*([a-z]*)\s*/gy)];
  const seconds = parts.map(([, number, unit = '']) => Number(number) * (SECONDS.get(unit) ?? Number.NaN));
  const sum = seconds.reduce((total, part) => total + part, 0);
  if (parts.length > 0 && parts.map(([part]) => part).join('') === text && !Number.isNaN(sum)) return sum;
  throw new SyntaxError("it has to be a time such as 90, 90s, 5min, '1h 30min' or infinity");
}

/** A value as it would be written. */
export function formatValue(value: unknown, schema: KeySchema): string {
  if (Array.isArray(value)) return value.join(' ');
  if (typeof value === 'boolean') return value ? 'yes' : 'no';
  return schema.timespan && typeof value === 'number' ? formatTimespan(value) : String(value);
}

function formatTimespan(seconds: number): string {
  if (!Number.isFinite(seconds)) return 'infinity';
  const parts: string[] = [];
  let rest = Math.round(seconds * 1000);
  for (const [word, size] of [
    ['w', 604_800_000],
    ['d', 86_400_000],
    ['h', 3_600_000],
    ['min', 60_000],
    ['s', 1000],
    ['ms', 1],
  ] as const) {
    if (rest >= size) parts.push(`${Math.floor(rest / size)}${word}`);
    rest %= size;
  }
  return parts.join(' ') || '0';
}
