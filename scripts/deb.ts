import { execFileSync, spawnSync } from 'node:child_process';
import { cpSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';

/**
 * `npm run deb [-- --into=FOLDER] [-- --version=VERSION]`: packs what is built as a Debian package, by default into dist/
 * with the version of package.json, and prints its path. The same files make the same package; SOURCE_DATE_EPOCH says
 * of when it is, or else the last commit.
 */

const repository = fileURLToPath(new URL('..', import.meta.url));
const own = JSON.parse(readFileSync(join(repository, 'package.json'), 'utf8')) as { name: string; version: string };
const { values } = parseArgs({
  options: { into: { type: 'string', default: join(repository, 'dist') }, version: { type: 'string' } },
});
// What comes before a release sorts before it.
const version = values.version ?? own.version.replace('-', '~');

/** In seconds since 1970. */
function date(): number {
  if (process.env.SOURCE_DATE_EPOCH !== undefined) return Number(process.env.SOURCE_DATE_EPOCH);
  const { stdout } = spawnSync('git', ['log', '-1', '--format=%ct'], { cwd: repository, encoding: 'utf8' });
  // No clone, or somebody else's.
  return Number(stdout.trim() || Math.floor(statSync(join(repository, 'package.json')).mtimeMs / 1000));
}

/** debian/changelog, by which debhelper knows the version and the date. */
function changelog(seconds: number): string {
  const maintainer = /^Maintainer: (.*)$/m.exec(readFileSync(join(repository, 'debian/control'), 'utf8'))?.[1];
  const day = new Date(seconds * 1000).toUTCString().replace('GMT', '+0000');
  return `${own.name} (${version}) unstable; urgency=medium\n\n  * Version ${version}.\n\n -- ${maintainer}  ${day}\n`;
}

// debhelper works in a folder of its own, so that it leaves nothing in the repository and may run any number of times.
const folder = mkdtempSync(join(tmpdir(), `${own.name}-deb-`));
try {
  const work = join(folder, own.name);
  const seconds = date();
  cpSync(join(repository, 'debian'), join(work, 'debian'), { recursive: true });
  writeFileSync(join(work, 'debian/changelog'), changelog(seconds));
  execFileSync('debian/rules', ['binary', `source=${repository}`], {
    cwd: work,
    env: { ...process.env, SOURCE_DATE_EPOCH: `${seconds}`, DEB_RULES_REQUIRES_ROOT: 'no' },
    encoding: 'utf8',
    stdio: 'pipe',
  });
  mkdirSync(values.into, { recursive: true });
  for (const made of readdirSync(folder).filter((file) => file.endsWith('.deb'))) {
    const path = resolve(values.into, made);
    cpSync(join(folder, made), path);
    console.log(path);
  }
} catch (error) {
  const { stdout = '', stderr = '' } = error as { stdout?: string; stderr?: string };
  process.stderr.write(stdout + stderr);
  throw error;
} finally {
  rmSync(folder, { recursive: true });
}
