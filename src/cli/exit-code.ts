/** The exit codes of remoteaccessctl, for scripts: few, and what they mean does not change. */
export const EXIT = {
  ok: 0,
  failed: 1,
  usage: 2,
  notFound: 3,
  notAuthorized: 4,
  unavailable: 5,
  busy: 6,
} as const;

export const EXIT_MEANINGS: readonly (readonly [code: number, meaning: string])[] = [
  [EXIT.ok, 'It is done.'],
  [EXIT.failed, 'The service could not do it, or something else went wrong; the message says what.'],
  [EXIT.usage, 'The command line was not understood, or one of its values was refused. Nothing was done.'],
  [EXIT.notFound, 'There is no such user, session or token.'],
  [EXIT.notAuthorized, 'The caller may not do this, or the token was not accepted.'],
  [EXIT.unavailable, 'The service cannot be reached, or did not answer in time.'],
  [EXIT.busy, 'In use, or tried too often: the same may work later.'],
  [130, 'Interrupted.'],
];

const OURS = 'org.freedesktop.RemoteAccess.Error.';
const BUS = 'org.freedesktop.DBus.Error.';

const CODES = new Map<string, number>([
  [`${BUS}InvalidArgs`, EXIT.usage],
  [`${OURS}InvalidLayout`, EXIT.usage],
  [`${OURS}NoSuchUser`, EXIT.notFound],
  [`${OURS}NoSuchSession`, EXIT.notFound],
  [`${OURS}NoSuchToken`, EXIT.notFound],
  [`${BUS}UnknownObject`, EXIT.notFound],
  [`${OURS}NotAuthorized`, EXIT.notAuthorized],
  [`${OURS}AuthenticationFailed`, EXIT.notAuthorized],
  [`${OURS}InvalidToken`, EXIT.notAuthorized],
  [`${OURS}GrantMissing`, EXIT.notAuthorized],
  [`${BUS}AccessDenied`, EXIT.notAuthorized],
  [`${BUS}ServiceUnknown`, EXIT.unavailable],
  [`${BUS}NameHasNoOwner`, EXIT.unavailable],
  [`${BUS}NoReply`, EXIT.unavailable],
  [`${BUS}Timeout`, EXIT.unavailable],
  [`${BUS}TimedOut`, EXIT.unavailable],
  [`${BUS}Disconnected`, EXIT.unavailable],
  [`${OURS}Busy`, EXIT.busy],
  [`${OURS}TooManyAttempts`, EXIT.busy],
]);

/** The exit code for an error of that D-Bus name. */
export function exitCodeOf(dbusName: string): number {
  // What the bus, and systemd for it, say of a service that cannot be started.
  if (dbusName.startsWith(`${BUS}Spawn.`) || dbusName.startsWith('org.freedesktop.systemd1.')) return EXIT.unavailable;
  return CODES.get(dbusName) ?? EXIT.failed;
}
