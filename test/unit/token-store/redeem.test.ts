import assert from 'node:assert/strict';
import fs from 'node:fs/promises';
import type { FindUser } from '../../../src/token-store/token-store.js';
import { ALICE, events, givenStore, refusal } from './given.js';

describe('TokenStore refuses', () => {
  const given = givenStore();
  const { open, findUser, file, readJson, writeJson } = given;

  it('what is not a token, an unknown one and a wrong secret, each with its message', async () => {
    const store = await open();
    const { id, token } = await store.provision(ALICE);
    const wrong = token.slice(0, -1) + (token.endsWith('0') ? '1' : '0');
    const unknown = token.replace(id, id.startsWith('a') ? `b${id.slice(1)}` : `a${id.slice(1)}`);
    for (const text of ['', 'garbage', `${token}\n`, token.toUpperCase(), 'x'.repeat(4 * 1024 * 1024)])
      await assert.rejects(store.redeem(text, { findUser }), refusal('the text is not a token'));
    await assert.rejects(store.redeem(unknown, { findUser }), refusal(/^there is no token [a-z2-7]{10}$/));
    await assert.rejects(store.redeem(wrong, { findUser }), refusal(`that is not the secret of token ${id}`));
    assert.equal((await store.redeem(token, { findUser })).id, id);
  });

  it('to look up a user for somebody who does not have the secret', async () => {
    const store = await open();
    const { token } = await store.provision(ALICE);
    const asked: string[] = [];
    const spy: FindUser = async (name) => {
      asked.push(name);
      return { uid: 1000 };
    };
    const wrong = token.slice(0, -1) + (token.endsWith('0') ? '1' : '0');
    await assert.rejects(store.redeem(wrong, { findUser: spy }), { name: 'InvalidToken' });
    assert.deepEqual(asked, []);
    await store.redeem(token, { findUser: spy });
    assert.deepEqual(asked, ['alice']);
  });

  it('the token of a deleted user, and of a name that somebody else has by now', async () => {
    const store = await open();
    const { id, token } = await store.provision({ ...ALICE, uses: 1 });
    given.users.delete('alice');
    await assert.rejects(store.redeem(token, { findUser }), refusal(`the user of token ${id}, alice, is gone`));
    given.users.set('alice', 2000);
    await assert.rejects(
      store.redeem(token, { findUser }),
      refusal(`the user of token ${id}, alice, had uid 1000 and now has 2000`),
    );
    given.users.set('alice', 1000);
    assert.equal((await store.redeem(token, { findUser })).id, id);
  });

  it('nothing for good if the user database fails', async () => {
    const store = await open();
    const { id, token } = await store.provision({ ...ALICE, uses: 1 });
    const broken: FindUser = () => Promise.reject(new Error('no database'));
    await assert.rejects(store.redeem(token, { findUser: broken }), { message: 'no database' });
    assert.equal((await store.redeem(token, { findUser })).id, id);
  });

  it('a revoked token', async () => {
    const store = await open();
    const seen = events(store);
    const { id, token } = await store.provision(ALICE);
    await store.revoke(id);
    assert.deepEqual(await fs.readdir(given.path), []);
    assert.deepEqual(seen, [`added ${id}`, `removed ${id} revoked`]);
    assert.equal(store.find(id), undefined);
    await assert.rejects(store.redeem(token, { findUser }), refusal(`there is no token ${id}`));
    for (const unknown of [id, '', '../../etc/passwd', 'x'.repeat(4 * 1024 * 1024)])
      await assert.rejects(store.revoke(unknown), { name: 'NoSuchToken' });
  });

  it('a token that is revoked while its user is looked up', async () => {
    const store = await open();
    const { id, token } = await store.provision(ALICE);
    const meanwhile: FindUser = async () => {
      await store.revoke(id);
      return { uid: 1000 };
    };
    await assert.rejects(
      store.redeem(token, { findUser: meanwhile }),
      refusal(`token ${id} was used up or revoked meanwhile`),
    );
  });

  it('a token whose file an admin deleted or made over', async () => {
    const store = await open();
    const seen = events(store);
    const deleted = await store.provision(ALICE);
    await fs.unlink(file(deleted.id));
    await assert.rejects(store.redeem(deleted.token, { findUser }), { name: 'InvalidToken' });
    const changed = await store.provision(ALICE);
    await writeJson(changed.id, { ...(await readJson(changed.id)), user: 'bob', uid: 1001 });
    await assert.rejects(
      store.redeem(changed.token, { findUser }),
      refusal(`token ${changed.id} was changed meanwhile`),
    );
    assert.equal((await store.redeem(changed.token, { findUser })).user, 'bob');
    assert.deepEqual(seen, [`added ${deleted.id}`, `removed ${deleted.id} revoked`, `added ${changed.id}`]);
  });
});
