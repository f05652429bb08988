import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { chown } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { runAsUser, Window } from './in-session.js';
import { asNobody, provision, RemoteTool } from './remote-tool.js';

const EXAMPLE = fileURLToPath(new URL('../../examples/remote-desktop.py', import.meta.url));
const TEXT_TYPE = 'text/plain;charset=utf-8';
const NOBODY = 65534;

describe('examples/remote-desktop.py, run by a user without any right', function () {
  this.timeout(60_000);
  let folder: string;
  let tool: RemoteTool;
  let window: Window;

  before(async () => {
    folder = mkdtempSync(join(tmpdir(), 'example-'));
    await chown(folder, NOBODY, NOBODY);
    tool = RemoteTool.start();
    await tool.logIn(provision(), {
      desktop: 'mutter',
      monitors: [{ id: 'main', size: [1600, 900], position: [0, 0], scale: 1, primary: true }],
    });
    window = await Window.open();
  });

  after(async () => {
    await window?.kill();
    await tool?.[Symbol.asyncDispose]();
    rmSync(folder, { recursive: true });
  });

  it('takes a picture, types and shares its clipboard', async () => {
    const picture = join(folder, 'picture.png');
    const [program, args] = asNobody(['python3', EXAMPLE, picture, 'hi']);
    const example = spawn(program, args, { stdio: ['pipe', 'pipe', 'inherit'] });
    const exited = once(example, 'exit');
    const said: string[] = [];
    const lines = createInterface({ input: example.stdout });
    const offered = new Promise<void>((resolve, reject) => {
      lines.on('line', (line) => {
        said.push(line.replace(/\/[^ ]*\//g, ''));
        if (line === 'offered hi') resolve();
      });
      lines.on('close', () => reject(new Error(`the example ended after: ${said.join(', ')}`)));
    });
    example.stdin.write(`${provision('alice', ['1', 'uses', 'u', '1'])}\n`);
    try {
      await offered;
      const header = readFileSync(picture).subarray(0, 24);
      assert.equal(header.toString('latin1', 1, 4), 'PNG');
      assert.deepEqual([header.readUInt32BE(16), header.readUInt32BE(20)], [1600, 900]);
      for (const name of ['h', 'i'])
        await window.next((line) => line.event === 'key' && line.name === name && line.down === true, `key ${name}`);
      await window.next((line) => line.event === 'clipboard' && String(line.types).includes(TEXT_TYPE), 'an offer');
      const pasted = join('/home/alice', 'pasted');
      await window.ask({ do: 'paste', type: TEXT_TYPE, path: pasted });
      assert.equal(runAsUser('alice', 'cat', pasted), 'hi');
    } finally {
      example.stdin.end();
    }
    assert.deepEqual(await exited, [0, null]);
  });
});
