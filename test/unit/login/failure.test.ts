import assert from 'node:assert/strict';
import { failureError, NOT_ACCEPTED } from '../../../src/login/failure.js';

describe('a failure to open a session', () => {
  const cases = [
    ['account', 'PAM_USER_UNKNOWN', [], 'NoSuchUser', 'There is no user alice'],
    [
      'account',
      'PAM_ACCT_EXPIRED',
      ['Your account has expired'],
      'SessionFailed',
      "The account of alice has expired; 'chage -E -1 alice' would reopen it",
    ],
    [
      'account',
      'PAM_NEW_AUTHTOK_REQD',
      [],
      'SessionFailed',
      "The password of alice has expired and must be changed first: 'passwd alice'",
    ],
    [
      'account',
      'PAM_AUTH_ERR',
      [' Maintenance until noon.\n', ''],
      'SessionFailed',
      'alice may not log in: Maintenance until noon.',
    ],
    ['auth', 'PAM_USER_UNKNOWN', ['No such user!'], 'AuthenticationFailed', NOT_ACCEPTED],
    ['auth', 'GSSAPI', [], 'AuthenticationFailed', NOT_ACCEPTED],
    ['kerberos', 'GSSAPI', [], 'MethodNotOffered', 'Kerberos cannot be used on this machine: what PAM says'],
    ['auth', 'PAM_AUTH_ERR', [], 'AuthenticationFailed', NOT_ACCEPTED],
    ['auth', 'PAM_ACCT_EXPIRED', ['Expired'], 'AuthenticationFailed', NOT_ACCEPTED],
    [
      'password',
      'PAM_AUTHTOK_ERR',
      ['Sorry, passwords do not match.'],
      'SessionFailed',
      'The password of alice has expired and was not changed: Sorry, passwords do not match.',
    ],
    ['account', 'PAM_PERM_DENIED', [], 'SessionFailed', 'alice may not log in: what PAM says (PAM_PERM_DENIED)'],
    [
      'credentials',
      'PAM_CRED_ERR',
      [],
      'SessionFailed',
      'PAM could not set up the credentials of alice: what PAM says (PAM_CRED_ERR)',
    ],
    ['open', 'PAM_SESSION_ERR', ['No room'], 'SessionFailed', 'PAM could not open a session for alice: No room'],
    ['start', 'PAM_ABORT', [], 'SessionFailed', 'PAM could not be started: what PAM says (PAM_ABORT)'],
    ['exec', 'ENOENT', ['hello'], 'SessionFailed', "The session's command could not be started: what PAM says"],
  ] as const;

  for (const [stage, code, messages, name, sentence] of cases) {
    it(`at ${stage} with ${code} is explained`, () => {
      const error = failureError('alice', { stage, code, text: 'what PAM says', messages });
      assert.equal(error.name, name);
      assert.equal(error.message, sentence);
    });
  }
});
