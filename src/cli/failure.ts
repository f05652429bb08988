import { CallError, ConnectionLost, DeadlineExceeded } from '../bus/call-error.js';
import { RemoteAccessError } from '../errors.js';
import { exitCodeOf } from './exit-code.js';
import { visible } from './table.js';
import { UsageError } from './usage-error.js';
import { STDERR, write } from './write.js';

const BUS = 'org.freedesktop.DBus.Error';

/** What is told of an error: its D-Bus name for programs, one line for people. */
export type Failure = { readonly dbusName: string; readonly message: string };

/** Undefined if the error is none that we expect: a bug, of which the stack should be seen. */
export function describeFailure(error: unknown): Failure | undefined {
  if (error instanceof CallError) return { dbusName: error.dbusName, message: error.text || error.dbusName };
  if (error instanceof RemoteAccessError) return { dbusName: error.dbusName, message: error.message };
  if (error instanceof DeadlineExceeded) return { dbusName: `${BUS}.Timeout`, message: error.message };
  if (error instanceof ConnectionLost) return { dbusName: `${BUS}.Disconnected`, message: error.message };
  // The system's own errors: files and processes.
  if (error instanceof Error && typeof (error as NodeJS.ErrnoException).errno === 'number')
    return { dbusName: `${BUS}.Failed`, message: error.message };
  return undefined;
}

/**
 * Tells an error on standard error, in one line or one JSON object, and returns the exit code for it. `about` is what
 * it happened to, where that would not be clear.
 */
export function reportFailure(error: unknown, { json, about }: { json: boolean; about?: string | undefined }): number {
  const failure = describeFailure(error);
  if (failure === undefined) throw error;
  const { dbusName, message } = failure;
  const of = about === undefined ? {} : { about };
  if (json) write(STDERR, `${JSON.stringify({ error: dbusName, message, ...of })}\n`);
  else {
    const text = about === undefined ? message : `${about}: ${message}`;
    // What the service says may hold what others chose, a client's name for example.
    write(STDERR, `remoteaccessctl: ${visible(text)}\n`);
    if (error instanceof UsageError && error.command !== undefined)
      write(STDERR, `remoteaccessctl ${error.command} --help says more.\n`);
  }
  return exitCodeOf(dbusName);
}
