import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { Container } from '../../scripts/container.js';

/** What a user without any right runs a command with. */
const AS_NOBODY = ['setpriv', '--reuid=nobody', '--regid=nogroup', '--clear-groups', 'env', 'HOME=/tmp'];

/** A new folder with the package in it, as remote-access.deb. */
export function folderWithPackage(): string {
  const folder = mkdtempSync(join(tmpdir(), 'image-test-'));
  const command = ['--import', 'tsx', 'scripts/deb.ts', `--into=${folder}`];
  renameSync(execFileSync(process.execPath, command, { encoding: 'utf8' }).trim(), join(folder, 'remote-access.deb'));
  return folder;
}

/** What `remoteaccessctl generate` makes on this machine: the token, and the line that may be known to all. */
export function generate(folder: string): { token: string; hashed: string } {
  const file = join(folder, 'token');
  const command = [resolve('dist/cli/remoteaccessctl.mjs'), 'generate', `--token-out=${file}`];
  const hashed = execFileSync(process.execPath, command, { encoding: 'utf8' }).trim();
  const token = execFileSync('cat', [file], { encoding: 'utf8' }).trim();
  rmSync(file);
  return { token, hashed };
}

/** Boots a machine from the image that a shell script makes of a pristine Debian. In it $root is the file system. */
export async function bootImage(folder: string, script: string): Promise<Container> {
  const prepare = join(folder, 'prepare');
  writeFileSync(prepare, `#!/bin/bash\nset -eu\nroot=$1\n${script}\n`, { mode: 0o755 });
  return await Container.boot({ installed: 'nothing', prepare });
}

/** Runs a command that must succeed; what it printed. */
export async function run(container: Container, ...command: string[]): Promise<string> {
  const { status, stdout, stderr } = await container.run(command);
  assert.equal(status, 0, `${command.join(' ')}\n${stdout}${stderr}`);
  return stdout;
}

/** Runs a command with something to read; whatever becomes of it, its status and what it printed. */
async function answer(container: Container, input: string, ...command: string[]) {
  const child = container.spawn(command, { stdio: 'pipe' });
  const [stdout, stderr] = [child.stdout, child.stderr].map((stream) => {
    const chunks: Buffer[] = [];
    stream?.on('data', (chunk: Buffer) => chunks.push(chunk));
    return chunks;
  });
  child.stdin?.end(input);
  const [status] = (await once(child, 'close')) as [number | null];
  return { status, stdout: Buffer.concat(stdout ?? []), stderr: Buffer.concat(stderr ?? []).toString() };
}

/** What comes of a login with a token to a bare mutter, by user nobody. */
export async function logIn(container: Container, token: string) {
  return await answer(container, token, ...AS_NOBODY, 'remoteaccessctl', 'login', '--token-file=-', '--desktop=mutter');
}

/** Logs in with a token as user nobody, connects and takes a picture of the desktop; that is two logins. */
export async function seesDesktop(container: Container, token: string): Promise<void> {
  const { status, stderr } = await logIn(container, token);
  assert.equal(status, 0, stderr);
  const picture = await answer(container, token, ...AS_NOBODY, 'remoteaccessctl', 'screenshot', '--token-file=-', '-');
  assert.equal(picture.status, 0, picture.stderr);
  assert.equal(picture.stdout.toString('latin1', 1, 4), 'PNG');
}

/** The files of the machine that hold a token's secret, wherever they are, in memory too. The journal must not. */
export async function filesWith(container: Container, token: string): Promise<string[]> {
  const secret = token.slice(-64);
  const everywhere = ['/', '-mindepth', '1', '-maxdepth', '1', '-type', 'd'];
  const elsewhere = ['proc', 'sys', 'dev', 'src'].flatMap((name) => ['!', '-name', name]);
  const grep = ['grep', '--recursive', '--devices=skip', '--no-messages', '--files-with-matches', '--fixed-strings'];
  const search = ['find', ...everywhere, ...elsewhere, '-exec', ...grep, '--file=-', '{}', '+'];
  const { stdout } = await answer(container, secret, ...search);
  assert.ok(!(await run(container, 'journalctl', '--output=cat', '--all')).includes(secret));
  return stdout.toString().split('\n').filter(Boolean);
}
