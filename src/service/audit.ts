import { closeFd } from '../bus/message.js';
import { connectUnix, send } from '../bus/native/descriptors.js';

/** Where the journal takes entries with fields, each as one datagram (systemd's "Native Journal Protocol"). */
const JOURNAL = '/run/systemd/journal/socket';

/** From syslog(3): security messages that not everybody may read, and how much they matter. */
const AUTHPRIV = 10;
const NOTICE = 5;
const INFO = 6;

/** Characters: clients name themselves. */
const LONGEST = 256;

export type AuditEvent =
  | 'login'
  | 'login-failed'
  | 'connected'
  | 'closed'
  | 'session-started'
  | 'session-ended'
  | 'token-provisioned'
  | 'token-revoked'
  | 'token-removed';

/** What is known of an event; never a secret. */
export type AuditFields = {
  /** Whose session or token it is. */
  readonly user?: string | undefined;
  readonly session?: string | undefined;
  readonly connection?: number | undefined;
  readonly method?: string | undefined;
  /** Kerberos' name for the user. */
  readonly principal?: string | undefined;
  /** A token's public id. */
  readonly token?: string | undefined;
  readonly grants?: readonly string[] | undefined;
  readonly reason?: string | undefined;
  /** What the tool says of its client. */
  readonly 'client-name'?: string | undefined;
  readonly 'client-address'?: string | undefined;
  /** Who called, as the bus says. */
  readonly 'caller-uid'?: number | undefined;
  readonly 'caller-pid'?: number | undefined;
};

/**
 * Writes what administrators want to find again into the journal: `REMOTE_ACCESS_EVENT` is the event, and every field
 * that is known has one of its own, `REMOTE_ACCESS_USER` for `user`. remote-accessd(8) documents them.
 */
export function audit(event: AuditEvent, fields: AuditFields): void {
  const known = Object.entries(fields)
    .filter(([, value]) => value !== undefined)
    .map(([key, value]) => [key, String(value).slice(0, LONGEST)] as const);
  const message = [event, ...known.map(([key, value]) => `${key}=${JSON.stringify(value)}`)].join(' ');
  const entry = [
    ['MESSAGE', message],
    ['PRIORITY', event === 'login-failed' ? NOTICE : INFO],
    ['SYSLOG_FACILITY', AUTHPRIV],
    ['SYSLOG_IDENTIFIER', 'remote-accessd'],
    ['REMOTE_ACCESS_EVENT', event],
    ...known.map(([key, value]) => [`REMOTE_ACCESS_${key.replaceAll('-', '_').toUpperCase()}`, value]),
  ] as const;
  try {
    const socket = connectUnix(Buffer.from(JOURNAL), true);
    try {
      send(socket, Buffer.concat(entry.map(([name, value]) => field(name ?? '', String(value)))), []);
    } finally {
      closeFd(socket);
    }
  } catch {
    // Without a journal standard error has it, wherever that leads.
    console.warn(message);
  }
}

/** A field with the length of its value in front, which may then hold anything, a line's end, too. */
function field(name: string, value: string): Buffer {
  const bytes = Buffer.from(value);
  const length = Buffer.alloc(8);
  length.writeBigUInt64LE(BigInt(bytes.length));
  return Buffer.concat([Buffer.from(`${name}\n`), length, bytes, Buffer.from('\n')]);
}
