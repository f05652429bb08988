import { dictionaries, type TokenInfo } from '../bus/generated/dictionaries.js';
import { InvalidArgs } from '../errors.js';
import { ID } from './token.js';

/**
 * A token as its file holds it, a JSON object. Keys that this version does not know are kept: whoever adds a key that
 * takes rights away must raise `format`, so that older versions refuse the file instead of granting too much.
 */
export type TokenRecord = TokenInfo & {
  readonly format: 1;
  /** SHA-256 of the secret, in hexadecimal. */
  readonly hash: string;
};

const MOST_SECONDS = Number.MAX_SAFE_INTEGER;
const LARGEST_UID = 0xff_ff_ff_fe;
const LARGEST_U32 = 0xff_ff_ff_ff;

const GRANTS = new Set(knownGrants());

// The same limits as the options of Provision have (interfaces/dictionaries/ProvisionOptions.json).
const CHECKS: { readonly [Key in keyof TokenRecord]-?: (value: unknown) => boolean } = {
  format: (value) => value === 1,
  id: matches(ID),
  hash: matches(/^[0-9a-f]{64}$/),
  user: matches(/^[^\p{Cc}\p{Cs}]{1,256}$/u),
  uid: isInteger(LARGEST_UID),
  label: matches(/^[^\p{Cc}\p{Cs}]{0,256}$/u),
  'app-id': matches(/^[A-Za-z0-9_.-]{0,255}$/),
  grants: isGrants,
  desktop: matches(/^(?:[A-Za-z0-9][A-Za-z0-9._-]{0,127})?$/),
  created: isInteger(MOST_SECONDS),
  expires: isInteger(MOST_SECONDS),
  uses: isInteger(LARGEST_U32),
  'last-used': isInteger(MOST_SECONDS),
};

/** Reads a record strictly; InvalidArgs names the first key that is missing or wrong. */
export function parseRecord(text: string): TokenRecord {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    throw new InvalidArgs('it is not JSON');
  }
  if (!isRecord(value)) throw new InvalidArgs('it is not a JSON object');
  return value;
}

export function serialiseRecord(record: TokenRecord): string {
  return `${JSON.stringify(record, undefined, 2)}\n`;
}

/** What may be told of a token: neither the hash nor keys of other versions. */
export function describeRecord(record: TokenRecord): TokenInfo {
  return {
    id: record.id,
    user: record.user,
    uid: record.uid,
    label: record.label,
    'app-id': record['app-id'],
    grants: [...record.grants],
    desktop: record.desktop,
    created: record.created,
    expires: record.expires,
    uses: record.uses,
    'last-used': record['last-used'],
  };
}

function isRecord(value: unknown): value is TokenRecord {
  if (typeof value !== 'object' || value === null) return false;
  for (const [key, check] of Object.entries(CHECKS)) {
    const found: unknown = Object.hasOwn(value, key) ? Reflect.get(value, key) : undefined;
    if (!check(found)) throw new InvalidArgs(`'${key}' is ${found === undefined ? 'missing' : 'not valid'}`);
  }
  return true;
}

function matches(pattern: RegExp): (value: unknown) => boolean {
  return (value) => typeof value === 'string' && pattern.test(value);
}

function isInteger(largest: number): (value: unknown) => boolean {
  return (value) => typeof value === 'number' && Number.isSafeInteger(value) && value >= 0 && value <= largest;
}

function isGrants(value: unknown): boolean {
  return Array.isArray(value) && value.every((grant) => GRANTS.has(grant)) && new Set(value).size === value.length;
}

function knownGrants(): readonly unknown[] {
  const items = dictionaries.TokenInfo.properties.grants?.items;
  if (items === undefined || !('enum' in items) || !Array.isArray(items.enum))
    throw new TypeError('the schema of TokenInfo lists no grants');
  return items.enum;
}
