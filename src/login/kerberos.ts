import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { WORKER } from './launch.js';

/** Milliseconds: it reads the keytab. */
const DEADLINE = 5000;

/** Whether the machine has what logins with Kerberos need: MIT's libraries, and a key of `host/` in its keytab. */
export async function offersKerberos(): Promise<boolean> {
  try {
    await promisify(execFile)(WORKER, ['--probe-kerberos'], { killSignal: 'SIGKILL', timeout: DEADLINE });
    return true;
  } catch {
    return false;
  }
}
