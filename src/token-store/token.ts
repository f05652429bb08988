import { createHash, randomBytes, randomInt } from 'node:crypto';
import { InvalidToken } from '../errors.js';

/** A token as its holder has it: the public id that names it, and the secret that proves it. */
export type Token = { readonly id: string; readonly secret: string };

export const ID = /^[a-z2-7]{10}$/;
const TEXT = /^ra1-([a-z2-7]{10})-([0-9a-f]{64})$/;
const LENGTH = 'ra1--'.length + 10 + 64;
const ALPHABET = 'abcdefghijklmnopqrstuvwxyz234567';

/** A new token: 50 random bits name it, 256 random bits are its secret. */
export function generateToken(): Token {
  const id = Array.from({ length: 10 }, () => ALPHABET[randomInt(ALPHABET.length)]).join('');
  return { id, secret: randomBytes(32).toString('hex') };
}

export function formatToken({ id, secret }: Token): string {
  return `ra1-${id}-${secret}`;
}

/** Reads exactly what formatToken writes, in a time that does not depend on the text's length; else InvalidToken. */
export function parseToken(text: string): Token {
  const [, id, secret] = (text.length === LENGTH && TEXT.exec(text)) || [];
  if (id === undefined || secret === undefined) throw new InvalidToken('the text is not a token');
  return { id, secret };
}

/**
 * What is stored of a secret. One round of SHA-256 is enough, unlike for a password: guessing one of 2^256 evenly
 * random secrets is hopeless however fast the hash is, and a slow hash would let strangers keep the machine busy.
 */
export function hashSecret(secret: string): Buffer {
  return createHash('sha256').update(secret).digest();
}
