import assert from 'node:assert/strict';
import { CallError, ConnectionLost, DeadlineExceeded } from '../../../src/bus/call-error.js';
import { dictionaries } from '../../../src/bus/generated/dictionaries.js';
import { EXIT, EXIT_MEANINGS, exitCodeOf } from '../../../src/cli/exit-code.js';
import { describeFailure } from '../../../src/cli/failure.js';
import { GRANTS, grantsText, parseGrants } from '../../../src/cli/grants.js';
import { parseTime, timeText } from '../../../src/cli/time.js';
import { UsageError } from '../../../src/cli/usage-error.js';
import * as errors from '../../../src/errors.js';

describe('a time', () => {
  const NOW = Date.UTC(2026, 10, 21, 12);
  const read = (text: string) => parseTime('expires', text, NOW);

  it('is read in the ways that people write', () => {
    assert.equal(read('never'), 0);
    assert.equal(read('+90s'), NOW / 1000 + 90);
    assert.equal(read('+2h'), NOW / 1000 + 7200);
    assert.equal(read('+30d'), NOW / 1000 + 30 * 86_400);
    assert.equal(read('+1w'), NOW / 1000 + 7 * 86_400);
    assert.equal(read('@1893456000'), 1_893_456_000);
    assert.equal(read('2030-01-01T00:00:00Z'), 1_893_456_000);
    assert.equal(read('2030-01-01Z'), 1_893_456_000);
    const local = new Date(2030, 0, 1, 18, 30).getTime() / 1000;
    assert.equal(read('2030-01-01 18:30'), local);
    assert.equal(read('2030-01-01T18:30:00'), local);
    assert.equal(read('2028-02-29'), new Date(2028, 1, 29).getTime() / 1000);
  });

  it('is refused otherwise', () => {
    for (const text of ['', 'soon', '30d', '+d', '+1y', '-1d', '@', '@-1', '2030-02-30', '2030-13-01', '2030-1-1'])
      assert.throws(() => read(text), UsageError, text);
    for (const text of [
      '2030-01-01 24:00',
      '2030-01-01 12',
      '2030-01-01 12:60',
      '2030-01-01T12:00+01:00',
      '1893456000',
    ])
      assert.throws(() => read(text), UsageError, text);
  });

  it('is shown in local time', () => {
    assert.equal(timeText(0, 'never'), 'never');
    assert.equal(timeText(new Date(2030, 0, 2, 3, 4, 5).getTime() / 1000, 'never'), '2030-01-02 03:04:05');
    assert.equal(timeText(Number.MAX_SAFE_INTEGER, 'never'), `@${Number.MAX_SAFE_INTEGER}`);
  });
});

describe('grants', () => {
  it('are those of the API, in its order', () => {
    const items = dictionaries.ProvisionOptions.properties.grants?.items as { enum?: string[] };
    assert.deepEqual(GRANTS, items.enum);
  });

  it('are read as they are shown', () => {
    for (const grants of [[...GRANTS], [], ['capture', 'monitors']] as (typeof GRANTS)[])
      assert.deepEqual(parseGrants('grants', grantsText(grants)), grants);
    assert.deepEqual(parseGrants('grants', 'touch,touch'), ['touch']);
    for (const text of ['', 'capture,', 'Capture', 'all,capture'])
      assert.throws(() => parseGrants('grants', text), UsageError, text);
  });
});

describe('an exit code', () => {
  it('is documented for every error', () => {
    const documented = new Set(EXIT_MEANINGS.map(([code]) => code));
    for (const code of Object.values(EXIT)) assert.ok(documented.has(code), String(code));
  });

  it('tells apart what scripts want to', () => {
    const codes: [Error, number][] = [
      [new errors.NoSuchToken('x'), 3],
      [new errors.NotAuthorized('x'), 4],
      [new errors.AuthenticationFailed('x'), 4],
      [new errors.Busy('x'), 6],
      [new errors.TooManyAttempts('x'), 6],
      [new errors.SessionFailed('x'), 1],
      [new errors.InvalidArgs('x'), 2],
      [new UsageError('x'), 2],
      [new ConnectionLost('x'), 5],
      [new DeadlineExceeded('x'), 5],
      [new CallError('org.freedesktop.DBus.Error.ServiceUnknown', 'x'), 5],
      [new CallError('org.freedesktop.DBus.Error.Spawn.ChildExited', 'x'), 5],
      [new CallError('org.freedesktop.systemd1.UnitMasked', 'x'), 5],
      [new CallError('org.example.Whatever', 'x'), 1],
    ];
    for (const [error, code] of codes) {
      const failure = describeFailure(error);
      assert.equal(failure?.message, 'x');
      assert.equal(exitCodeOf(failure?.dbusName ?? ''), code, error.name);
    }
  });

  it('is not made up for a bug', () => {
    assert.equal(describeFailure(new TypeError('x is not a function')), undefined);
  });
});
