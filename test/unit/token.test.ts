import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { formatToken, generateToken, hashSecret, parseToken } from '../../src/token-store/token.js';

const ID = 'abcdefg234';
const SECRET = '0123456789abcdef'.repeat(4);

describe('token', () => {
  it('reads ra1-ID-SECRET', () => {
    assert.deepEqual(parseToken(`ra1-${ID}-${SECRET}`), { id: ID, secret: SECRET });
  });

  it('is generated anew each time, and reads back', () => {
    const ids = new Set<string>();
    const secrets = new Set<string>();
    for (let count = 0; count < 200; count++) {
      const token = generateToken();
      assert.match(formatToken(token), /^ra1-[a-z2-7]{10}-[0-9a-f]{64}$/);
      assert.deepEqual(parseToken(formatToken(token)), token);
      ids.add(token.id);
      secrets.add(token.secret);
    }
    assert.deepEqual([ids.size, secrets.size], [200, 200]);
  });

  it('hashes the secret with SHA-256', () => {
    assert.equal(hashSecret(SECRET).toString('hex'), createHash('sha256').update(SECRET).digest('hex'));
  });

  for (const [what, text] of [
    ['nothing', ''],
    ['another prefix', `ra2-${ID}-${SECRET}`],
    ['an upper-case prefix', `RA1-${ID}-${SECRET}`],
    ['an upper-case id', `ra1-${ID.toUpperCase()}-${SECRET}`],
    ['an id with digits that are not base32', `ra1-abcdefg189-${SECRET}`],
    ['a short id', `ra1-${ID.slice(1)}-${SECRET}`],
    ['a long id', `ra1-${ID}a-${SECRET.slice(1)}`],
    ['an upper-case secret', `ra1-${ID}-${SECRET.toUpperCase()}`],
    ['a short secret', `ra1-${ID}-${SECRET.slice(1)}`],
    ['a long secret', `ra1-${ID}-${SECRET}0`],
    ['a newline at the end', `ra1-${ID}-${SECRET}\n`],
    ['a newline for a digit', `ra1-${ID}-${SECRET.slice(1)}\n`],
    ['spaces around it', ` ra1-${ID}-${SECRET} `],
    ['a path for an id', `ra1-../../etc/-${SECRET}`],
    ['full-width digits', `ra1-${ID}-${'０'.repeat(64)}`],
    ['a NUL', `ra1-${ID}-${SECRET.slice(1)}\0`],
    ['4 MiB', `ra1-${ID}-${'a'.repeat(4 * 1024 * 1024)}`],
    ['4 MiB of dashes', '-'.repeat(4 * 1024 * 1024)],
  ] as const) {
    it(`refuses ${what}`, () => {
      assert.throws(() => parseToken(text), { name: 'InvalidToken', message: 'the text is not a token' });
    });
  }
});
