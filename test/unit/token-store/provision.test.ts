import assert from 'node:assert/strict';
import fs from 'node:fs/promises';
import { hashSecret } from '../../../src/token-store/token.js';
import { MOST_TOKENS_PER_USER, type Provision } from '../../../src/token-store/token-store.js';
import { ALICE, events, givenStore, ids, NOW } from './given.js';

describe('TokenStore provisions', () => {
  const given = givenStore();
  const { open, findUser, file, readJson } = given;

  it('a token that opens what it was made for', async () => {
    const store = await open();
    const seen = events(store);
    const { id, token } = await store.provision({
      ...ALICE,
      label: 'CI',
      appId: 'org.example.Tool',
      desktop: 'gnome',
    });
    const expected = {
      id,
      user: 'alice',
      uid: 1000,
      label: 'CI',
      'app-id': 'org.example.Tool',
      grants: ['capture', 'keyboard'],
      desktop: 'gnome',
      created: NOW,
      expires: 0,
      uses: 0,
      'last-used': 0,
    };
    assert.deepEqual(await store.list(), [expected]);
    assert.deepEqual(store.find(id), expected);
    given.seconds += 10;
    assert.deepEqual(await store.redeem(token, { findUser }), expected);
    assert.deepEqual(await store.list(), [{ ...expected, 'last-used': NOW + 10 }]);
    assert.deepEqual(seen, [`added ${id}`]);
  });

  it('a file that only its owner can read, without the secret', async () => {
    const store = await open();
    const { id, token } = await store.provision({ ...ALICE, label: 'Büro ☕ 漢字 👩‍💻' });
    assert.equal((await fs.stat(given.path)).mode & 0o7777, 0o700);
    assert.equal((await fs.stat(file(id))).mode & 0o7777, 0o600);
    assert.deepEqual(await fs.readdir(given.path), [`${id}.json`]);
    const secret = token.slice(`ra1-${id}-`.length);
    const text = await fs.readFile(file(id), 'utf8');
    assert(!text.includes(secret));
    assert.deepEqual(await readJson(id), {
      format: 1,
      id,
      hash: hashSecret(secret).toString('hex'),
      user: 'alice',
      uid: 1000,
      grants: ['capture', 'keyboard'],
      label: 'Büro ☕ 漢字 👩‍💻',
      'app-id': '',
      desktop: '',
      created: NOW,
      expires: 0,
      uses: 0,
      'last-used': 0,
    });
  });

  it('with mode 0600 whatever the umask is', async () => {
    const umask = process.umask(0);
    try {
      const store = await open();
      const { id, token } = await store.provision({ ...ALICE, uses: 2 });
      await store.redeem(token, { findUser });
      assert.equal((await fs.stat(file(id))).mode & 0o7777, 0o600);
      assert.equal((await fs.stat(given.path)).mode & 0o7777, 0o700);
    } finally {
      process.umask(umask);
    }
  });

  it('tokens that survive a restart', async () => {
    const first = await open();
    const { token } = await first.provision({ ...ALICE, label: '☕', uses: 3 });
    const before = await first.list();
    const second = await open();
    assert.deepEqual(await second.list(), before);
    assert.equal((await second.redeem(token, { findUser })).uses, 3);
    assert.equal((await (await open()).list())[0]?.uses, 2);
  });

  it('lists by uid, the oldest first', async () => {
    const store = await open();
    const made: string[] = [];
    for (const uid of [1000, 1001, 1000, 1002]) {
      made.push((await store.provision({ ...ALICE, uid })).id);
      given.seconds++;
    }
    assert.deepEqual(await ids(store), made);
    assert.deepEqual(
      (await store.list({ uid: 1000 })).map(({ id }) => id),
      [made[0], made[2]],
    );
    assert.deepEqual(await store.list({ uid: 5 }), []);
  });

  for (const [key, change] of [
    ['label', { label: 'x'.repeat(257) }],
    ['label', { label: 'two\nlines' }],
    ['label', { label: '\ud800' }],
    ['app-id', { appId: 'org/example' }],
    ['desktop', { desktop: '../../etc/passwd' }],
    ['expires', { expires: -1 }],
    ['expires', { expires: 2 ** 53 }],
    ['uses', { uses: 1.5 }],
    ['uses', { uses: 2 ** 32 }],
    ['uid', { uid: 0xff_ff_ff_ff }],
    ['user', { user: '' }],
    ['grants', { grants: ['capture', 'capture'] }],
    ['grants', { grants: ['everything' as 'capture'] }],
  ] as const satisfies [string, Partial<Provision>][]) {
    it(`nothing that could not be read back: ${JSON.stringify(change).slice(0, 40)}`, async () => {
      const store = await open();
      await assert.rejects(store.provision({ ...ALICE, ...change }), {
        name: 'InvalidArgs',
        message: `'${key}' is not valid`,
      });
      assert.deepEqual(await fs.readdir(given.path), []);
      assert.deepEqual(await store.list(), []);
    });
  }

  it('a label of 256 characters, each of several bytes', async () => {
    const store = await open();
    const label = '👩'.repeat(256);
    await store.provision({ ...ALICE, label });
    assert.equal((await (await open()).list())[0]?.label, label);
  });

  it('at most 1000 tokens for each user', async () => {
    const store = await open();
    for (let count = 0; count < MOST_TOKENS_PER_USER; count++) await store.provision(ALICE);
    await assert.rejects(store.provision(ALICE), {
      name: 'Busy',
      message: 'alice has 1000 tokens: revoke some first',
    });
    await store.provision({ ...ALICE, user: 'bob', uid: 1001 });
    const [first] = await ids(store);
    await store.revoke(String(first));
    await store.provision(ALICE);
  });
});
