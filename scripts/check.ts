import { execFile } from 'node:child_process';
import { readdirSync, statSync } from 'node:fs';
import { join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import { Container } from './container.js';
import { type Outcome, runHere, runInside } from './mocha.js';

/**
 * `./check [FILE...]`: runs every test, or those of the given files and folders. The last line is `N passed, N failed`.
 */

type Job = {
  name: string;
  run: () => Promise<Outcome>;
  /** Whether a failure is tried again: real desktops crash and stall by themselves, too. Every run is shown. */
  again?: boolean;
};

/** How often a file that failed in its container gets another one. */
const MORE_TRIES = 2;

process.chdir(fileURLToPath(new URL('..', import.meta.url)));

const chosen = process.argv.slice(2).map((path) => relative('.', path));
const tests = (chosen.length === 0 ? ['test'] : chosen).flatMap(testsIn);
const [unit, bus, system, machine] = [layer('unit'), layer('bus'), layer('system'), layer('machine')];
const total = { passed: 0, failed: 0 };

if (chosen.length === 0) await inTurn([tool('typecheck'), tool('lint')]);
await inTurn([...here('unit tests', unit), ...here('bus tests', bus)]);
// One after another: a compositor that draws in software takes all cores, and tests that share them wait in vain.
await inTurn([
  ...(chosen.length > 0 ? [] : inside("unit and bus tests with Debian 13's Node.js", [...unit, ...bus])),
  ...system.flatMap((path) => inside(path, [path])),
]);
await inTurn(machine.flatMap((path) => here(path, [path])));

console.log(`${total.passed} passed, ${total.failed} failed`);
process.exitCode = total.failed === 0 && total.passed > 0 ? 0 : 1;

/** The test files in a folder, or the file itself. */
function testsIn(path: string): string[] {
  const status = statSync(path, { throwIfNoEntry: false });
  if (status === undefined || !/^test\/(unit|bus|system|machine)\b|^test$/.test(path)) {
    console.error(`${path} is not a test: name a file or folder in test/unit, test/bus, test/system or test/machine`);
    process.exit(2);
  }
  if (!status.isDirectory()) return [path];
  const names = readdirSync(path, { recursive: true, encoding: 'utf8' }).filter((name) => name.endsWith('.test.ts'));
  return names.sort().map((name) => join(path, name));
}

function layer(name: string): string[] {
  return tests.filter((path) => path.startsWith(`test/${name}/`));
}

/** A script of package.json; it counts only when it fails. */
function tool(name: string): Job {
  const run = () =>
    new Promise<Outcome>((resolve) => {
      execFile('npm', ['run', '--silent', name], (error, stdout, stderr) =>
        resolve({ passed: 0, failed: error === null ? 0 : 1, report: error === null ? '' : stdout + stderr }),
      );
    });
  return { name, run };
}

function here(name: string, files: readonly string[]): Job[] {
  return files.length === 0 ? [] : [{ name, run: () => runHere(files) }];
}

/** A job in a container of its own. */
function inside(name: string, files: readonly string[]): Job[] {
  const run = async () => {
    await using container = await Container.boot();
    return await runInside(container, files);
  };
  return files.length === 0 ? [] : [{ name, run, again: true }];
}

async function inTurn(jobs: readonly Job[]): Promise<void> {
  for (const { name, run, again = false } of jobs) {
    const started = performance.now();
    const attempt = () => run().catch((error: Error): Outcome => ({ passed: 0, failed: 1, report: `${error.stack}` }));
    let outcome = await attempt();
    for (let left = again ? MORE_TRIES : 0; outcome.failed > 0 && left > 0; left--) {
      console.log(`${name}: ${outcome.failed} FAILED, once more in a new container\n\n${outcome.report}\n`);
      outcome = await attempt();
    }
    total.passed += outcome.passed;
    total.failed += outcome.failed;
    const counts = [
      ...(outcome.passed === 0 ? [] : [`${outcome.passed} passed`]),
      ...(outcome.failed === 0 ? [] : [`${outcome.failed} FAILED`]),
      `${((performance.now() - started) / 1000).toFixed(1)} s`,
    ];
    console.log(`${name}: ${counts.join(', ')}`);
    if (outcome.failed > 0) console.log(`\n${outcome.report}\n`);
  }
}
