import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Container } from './container.js';

/** Test files are to be done within this time; one that hangs is ended and counts as failed. */
const DEADLINE_MS = 300_000;

/** What the journal is asked for when a test in a container fails: our system units, and who is in the sessions. */
const JOURNALS = [
  ['--unit=remote-access*'],
  ['remote-access-agent', 'remote-access-session', 'gnome-shell', 'mutter'].map((name) => `--identifier=${name}`),
];
const JOURNAL_LINES = 300;

export type Outcome = {
  passed: number;
  failed: number;
  /** What a person needs to understand the failures; empty without any. */
  report: string;
};

/** The parts of mocha's JSON report that are used here. */
type Report = {
  stats: { passes: number };
  failures: readonly Failure[];
  pending: readonly Failure[];
};
type Failure = { fullTitle: string; file?: string; err: { stack?: string; message?: string } };

/** A command line for mocha, the same on the host and at /src in a container. */
function mocha(files: readonly string[], result: string): string[] {
  return ['node', 'node_modules/mocha/bin/mocha.js', '--reporter=json', `--reporter-option=output=${result}`, ...files];
}

// What tests on this machine write, so that nothing stays of those that are interrupted.
const scratch = mkdtempSync(join(tmpdir(), 'remote-access-check-'));
process.on('exit', () => rmSync(scratch, { recursive: true, force: true }));

/**
 * Runs test files on this machine, as root. They and whatever they start live in a process namespace that ends with mocha, or
 * with this process.
 */
export async function runHere(files: readonly string[]): Promise<Outcome> {
  const result = join(scratch, 'mocha.json');
  rmSync(result, { force: true });
  const namespace = ['--pdeathsig', 'KILL', 'unshare', '--mount', '--pid', '--fork', '--kill-child', '--mount-proc'];
  // The first process of a namespace inherits orphans; unlike mocha, a shell buries them.
  const command = ['sh', '-c', '"$@"; exit $?', 'sh', ...mocha(files, result)];
  const end = await output(
    spawn('setpriv', [...namespace, ...command], {
      stdio: ['ignore', 'pipe', 'pipe'],
      env: { ...process.env, TMPDIR: scratch },
    }),
  );
  return judge(await readFile(result, 'utf8').catch(() => ''), end);
}

/** Runs test files in a container, as root. */
export async function runInside(container: Container, files: readonly string[]): Promise<Outcome> {
  const result = '/run/mocha.json';
  const end = await output(container.spawn(mocha(files, result)));
  const report = await container.readFile(result).catch(() => '');
  const outcome = judge(report.toString(), end);
  if (outcome.failed === 0) return outcome;
  for (const choice of JOURNALS) {
    const command = ['journalctl', '--boot', '--quiet', '--no-pager', `--lines=${JOURNAL_LINES}`, ...choice];
    const journal = await container.run(command);
    if (journal.stdout !== '') outcome.report += `\n\n${command.join(' ')}\n${indent(journal.stdout)}`;
  }
  return outcome;
}

type End = { text: string; problem: string };

/** Everything a process writes, and what is wrong with how it ended. */
async function output(child: ChildProcess): Promise<End> {
  const streams = [child.stdout, child.stderr].filter((stream) => stream !== null);
  let text = '';
  for (const stream of streams) {
    stream.setEncoding('utf8').on('data', (part: string) => {
      text += part;
    });
  }
  let late = false;
  const timer = setTimeout(() => {
    late = true;
    child.kill('SIGKILL');
    for (const stream of streams) stream.destroy();
  }, DEADLINE_MS);
  const [status, signal] = (await once(child, 'close')) as [number | null, string | null];
  clearTimeout(timer);
  if (late) return { text, problem: `mocha had not ended after ${DEADLINE_MS / 1000} s` };
  return { text, problem: status === 0 ? '' : `mocha ended with ${signal ?? `status ${status}`}` };
}

/** Sums a run up. What is not a clear success is a failure: a crash, a pending test, no test at all. */
function judge(json: string, { text, problem }: End): Outcome {
  const failures: string[] = [];
  let passed = 0;
  if (json !== '') {
    const report = JSON.parse(json) as Report;
    passed = report.stats.passes;
    const failed = new Set(report.failures.map((test) => test.fullTitle));
    for (const { fullTitle, err } of report.failures) {
      failures.push(`${fullTitle}\n${indent(err.stack ?? err.message ?? 'no message')}`);
    }
    for (const { fullTitle } of report.pending) {
      if (!failed.has(fullTitle)) failures.push(`${fullTitle}\n${indent('pending')}`);
    }
  }
  if (failures.length === 0 && problem !== '') failures.push(problem);
  if (failures.length === 0 && passed === 0) failures.push('no test ran');
  if (failures.length === 0) return { passed, failed: 0, report: '' };
  const printed = text === '' ? [] : [`Output:\n${indent(text)}`];
  return { passed, failed: failures.length, report: [...failures, ...printed].join('\n\n') };
}

function indent(text: string): string {
  return text.trimEnd().replaceAll(/^/gm, '    ');
}
