import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';
import { measureInside } from '../container/measure-inside.js';
import type { Figure } from '../figure.js';

const here = (path: string): string => fileURLToPath(new URL(path, import.meta.url));

/** See README.md. */
export async function run(): Promise<Figure[]> {
  await build({
    entryPoints: [here('./bare-service.ts')],
    outfile: here('../../dist/bench/bare-service.mjs'),
    bundle: true,
    format: 'esm',
    platform: 'node',
    logLevel: 'warning',
    banner: {
      js: "import { createRequire as bannerRequire } from 'node:module';\nconst require = bannerRequire(import.meta.url);",
    },
  });
  return measureInside('recovery');
}
