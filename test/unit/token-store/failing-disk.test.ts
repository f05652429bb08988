import assert from 'node:assert/strict';
import fs from 'node:fs/promises';
import { join } from 'node:path';
import { hashSecret } from '../../../src/token-store/token.js';
import { ALICE, breakDisk, events, fail, fullDisk, givenStore, ids, mendDisk, original } from './given.js';

describe('TokenStore on a failing disk', () => {
  const given = givenStore();
  const { open, findUser, file } = given;

  for (const [code, name] of [
    ['ENOSPC', 'Busy'],
    ['EDQUOT', 'Busy'],
    ['EIO', 'Busy'],
    ['EROFS', 'NotSupported'],
  ] as const) {
    it(`answers ${name} for ${code}, and everything is as before`, async () => {
      const store = await open();
      const limited = await store.provision({ ...ALICE, uses: 2 });
      const before = await store.list();
      const seen = events(store);
      breakDisk({ ...fullDisk(code), unlink: code === 'EROFS' ? fail(code) : original.unlink });
      const refused = { name, message: `the token store cannot be written: ${code}` };
      await assert.rejects(store.provision(ALICE), refused);
      await assert.rejects(store.redeem(limited.token, { findUser }), refused);
      if (code === 'EROFS') await assert.rejects(store.revoke(limited.id), refused);
      assert.deepEqual(await store.list(), before);
      assert.deepEqual(seen, []);
      mendDisk();
      assert.deepEqual(await (await open()).list(), before);
      await store.redeem(limited.token, { findUser });
      await store.redeem(limited.token, { findUser });
      assert.deepEqual(seen, [`removed ${limited.id} used-up`]);
    });
  }

  it('still lets in who has a token that need not be counted', async () => {
    const store = await open();
    const { id, token } = await store.provision(ALICE);
    breakDisk(fullDisk('ENOSPC'));
    assert.equal((await store.redeem(token, { findUser })).id, id);
    assert.deepEqual(given.logged, [`the use of token ${id} is not noted: the token store cannot be written: ENOSPC`]);
    mendDisk();
    assert.deepEqual(await (await open()).list(), await store.list());
    assert.deepEqual(await fs.readdir(given.path), [`${id}.json`]);
  });

  it('does not count the last use as made if the file cannot be removed', async () => {
    const store = await open();
    const { id, token } = await store.provision({ ...ALICE, uses: 1 });
    breakDisk({ unlink: fail('EIO') });
    await assert.rejects(store.redeem(token, { findUser }), { name: 'Busy' });
    mendDisk();
    assert.equal((await store.redeem(token, { findUser })).id, id);
  });

  it('does not take a token for revoked because its file cannot be read just now', async () => {
    const store = await open();
    const seen = events(store);
    const { id, token } = await store.provision(ALICE);
    breakDisk({ open: fail('EMFILE') });
    assert.equal((await store.redeem(token, { findUser })).id, id);
    mendDisk();
    assert.deepEqual(seen, [`added ${id}`]);
    assert.deepEqual(await ids(store), [id]);
  });

  it('leaves the old file whole after a crash between writing and renaming', async () => {
    const store = await open();
    const { id, token } = await store.provision({ ...ALICE, uses: 5 });
    const before = await fs.readFile(file(id), 'utf8');
    const crashed = new Promise<void>((resolve) =>
      breakDisk({
        rename: () => {
          resolve();
          return new Promise(() => {});
        },
      }),
    );
    void store.redeem(token, { findUser });
    await crashed;
    const left = (await fs.readdir(given.path)).filter((name) => name.endsWith('.tmp'));
    assert.equal(left.length, 1);
    assert.equal((await fs.stat(join(given.path, String(left[0])))).mode & 0o7777, 0o600);
    mendDisk();
    const restarted = await open();
    assert.deepEqual(await fs.readdir(given.path), [`${id}.json`]);
    assert.equal(await fs.readFile(file(id), 'utf8'), before);
    assert.equal((await restarted.redeem(token, { findUser })).uses, 5);
  });

  it('refuses a directory that is none', async () => {
    const store = await open();
    await fs.rm(given.path, { recursive: true });
    await fs.writeFile(given.path, '');
    await assert.rejects(store.provision(ALICE), {
      name: 'Busy',
      message: 'the token store cannot be written: EEXIST',
    });
    assert.deepEqual(await store.list(), []);
    await assert.rejects(open(), { name: 'Busy', message: 'the token store cannot be opened: EEXIST' });
  });

  it('never logs a secret', async () => {
    const store = await open();
    const { token } = await store.provision(ALICE);
    breakDisk(fullDisk('ENOSPC'));
    await store.redeem(token, { findUser });
    const secret = token.slice(-64);
    assert(given.logged.length > 0);
    for (const line of given.logged)
      assert(!line.includes(secret) && !line.includes(hashSecret(secret).toString('hex')));
  });
});
