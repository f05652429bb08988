import assert from 'node:assert/strict';
import fs from 'node:fs/promises';
import {
  formatHashedToken,
  formatToken,
  generateToken,
  hashSecret,
  parseHashedToken,
} from '../../../src/token-store/token.js';
import { ALICE, breakDisk, events, fullDisk, givenStore, mendDisk } from './given.js';

function made() {
  const token = generateToken();
  return { text: formatToken(token), hashed: { id: token.id, hash: hashSecret(token.secret).toString('hex') } };
}

describe('TokenStore takes in tokens made elsewhere', () => {
  const { open, findUser, file } = givenStore();

  it('which open what they are for, and are told of by line of text', async () => {
    const store = await open();
    const seen = events(store);
    const { text, hashed } = made();
    await store.place({ ...ALICE, uses: 2 }, parseHashedToken(formatHashedToken(hashed)));
    assert.deepEqual(seen, [`added ${hashed.id}`]);
    assert.equal((await store.redeem(text, { findUser })).user, 'alice');
    assert.ok(!(await fs.readFile(file(hashed.id), 'utf8')).includes(text.slice(-64)));
  });

  it('again, with what is said of them now, but never in place of another', async () => {
    const store = await open();
    const { text, hashed } = made();
    await store.place({ ...ALICE, label: 'first' }, hashed);
    await store.place({ ...ALICE, label: 'second' }, hashed);
    assert.deepEqual(
      (await store.list()).map(({ label }) => label),
      ['second'],
    );
    await assert.rejects(store.place(ALICE, { ...hashed, hash: made().hashed.hash }), { name: 'InvalidArgs' });
    assert.equal((await store.redeem(text, { findUser })).label, 'second');
  });

  it('and keeps the one before when the disk is full', async () => {
    const store = await open();
    const { text, hashed } = made();
    await store.place(ALICE, hashed);
    breakDisk(fullDisk('ENOSPC'));
    await assert.rejects(store.place({ ...ALICE, label: 'new' }, hashed), { name: 'Busy' });
    mendDisk();
    assert.equal((await (await open()).redeem(text, { findUser })).label, '');
  });

  it('unless there are too many, or they are none', async () => {
    const store = await open();
    const { hashed } = made();
    await assert.rejects(store.place(ALICE, { ...hashed, id: '../../etc/x' }), { name: 'InvalidArgs' });
    await assert.rejects(store.place(ALICE, { ...hashed, hash: 'x' }), { name: 'InvalidArgs' });
    const text = formatHashedToken(hashed);
    for (const wrong of ['', text.slice(1), `${text}0`, text.toUpperCase(), ` ${text}`, `${text}\n`])
      assert.throws(() => parseHashedToken(wrong), { name: 'InvalidArgs' }, wrong);
  });
});
