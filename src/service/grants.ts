import type { Grant } from '../bus/generated/dictionaries.js';

/** What a token, a login and a connection may allow (docs/api/README.md explains each). */
export const ALL_GRANTS = [
  'monitors',
  'capture',
  'keyboard',
  'pointer',
  'touch',
  'tablet',
  'gamepad',
  'clipboard-read',
  'clipboard-write',
  'audio-output',
  'microphone',
  'camera',
] as const satisfies readonly Grant[];
