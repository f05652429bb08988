import { isOurs, RemoteAccessError } from '../errors.js';
import { CallError } from './call-error.js';

/** An error as its caller may see it: ours by name and message, anything else is logged and told without details. */
export function errorReply(error: unknown): { errorName: string; signature: 's'; body: [string] } {
  if (error instanceof RemoteAccessError) return { errorName: error.dbusName, signature: 's', body: [error.message] };
  // What another process of ours answered by name is meant for the caller, too.
  if (error instanceof CallError && isOurs(error.dbusName))
    return { errorName: error.dbusName, signature: 's', body: [error.text] };
  console.error(error);
  return { errorName: 'org.freedesktop.DBus.Error.Failed', signature: 's', body: ['internal error'] };
}
