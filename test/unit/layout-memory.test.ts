import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { defaultLayout } from '../../src/layout/layout.js';
import { LayoutMemory } from '../../src/portal-backend/layout-memory.js';

describe('the kept layout', () => {
  let directory: string;

  beforeEach(() => {
    directory = mkdtempSync(join(tmpdir(), 'layout-memory-'));
  });

  afterEach(() => rmSync(directory, { recursive: true }));

  it('is what was kept last, for each session', () => {
    const memory = new LayoutMemory(directory, 'a');
    assert.equal(memory.recall(), undefined);
    memory.keep([]);
    memory.keep(defaultLayout());
    assert.deepEqual(new LayoutMemory(directory, 'a').recall(), defaultLayout());
    assert.equal(new LayoutMemory(directory, 'b').recall(), undefined);
    assert.equal(statSync(join(directory, 'remote-access/a.json')).mode & 0o777, 0o600);
  });

  for (const rubbish of ['', '{', 'null', '{}', '[]', '[1]', '[{"id":"a"}]'])
    it(`is none if the file says ${JSON.stringify(rubbish)}`, () => {
      mkdirSync(join(directory, 'remote-access'));
      writeFileSync(join(directory, 'remote-access/a.json'), rubbish);
      assert.equal(new LayoutMemory(directory, 'a').recall(), undefined);
    });

  it('is none where nothing can be kept', () => {
    const memory = new LayoutMemory(join(directory, 'file'), 'a');
    writeFileSync(join(directory, 'file'), '');
    memory.keep(defaultLayout());
    assert.equal(memory.recall(), undefined);
  });
});
