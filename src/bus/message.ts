import { closeSync } from 'node:fs';
import { InvalidArgs } from '../errors.js';

/** A D-Bus message (D-Bus specification, "Message Protocol"). */
export type Message = {
  type: number;
  serial: number;
  flags?: number;
  path?: string;
  interface?: string;
  member?: string;
  errorName?: string;
  replySerial?: number;
  destination?: string;
  sender?: string;
  signature?: string;
  /** Values as marshal() takes them and the wire library reads them; Codec turns them into ours. */
  body?: unknown[];
  /** The body arrived but could not be read. */
  malformed?: true;
  /** Descriptors that came or go with the message; `h` values in the body are indices into it. */
  fds?: number[];
};

export const METHOD_CALL = 1;
export const METHOD_RETURN = 2;
export const ERROR = 3;
export const SIGNAL = 4;

export const NO_REPLY_EXPECTED = 0x1;
export const ALLOW_INTERACTIVE_AUTHORIZATION = 0x4;

/** The system bus throws out who sends a larger message, in bytes (max_message_size in dbus-daemon's system.conf). */
export const MAX_SENT = 32 * 1024 * 1024;

/** Or one with more descriptors (max_message_unix_fds). */
export const MAX_SENT_FDS = 16;

/** No message is larger on any bus, in bytes (D-Bus specification, "Message Format"). */
export const MAX_RECEIVED = 128 * 1024 * 1024;

/** Raises InvalidArgs where a call's arguments are not of these types. */
export function expectSignature({ member, signature = '' }: Message, expected: string): void {
  if (signature !== expected) throw new InvalidArgs(`${member} takes '${expected}', not '${signature.slice(0, 64)}'`);
}

/** Closes the descriptors that came with a message and that nobody took. */
export function closeFds(message: { fds?: readonly number[] }): void {
  for (const fd of message.fds ?? []) closeFd(fd);
}

/** Closes all it is given, also after one that is closed already: that is our bug, and the others would stay open. */
export function closeFd(fd: number): void {
  try {
    closeSync(fd);
  } catch (error) {
    console.error(error);
  }
}
