import { UsageError } from './usage-error.js';

/** Seconds since 1970 as local time for people; `none` for 0. */
export function timeText(seconds: number, none: string): string {
  if (seconds === 0) return none;
  const date = new Date(seconds * 1000);
  if (Number.isNaN(date.getTime())) return `@${seconds}`;
  const two = (number: number) => `${number}`.padStart(2, '0');
  const day = `${date.getFullYear()}-${two(date.getMonth() + 1)}-${two(date.getDate())}`;
  return `${day} ${two(date.getHours())}:${two(date.getMinutes())}:${two(date.getSeconds())}`;
}

const UNITS: Record<string, number> = { s: 1, m: 60, h: 3600, d: 86_400, w: 604_800 };

/**
 * A point of time in seconds since 1970, from what people write: `never` (0), `+30d` (from now on; s, m, h, d, w),
 * `@1893456000`, or `2030-01-01`, `2030-01-01T12:00`, `2030-01-01 12:00:00` in local time, or with `Z` in UTC.
 */
export function parseTime(option: string, text: string, now: number = Date.now()): number {
  if (text === 'never') return 0;
  const [, amount, unit = ''] = /^\+(\d{1,9})([smhdw])$/.exec(text) ?? [];
  if (amount !== undefined) return Math.floor(now / 1000) + Number(amount) * (UNITS[unit] ?? 1);
  const [, stamp] = /^@(\d{1,15})$/.exec(text) ?? [];
  if (stamp !== undefined) return Number(stamp);
  const seconds = /^\d{4}-\d\d-\d\d/.test(text) ? parseDate(text) : undefined;
  if (seconds === undefined)
    throw new UsageError(`--${option} takes a time as +30d, 2030-12-31, '2030-12-31 18:00', @SECONDS, or never`);
  return seconds;
}

function parseDate(text: string): number | undefined {
  const match = /^(\d{4})-(\d\d)-(\d\d)(?:[T ](\d\d):(\d\d)(?::(\d\d))?)?(Z?)$/.exec(text);
  if (match === null) return undefined;
  const [year, month, day, hours, minutes, seconds] = match.slice(1, 7).map((part) => Number(part ?? 0)) as Six;
  const parts: Six = [year, month - 1, day, hours, minutes, seconds];
  const utc = Date.UTC(...parts);
  // The 31st of February would be taken for the 3rd of March.
  const same = new Date(utc).toISOString().slice(0, 10) === text.slice(0, 10);
  if (!same || hours > 23 || minutes > 59 || seconds > 59) return undefined;
  return Math.floor((match[7] === 'Z' ? utc : new Date(...parts).getTime()) / 1000);
}

type Six = [number, number, number, number, number, number];
