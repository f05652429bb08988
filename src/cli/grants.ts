import type { Grant } from '../bus/generated/dictionaries.js';
import { UsageError } from './usage-error.js';

/** In the order of the API's documentation. */
export const GRANTS: readonly Grant[] = [
  ...(['monitors', 'capture', 'keyboard', 'pointer', 'touch', 'tablet', 'gamepad'] as const),
  ...(['clipboard-read', 'clipboard-write', 'audio-output', 'microphone', 'camera'] as const),
];

/** Grants as they stand in tables, and are read back: separated by commas, or `all`. */
export function grantsText(grants: readonly Grant[]): string {
  return GRANTS.every((grant) => grants.includes(grant)) ? 'all' : grants.join(',') || 'none';
}

/** Reads what grantsText writes. */
export function parseGrants(option: string, text: string): Grant[] {
  if (text === 'all') return [...GRANTS];
  if (text === 'none') return [];
  return [...new Set(text.split(','))].map((name) => {
    const grant = GRANTS.find((one) => one === name);
    if (grant === undefined)
      throw new UsageError(`--${option}: there is no grant '${name}'; there are ${GRANTS.join(', ')}`);
    return grant;
  });
}
