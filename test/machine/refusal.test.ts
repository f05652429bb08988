import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { cpSync, mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

describe('./check and ./demo where they cannot work', () => {
  let copy: string;

  before(() => {
    copy = mkdtempSync(join(tmpdir(), 'refusal-'));
    for (const path of ['check', 'demo', 'scripts']) cpSync(path, join(copy, path), { recursive: true });
    writeFileSync(join(copy, 'os-release'), 'ID=debian\nVERSION_ID="11"\n');
    mkdirSync(join(copy, 'bin'));
    writeFileSync(join(copy, 'bin/node'), '#!/bin/sh\nexec "$REAL_NODE" -e "process.exit(1)"\n', { mode: 0o755 });
  });

  after(() => rmSync(copy, { recursive: true }));

  /** What a command says in `copy`, where it must fail with one line and leave everything as it was. */
  function refusal(command: readonly string[], env: NodeJS.ProcessEnv = {}): string {
    const [file = '', ...args] = command;
    const before = readdirSync(copy, { recursive: true, encoding: 'utf8' });
    const result = spawnSync(file, args, { cwd: copy, encoding: 'utf8', env: { ...process.env, ...env } });
    assert.deepEqual(readdirSync(copy, { recursive: true, encoding: 'utf8' }), before);
    assert.equal(result.stdout, '');
    assert.equal(result.status, 1);
    assert.match(result.stderr, /^[^\n]+\n$/);
    return result.stderr.trimEnd();
  }

  for (const name of ['./check', './demo']) {
    it(`${name} without root`, () => {
      // Nobody is root in a user namespace that maps no user.
      assert.equal(refusal(['unshare', '--user', name]), `${name} needs root, to boot a container: run it with sudo`);
    });

    it(`${name} on another system`, () => {
      const mount = 'mount --bind os-release "$(realpath /etc/os-release)" && exec "$0"';
      assert.equal(
        refusal(['unshare', '--mount', 'sh', '-c', mount, name]),
        `${name} needs Debian 12 or 13: run it in a virtual machine with one of them`,
      );
    });

    it(`${name} with an old Node.js`, () => {
      const path = `${join(copy, 'bin')}:${process.env.PATH}`;
      assert.equal(
        refusal([name], { PATH: path, REAL_NODE: process.execPath }),
        `${name} needs Node.js 20.19 or newer: install one and put it first in PATH`,
      );
    });
  }

  it('./demo with an unknown option', () => {
    assert.equal(refusal(['./demo', '--nosuch']), 'usage: ./demo [--json]');
  });
});
