import { closeFd } from '../bus/message.js';
import { duplicate, sendDatagram } from '../bus/native/descriptors.js';

/*
 * What of our descriptors systemd keeps while we are started again, until the unit stops (FileDescriptorStoreMax= in
 * systemd.service(5)). Without systemd nothing is kept and nothing found.
 */

/** systemd passes descriptors from this one on (sd_listen_fds(3)). */
const FIRST = 3;

/** The descriptor that was kept under a name, now the caller's. What systemd passed under other names is closed. */
export function takeDescriptor(name: string): number | undefined {
  const { LISTEN_PID, LISTEN_FDNAMES = '' } = process.env;
  if (LISTEN_PID !== String(process.pid)) return undefined;
  delete process.env.LISTEN_PID;
  let found: number | undefined;
  for (const [at, kept] of LISTEN_FDNAMES.split(':').entries()) {
    // A duplicate, since those passed are open across exec.
    if (kept === name && found === undefined) found = duplicate(FIRST + at);
    closeFd(FIRST + at);
  }
  return found;
}

/** A copy of the descriptor is kept, as long as the other end does not hang up. */
export function keepDescriptor(name: string, fd: number): void {
  notify(`FDSTORE=1\nFDNAME=${name}`, [fd]);
}

export function dropDescriptor(name: string): void {
  notify(`FDSTOREREMOVE=1\nFDNAME=${name}`, []);
}

/** Tells systemd something about us (sd_notify(3)). */
function notify(state: string, fds: readonly number[]): void {
  const address = process.env.NOTIFY_SOCKET;
  if (address === undefined) return;
  sendDatagram(Buffer.from(address.replace(/^@/, '\0')), Buffer.from(state), fds);
}
