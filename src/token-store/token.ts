import { createHash, randomBytes, randomInt } from 'node:crypto';
import { InvalidArgs, InvalidToken } from '../errors.js';

/** A token as its holder has it: the public id that names it, and the secret that proves it. */
export type Token = { readonly id: string; readonly secret: string };

/** What may be known of a token to everybody: its id, and the SHA-256 of its secret in hexadecimal. */
export type HashedToken = { readonly id: string; readonly hash: string };

export const ID = /^[a-z2-7]{10}$/;
const TEXT = /^ra1-([a-z2-7]{10})-([0-9a-f]{64})$/;
const HASHED_TEXT = /^ra1-([a-z2-7]{10})-sha256:([0-9a-f]{64})$/;
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

/** A hashed token as a line of text, for placing it where the token itself is not to be known. */
export function formatHashedToken({ id, hash }: HashedToken): string {
  return `ra1-${id}-sha256:${hash}`;
}

/** Reads exactly what formatHashedToken writes; else InvalidArgs. */
export function parseHashedToken(text: string): HashedToken {
  const [, id, hash] = HASHED_TEXT.exec(text) ?? [];
  if (id === undefined || hash === undefined) throw new InvalidArgs('the text is not a hashed token');
  return { id, hash };
}
