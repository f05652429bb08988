import assert from 'node:assert/strict';
import fs from 'node:fs/promises';
import { ALICE, events, givenStore, ids, refusal } from './given.js';

describe('TokenStore counts uses', () => {
  const given = givenStore();
  const { open, findUser, readJson } = given;

  it('down to none, on disk before the answer', async () => {
    const store = await open();
    const seen = events(store);
    const { id, token } = await store.provision({ ...ALICE, uses: 2 });
    await store.redeem(token, { findUser });
    assert.equal((await readJson(id)).uses, 1);
    await store.redeem(token, { findUser });
    assert.deepEqual(await fs.readdir(given.path), []);
    assert.deepEqual(seen, [`added ${id}`, `removed ${id} used-up`]);
    await assert.rejects(store.redeem(token, { findUser }), refusal(`there is no token ${id}`));
  });

  for (const uses of [1, 3]) {
    it(`so that of many racing for ${uses}, exactly ${uses} win`, async () => {
      const store = await open();
      const { token } = await store.provision({ ...ALICE, uses });
      const results = await Promise.allSettled(Array.from({ length: 20 }, () => store.redeem(token, { findUser })));
      assert.equal(results.filter(({ status }) => status === 'fulfilled').length, uses);
      for (const result of results) if (result.status === 'rejected') assert.equal(result.reason.name, 'InvalidToken');
      assert.deepEqual(await fs.readdir(given.path), []);
    });
  }

  it('and none that would be in vain, nor asks about a token that is not good', async () => {
    const store = await open();
    const { id, token } = await store.provision({ ...ALICE, uses: 1 });
    const asked: string[] = [];
    const admit = (about: { id: string }) => {
      asked.push(about.id);
      throw new Error('in vain');
    };
    await assert.rejects(store.redeem(token, { findUser, admit }), /in vain/);
    assert.equal((await readJson(id)).uses, 1);
    await store.redeem(token, { findUser });
    await assert.rejects(store.redeem(token, { findUser, admit }), refusal(`there is no token ${id}`));
    assert.deepEqual(asked, [id]);
  });

  it('and loses none to another change at the same time', async () => {
    const store = await open();
    const { id, token } = await store.provision({ ...ALICE, uses: 10 });
    await Promise.all([
      ...Array.from({ length: 5 }, () => store.redeem(token, { findUser })),
      ...Array.from({ length: 5 }, () => store.provision(ALICE)),
    ]);
    assert.equal((await readJson(id)).uses, 5);
    assert.equal(store.find(id)?.uses, 5);
    assert.equal((await ids(store)).length, 6);
  });
});
