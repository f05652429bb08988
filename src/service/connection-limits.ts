import type { Settings } from '../configuration/generated/settings.js';
import { Busy } from '../errors.js';

/** A connection's place: in which session, and whose tool has it; the uid is not known of those of older daemons. */
export type Place = {
  readonly session: { readonly record: { readonly id: string } };
  readonly uid?: number | undefined;
};

export type ConnectionLimits = Pick<Settings['Session'], 'MaxConnections' | 'MaxConnectionsPerUser'>;

/** Busy says which limit leaves no place for a connection more. One that displaces the others of its session takes theirs. */
export function checkPlace(
  { session, uid, displaces }: Place & { readonly displaces: boolean },
  taken: readonly Place[],
  { MaxConnections: mostInOne, MaxConnectionsPerUser: mostOfOne }: ConnectionLimits,
): void {
  const staying = taken.filter((place) => !displaces || place.session !== session);
  const here = staying.filter((place) => place.session === session).length;
  if (here >= mostInOne)
    throw new Busy(
      `session ${session.record.id} has ${amount(here)}, and may have no more (MaxConnections=${mostInOne})`,
    );
  // Root's tools serve many users at once.
  const own = uid === 0 ? 0 : staying.filter((place) => place.uid === uid).length;
  if (own >= mostOfOne)
    throw new Busy(`${amount(own)} of uid ${uid} are open: close some first (MaxConnectionsPerUser=${mostOfOne})`);
}

const amount = (count: number) => (count === 1 ? '1 connection' : `${count} connections`);
