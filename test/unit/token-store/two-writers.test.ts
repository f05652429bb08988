import assert from 'node:assert/strict';
import fs from 'node:fs/promises';
import { ALICE, breakDisk, events, fail, givenStore, ids, NOW, original, refusal } from './given.js';

describe('TokenStore beside another writer', () => {
  const given = givenStore();
  const { open, findUser, file, readJson, writeJson } = given;

  it('takes a token that was put there, at its first use', async () => {
    const store = await open();
    const seen = events(store);
    const { id, token } = await (await open()).provision({ ...ALICE, uses: 2 });
    const wrong = token.slice(0, -1) + (token.endsWith('0') ? '1' : '0');
    await assert.rejects(store.redeem(wrong, { findUser }), refusal(`that is not the secret of token ${id}`));
    assert.equal((await store.redeem(token, { findUser })).id, id);
    assert.equal((await readJson(id)).uses, 1);
    await store.redeem(token, { findUser });
    assert.deepEqual(seen, [`added ${id}`, `removed ${id} used-up`]);
    await assert.rejects(store.redeem(token, { findUser }), refusal(`there is no token ${id}`));
  });

  it('lists what was put there, and no longer what was deleted', async () => {
    const [store, writer] = [await open(), await open()];
    const seen = events(store);
    const { id } = await writer.provision(ALICE);
    assert.deepEqual(await ids(store), [id]);
    await writer.revoke(id);
    const { id: next } = await writer.provision(ALICE);
    assert.deepEqual(await ids(store), [next]);
    assert.deepEqual(seen, [`added ${id}`, `added ${next}`, `removed ${id} revoked`]);
  });

  it('revokes what was put there', async () => {
    const store = await open();
    const { id } = await (await open()).provision(ALICE);
    await store.revoke(id);
    assert.deepEqual(await fs.readdir(given.path), []);
    await assert.rejects(store.revoke(id), { name: 'NoSuchToken' });
  });

  it('takes no expired token, however often it is asked', async () => {
    const store = await open();
    const seen = events(store);
    const { token } = await (await open()).provision({ ...ALICE, expires: NOW + 60 });
    given.seconds += 60;
    for (let count = 0; count < 3; count++) {
      await assert.rejects(store.redeem(token, { findUser }), { name: 'InvalidToken' });
      assert.deepEqual(await store.list(), []);
    }
    assert.deepEqual([seen, given.logged], [[], []]);
  });

  it('takes a bad file when it was mended', async () => {
    const writer = await open();
    const { id, token } = await writer.provision(ALICE);
    const record = await readJson(id);
    await fs.writeFile(file(id), '{');
    const store = await open();
    await assert.rejects(store.redeem(token, { findUser }), refusal(`there is no token ${id}`));
    await writeJson(id, record);
    assert.equal((await store.redeem(token, { findUser })).id, id);
  });

  it('replaces no token of the same id that it has not seen yet', async () => {
    const store = await open();
    const { id } = await (await open()).provision(ALICE);
    const before = await readJson(id);
    await assert.rejects(store.place(ALICE, { id, hash: 'f'.repeat(64) }), { name: 'InvalidArgs' });
    assert.deepEqual(await readJson(id), before);
  });

  it('does not disturb it while it writes', async () => {
    const writer = await open();
    let go = (): void => {};
    const waiting = new Promise<void>((resolve) =>
      breakDisk({
        rename: async (...args) => {
          await new Promise<void>((released) => {
            go = released;
            resolve();
          });
          return original.rename(...args);
        },
      }),
    );
    const provisioned = writer.provision(ALICE);
    await waiting;
    const [name = ''] = await fs.readdir(given.path);
    await fs.utimes(`${given.path}/${name}`, NOW, NOW);
    const store = await open();
    go();
    const { id } = await provisioned;
    assert.deepEqual(await ids(store), [id]);
  });

  it('goes on when the whole folder was deleted: no token is left, and new ones can be made', async () => {
    const store = await open();
    const { id, token } = await store.provision(ALICE);
    const seen = events(store);
    await fs.rm(given.path, { recursive: true });
    assert.deepEqual(await ids(store), []);
    assert.equal(seen.length, 1);
    await assert.rejects(store.redeem(token, { findUser: given.findUser }), { name: 'InvalidToken' });
    await assert.rejects(store.revoke(id), { name: 'NoSuchToken' });
    const made = await store.provision(ALICE);
    assert.equal((await fs.stat(given.path)).mode & 0o777, 0o700);
    assert.equal((await store.redeem(made.token, { findUser: given.findUser })).user, 'alice');
    await fs.rm(given.path, { recursive: true });
    await store.revoke(made.id);
  });

  it('lists what it knows while the folder cannot be read', async () => {
    const store = await open();
    const { id } = await store.provision(ALICE);
    const seen = events(store);
    breakDisk({ readdir: fail('EIO') as typeof fs.readdir });
    assert.deepEqual(await ids(store), [id]);
    assert.deepEqual(seen, []);
    assert.deepEqual(given.logged, ['tokens are listed from memory: the token store cannot be read: EIO']);
  });

  it('reads the folder once for all who ask at the same time', async () => {
    const store = await open();
    let reads = 0;
    breakDisk({
      readdir: ((path: string) => {
        reads++;
        return original.readdir(path);
      }) as typeof fs.readdir,
    });
    await Promise.all(Array.from({ length: 1000 }, () => store.list()));
    assert.equal(reads, 1);
  });
});
