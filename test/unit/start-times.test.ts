import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pauseBeforeStart } from '../../src/portal-backend/start-times.js';

describe('agents that die one after the other', () => {
  let directory: string;

  beforeEach(() => {
    directory = mkdtempSync(join(tmpdir(), 'start-times-'));
  });

  afterEach(() => rmSync(directory, { recursive: true }));

  it('wait from the sixth within ten seconds on, as long as that lasts', () => {
    for (let time = 0; time < 5000; time += 1000) assert.equal(pauseBeforeStart(directory, 'a', time), 0);
    assert.equal(pauseBeforeStart(directory, 'a', 5000), 5000);
    assert.equal(pauseBeforeStart(directory, 'b', 5000), 0);
    assert.equal(pauseBeforeStart(directory, 'a', 9000), 5000);
    assert.equal(pauseBeforeStart(directory, 'a', 14_000), 0);
    assert.equal(statSync(join(directory, 'remote-access/a.starts')).mode & 0o777, 0o600);
  });

  it('do not wait for what a machine noted that was up for longer, for rubbish, or where nothing can be noted', () => {
    for (let time = 0; time < 5; time++) pauseBeforeStart(directory, 'a', 1_000_000 + time);
    assert.equal(pauseBeforeStart(directory, 'a', 10), 0);
    mkdirSync(join(directory, 'remote-access'), { recursive: true });
    writeFileSync(join(directory, 'remote-access/b.starts'), '\n\n\n\n\nx\n9'.repeat(9));
    assert.equal(pauseBeforeStart(directory, 'b', 1e9), 0);
    writeFileSync(join(directory, 'file'), '');
    for (let time = 0; time < 9; time++) assert.equal(pauseBeforeStart(join(directory, 'file'), 'a', time), 0);
  });
});
