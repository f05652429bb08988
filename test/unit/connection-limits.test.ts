import assert from 'node:assert/strict';
import { Busy } from '../../src/errors.js';
import { checkPlace, type Place } from '../../src/service/connection-limits.js';

describe('the place of a connection', () => {
  const limits = { MaxConnections: 3, MaxConnectionsPerUser: 2 };
  const session = (id: string) => ({ record: { id } });
  const [one, two] = [session('1a2b3c4d'), session('5e6f7a8b')];
  const places = (count: number, place: Place): Place[] => Array.from({ length: count }, () => place);
  const ask = (place: Place, taken: readonly Place[], displaces = false) =>
    checkPlace({ ...place, displaces }, taken, limits);
  const refuses = (message: string, ...given: Parameters<typeof ask>) =>
    assert.throws(() => ask(...given), new Busy(message));

  it('is there until a session has its number, whoever has them', () => {
    const taken = [{ session: one, uid: 1000 }, { session: one, uid: 0 }, { session: one }];
    ask({ session: one, uid: 1001 }, taken.slice(1));
    refuses(
      'session 1a2b3c4d has 3 connections, and may have no more (MaxConnections=3)',
      { session: one, uid: 0 },
      taken,
    );
    ask({ session: two, uid: 1001 }, taken);
  });

  it('is there until a user has their number, in whichever sessions', () => {
    const taken = [
      { session: one, uid: 1000 },
      { session: two, uid: 1000 },
    ];
    refuses(
      '2 connections of uid 1000 are open: close some first (MaxConnectionsPerUser=2)',
      { session: one, uid: 1000 },
      taken,
    );
    ask({ session: one, uid: 1001 }, taken);
  });

  it('is there for root as long as the session has one', () => {
    const place = { session: one, uid: 0 };
    ask({ session: two, uid: 0 }, places(3, place));
    assert.throws(() => ask(place, places(3, place)), Busy);
  });

  it('is that of the ones that it displaces', () => {
    const place = { session: one, uid: 1000 };
    ask(place, places(3, place), true);
    ask({ ...place, session: two }, [place], true);
    assert.throws(() => ask({ ...place, session: two }, places(2, place), true), Busy);
  });

  it('is counted in words', () => {
    const only = { MaxConnections: 1, MaxConnectionsPerUser: 1 };
    const place = { session: one, uid: 1000 };
    assert.throws(() => checkPlace({ ...place, displaces: false }, [place], only), /has 1 connection, and/);
  });
});
