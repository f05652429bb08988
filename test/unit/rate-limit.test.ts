import assert from 'node:assert/strict';
import { TooManyAttempts } from '../../src/errors.js';
import { RateLimit } from '../../src/service/rate-limit.js';

describe('RateLimit', () => {
  let time: number;
  let limit: RateLimit;
  let most: number;

  beforeEach(() => {
    time = 1_000_000;
    most = 3;
    limit = new RateLimit({ limit: () => most, window: 60_000, now: () => time });
  });

  const record = (key: string, times: number) => {
    for (let count = 0; count < times; count++) limit.record(key);
  };

  it('allows as many as the limit and refuses the next', () => {
    record('a', 2);
    limit.check('a');
    limit.record('a');
    assert.throws(() => limit.check('a'), TooManyAttempts);
    limit.check('b');
  });

  it('says for how long to wait, rounded up', () => {
    record('a', 3);
    time += 500;
    assert.throws(() => limit.check('a'), { name: 'TooManyAttempts', message: 'too many attempts: try again in 60 s' });
    time += 59_400;
    assert.throws(() => limit.check('a'), { message: 'too many attempts: try again in 1 s' });
    time += 100;
    limit.check('a');
  });

  it('slides: each time counts for one window', () => {
    limit.record('a');
    time += 30_000;
    record('a', 2);
    time += 30_000;
    limit.check('a');
    limit.record('a');
    assert.throws(() => limit.check('a'), { message: 'too many attempts: try again in 30 s' });
  });

  it('goes by another limit from the moment it is set', () => {
    record('a', 3);
    most = 4;
    limit.check('a');
    limit.record('a');
    assert.throws(() => limit.check('a'), TooManyAttempts);
    time += 30_000;
    most = 1;
    assert.throws(() => limit.check('a'), { message: 'too many attempts: try again in 30 s' });
  });

  it('counts nothing by checking', () => {
    for (let count = 0; count < 10; count++) limit.check('a');
  });

  it('waits longer for who goes on', () => {
    record('a', 3);
    time += 59_000;
    record('a', 3);
    time += 1_000;
    assert.throws(() => limit.check('a'), { message: 'too many attempts: try again in 59 s' });
  });

  it('remembers 4096 keys and forgets the one that was longest quiet', () => {
    record('first', 3);
    record('second', 3);
    for (let key = 0; key < 4093; key++) limit.record(`key ${key}`);
    limit.record('first');
    limit.record('one more');
    assert.throws(() => limit.check('first'), TooManyAttempts);
    limit.record('and another');
    limit.check('second');
    assert.throws(() => limit.check('first'), TooManyAttempts);
  });

  it('goes by a clock that nobody sets', () => {
    const { now } = Date;
    const running = new RateLimit({ limit: () => 1, window: 60_000 });
    running.record('a');
    try {
      for (const hours of [1, -1, 1_000_000]) {
        Date.now = () => now() + hours * 3_600_000;
        assert.throws(() => running.check('a'), { message: /^too many attempts: try again in (59|60) s$/ });
      }
    } finally {
      Date.now = now;
    }
  });
});
