import { closeSync } from 'node:fs';

/** A D-Bus message as dbus-native frames it (D-Bus specification, "Message Protocol"). */
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
  body?: unknown[];
  /** Descriptors that came or go with the message; `h` values in the body are indices into it. */
  fds?: number[];
};

export const METHOD_CALL = 1;
export const METHOD_RETURN = 2;
export const ERROR = 3;
export const SIGNAL = 4;

export const NO_REPLY_EXPECTED = 0x1;
export const ALLOW_INTERACTIVE_AUTHORIZATION = 0x4;

/** Closes the descriptors that came with a message and that nobody took. */
export function closeFds(message: Message): void {
  for (const fd of message.fds ?? []) closeSync(fd);
}
