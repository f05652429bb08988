import { measureInside } from '../container/measure-inside.js';
import type { Figure } from '../figure.js';

/** See README.md. */
export function run(): Promise<Figure[]> {
  return measureInside('xrdp');
}
