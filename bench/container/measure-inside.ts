import { execFileSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync } from 'node:fs';
import { basename } from 'node:path';
import { text } from 'node:stream/consumers';
import { fileURLToPath } from 'node:url';
import { Container } from '../../scripts/container.js';
import type { Figure } from '../figure.js';

/** The programs that measure in the container, beside the project's own; the container sees them under /src. */
const PROGRAMS = {
  'container/first-frame': 'libpipewire-0.3',
  'container/pam-session': 'pam',
  'container/idle': '',
  'dbus/gdbus-service': 'gio-unix-2.0',
} as const;

const here = (path: string): string => fileURLToPath(new URL(path, import.meta.url));

/** Boots a container and runs a group's inside.ts in it, as root; the figures that it prints as one line of JSON. */
export async function measureInside(group: string): Promise<Figure[]> {
  const repository = here('../..');
  execFileSync(process.execPath, ['--import', 'tsx', 'scripts/build.ts'], { cwd: repository, stdio: 'inherit' });
  compile(`${repository}/dist/bench`);
  await using container = await Container.boot();
  const child = container.spawn(['node', '--import', 'tsx', `bench/${group}/inside.ts`], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  if (child.stdout === null) throw new TypeError('stdout is no pipe');
  const [output, [status]] = await Promise.all([text(child.stdout), once(child, 'close')]);
  if (status !== 0) throw new Error(`bench/${group}/inside.ts ended with status ${status}`);
  return JSON.parse(output) as Figure[];
}

function compile(directory: string): void {
  mkdirSync(directory, { recursive: true });
  const flags = ['-std=gnu11', '-O2', '-Wall', '-Wextra', '-Werror'];
  for (const [source, module] of Object.entries(PROGRAMS)) {
    const libraries = module === '' ? [] : pkgConfig(module);
    const program = `${directory}/${basename(source)}`;
    execFileSync('gcc', [...flags, '-o', program, here(`../${source}.c`), ...libraries], {
      stdio: 'inherit',
    });
  }
}

/** PAM has no .pc file on Debian 12. */
function pkgConfig(module: string): string[] {
  if (module === 'pam') return ['-lpam'];
  return execFileSync('pkg-config', ['--cflags', '--libs', module], { encoding: 'utf8' }).trim().split(/\s+/);
}
