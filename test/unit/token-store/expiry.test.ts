import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import fs from 'node:fs/promises';
import { join } from 'node:path';
import { mock } from 'node:test';
import { TokenStore } from '../../../src/token-store/token-store.js';
import { ALICE, breakDisk, events, fail, givenStore, ids, mendDisk, NOW, refusal } from './given.js';

describe('TokenStore expires tokens', () => {
  const given = givenStore();
  const { open, findUser } = given;

  it('from that second on', async () => {
    const store = await open();
    const seen = events(store);
    const { id, token } = await store.provision({ ...ALICE, expires: NOW + 60 });
    given.seconds += 59;
    await store.redeem(token, { findUser });
    given.seconds += 1;
    await assert.rejects(store.redeem(token, { findUser }), refusal(`token ${id} expired`));
    assert.deepEqual(await fs.readdir(given.path), []);
    assert.deepEqual(seen, [`added ${id}`, `removed ${id} expired`]);
  });

  it('before they are listed', async () => {
    const store = await open();
    const seen = events(store);
    const { id } = await store.provision({ ...ALICE, expires: NOW + 60 });
    const { id: other } = await store.provision({ ...ALICE, expires: NOW + 61 });
    given.seconds += 60;
    assert.deepEqual(await ids(store), [other]);
    assert.deepEqual(seen.at(-1), `removed ${id} expired`);
    assert.deepEqual(await fs.readdir(given.path), [`${other}.json`]);
  });

  it('at the start', async () => {
    await (await open()).provision({ ...ALICE, expires: NOW + 60 });
    given.seconds += 60;
    assert.deepEqual(await ids(await open()), []);
    assert.deepEqual(await fs.readdir(given.path), []);
  });

  it('when their time comes, without anybody asking', async () => {
    const store = await TokenStore.open(given.path);
    given.stores.push(store);
    const removed = new Promise((resolve) => store.once('removed', (...args) => resolve(args)));
    const expires = Math.floor(Date.now() / 1000) + 1;
    const { id } = await store.provision({ ...ALICE, expires });
    await store.provision({ ...ALICE, expires: expires + 100_000_000 });
    assert.deepEqual(await removed, [id, 'expired']);
    assert((await ids(store)).length === 1);
  });

  it('even if their files cannot be deleted', async () => {
    const store = await open();
    const seen = events(store);
    const { id, token } = await store.provision({ ...ALICE, expires: NOW + 60 });
    breakDisk({ unlink: fail('EROFS') });
    given.seconds += 60;
    await assert.rejects(store.redeem(token, { findUser }), { name: 'InvalidToken' });
    assert.deepEqual(await store.list(), []);
    assert.deepEqual(seen, [`added ${id}`, `removed ${id} expired`]);
    assert.deepEqual(given.logged, [
      `token ${id} expired, but its file is still there: the token store cannot be written: EROFS`,
    ]);
    mendDisk();
    assert.deepEqual(await ids(await open()), []);
    assert.deepEqual(await fs.readdir(given.path), []);
  });

  it('without keeping the process alive', () => {
    const script = `
      import { TokenStore } from ${JSON.stringify(join(import.meta.dirname, '../../../src/token-store/token-store.ts'))};
      const store = await TokenStore.open(${JSON.stringify(given.path)});
      const expires = Math.floor(Date.now() / 1000) + 3600;
      await store.provision({ ...${JSON.stringify(ALICE)}, expires });
      console.log('done');`;
    const output = execFileSync(process.execPath, ['--import', 'tsx', '--input-type=module', '-e', script], {
      encoding: 'utf8',
      timeout: 15_000,
    });
    assert.equal(output, 'done\n');
  });

  it('for good, also if the clock is set back afterwards', async () => {
    const store = await open();
    const seen = events(store);
    const { id, token } = await store.provision({ ...ALICE, expires: NOW + 60 });
    const { id: other, token: lasting } = await store.provision(ALICE);
    given.seconds += 100_000_000;
    assert.deepEqual(await ids(store), [other]);
    given.seconds = NOW;
    await assert.rejects(store.redeem(token, { findUser }), refusal(`there is no token ${id}`));
    await assert.rejects((await open()).redeem(token, { findUser }), refusal(`there is no token ${id}`));
    await store.redeem(lasting, { findUser });
    assert.deepEqual(seen, [`added ${id}`, `added ${other}`, `removed ${id} expired`]);
  });

  it('later if the clock is set back, and not twice', async () => {
    const store = await open();
    const { id, token } = await store.provision({ ...ALICE, expires: NOW + 60, uses: 2 });
    given.seconds -= 1_000_000;
    await store.redeem(token, { findUser });
    assert.equal((await open()).find(id)?.uses, 1);
    given.seconds = NOW + 60;
    await assert.rejects(store.redeem(token, { findUser }), refusal(`token ${id} expired`));
  });

  it('within a minute after the clock was set forward', async () => {
    mock.timers.enable({ apis: ['setTimeout'] });
    try {
      const store = await open();
      const removed = new Promise((resolve) => store.once('removed', (...args) => resolve(args)));
      const { id } = await store.provision({ ...ALICE, expires: NOW + 100_000 });
      given.seconds += 100_000;
      mock.timers.tick(60_000);
      assert.deepEqual(await removed, [id, 'expired']);
    } finally {
      mock.timers.reset();
    }
  });
});
