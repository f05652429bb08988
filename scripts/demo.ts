import { execFile } from 'node:child_process';
import { once } from 'node:events';
import { rmSync, writeFileSync } from 'node:fs';
import { basename } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { parseArgs, promisify } from 'node:util';
import { Container, rootFileSystem } from './container.js';

/** The part of ./demo outside the container; demo/main.ts is the one inside, and prints each step as a line of JSON. */

type Step = { name: string; ms: number };

const PICTURE = 'demo.png';
const PICTURE_INSIDE = '/run/demo.png';

process.chdir(fileURLToPath(new URL('..', import.meta.url)));
const { values } = parseArgs({ options: { json: { type: 'boolean' }, since: { type: 'string' } } });
const steps: Step[] = [];

function done(step: Step): void {
  steps.push(step);
  console.error(`${String(Math.round(step.ms)).padStart(8)} ms  ${step.name}`);
}

async function timed<T>(name: string, work: () => Promise<T>): Promise<T> {
  const started = performance.now();
  const result = await work();
  done({ name, ms: Math.round(performance.now() - started) });
  return result;
}

async function demonstrate(): Promise<void> {
  rmSync(PICTURE, { force: true });
  done({ name: 'install what is missing and build the project', ms: Date.now() - Number(values.since ?? Date.now()) });
  await timed('have a Debian 13 root file system', rootFileSystem);
  const { stdout: deb } = await timed('make the Debian package', () =>
    promisify(execFile)(process.execPath, ['--import', 'tsx', 'scripts/deb.ts']),
  );
  await using container = await timed('boot the Debian 13', () => Container.boot({ installed: 'nothing' }));
  await timed('install the package', () => install(container, `/src/dist/${basename(deb.trim())}`));
  const inside = container.spawn(['node', '--import', 'tsx', 'scripts/demo/main.ts', PICTURE_INSIDE], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  if (inside.stdout !== null) {
    createInterface(inside.stdout).on('line', (line) => done(JSON.parse(line) as Step));
  }
  const [status] = (await once(inside, 'close')) as [number | null];
  if (status !== 0) throw new Error('the demonstration did not come to its end');
  writeFileSync(PICTURE, await container.readFile(PICTURE_INSIDE));
}

async function install(container: Container, deb: string): Promise<void> {
  const { status, stderr } = await container.run(['apt-get', 'install', '--yes', '--quiet=2', deb]);
  if (status !== 0) throw new Error(`the package could not be installed: ${stderr}`);
}

try {
  await demonstrate();
  if (values.json) console.log(JSON.stringify({ ok: true, picture: PICTURE, steps }));
  else console.log(`\n${table()}\n\nThe desktop nobody sits at: ${PICTURE}`);
} catch (error) {
  const message = error instanceof Error ? error.message : String(error);
  if (values.json) console.log(JSON.stringify({ ok: false, error: message, steps }));
  console.error(`./demo failed: ${message}`);
  process.exitCode = 1;
}

function table(): string {
  const total = { name: 'in all', ms: steps.reduce((sum, step) => sum + step.ms, 0) };
  return [...steps, total].map(({ name, ms }) => `${String(ms).padStart(8)} ms  ${name}`).join('\n');
}
