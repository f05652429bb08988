/**
 * Every error that this project tells a caller: a closed set, each with the D-Bus name that programs test for and a
 * message for people. The message never holds a secret. Anything else that is thrown is a bug of ours and reaches a
 * caller only as org.freedesktop.DBus.Error.Failed without details.
 */
export abstract class RemoteAccessError extends Error {
  abstract readonly dbusName: string;
}

const named = (dbusName: string) =>
  class extends RemoteAccessError {
    override readonly name = dbusName.slice(dbusName.lastIndexOf('.') + 1);
    readonly dbusName = dbusName;
  };

const ours = (name: string) => named(`org.freedesktop.RemoteAccess.Error.${name}`);

/** The caller may not do this. */
export class NotAuthorized extends ours('NotAuthorized') {}
/** Token, password or peer were not accepted; says the same for every cause. */
export class AuthenticationFailed extends ours('AuthenticationFailed') {}
/** No such user; to unauthenticated callers AuthenticationFailed instead. */
export class NoSuchUser extends ours('NoSuchUser') {}
export class NoSuchSession extends ours('NoSuchSession') {}
export class NoSuchToken extends ours('NoSuchToken') {}
/** The token is malformed, expired, used up or revoked; to unauthenticated callers AuthenticationFailed instead. */
export class InvalidToken extends ours('InvalidToken') {}
/** That authentication method is not among the Login's Methods. */
export class MethodNotOffered extends ours('MethodNotOffered') {}
/** Too many tries; the message says for how long to wait. */
export class TooManyAttempts extends ours('TooManyAttempts') {}
/** The layout changed since the serial was read: read it again. */
export class StaleSerial extends ours('StaleSerial') {}
/** The layout cannot be shown; nothing was changed. */
export class InvalidLayout extends ours('InvalidLayout') {}
/** The connection's grants do not include this. */
export class GrantMissing extends ours('GrantMissing') {}
/** The session could not be started, or its compositor or agent went away. */
export class SessionFailed extends ours('SessionFailed') {}
/** In use, or a limit is reached. */
export class Busy extends ours('Busy') {}
/** This session's compositor or this machine cannot do it. */
export class NotSupported extends ours('NotSupported') {}
/** The configuration has mistakes: the message has them, with file and line. Nothing was changed. */
export class InvalidConfiguration extends ours('InvalidConfiguration') {}

/** Malformed arguments: wrong types, unknown options, values out of range. */
export class InvalidArgs extends named('org.freedesktop.DBus.Error.InvalidArgs') {}
export class UnknownMethod extends named('org.freedesktop.DBus.Error.UnknownMethod') {}
export class UnknownObject extends named('org.freedesktop.DBus.Error.UnknownObject') {}
export class UnknownInterface extends named('org.freedesktop.DBus.Error.UnknownInterface') {}
export class UnknownProperty extends named('org.freedesktop.DBus.Error.UnknownProperty') {}
export class PropertyReadOnly extends named('org.freedesktop.DBus.Error.PropertyReadOnly') {}

/** Whether a D-Bus error name is one that our own processes answer on purpose. */
export function isOurs(dbusName: string): boolean {
  return (
    dbusName.startsWith('org.freedesktop.RemoteAccess.Error.') || dbusName === 'org.freedesktop.DBus.Error.InvalidArgs'
  );
}
