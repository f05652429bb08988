import assert from 'node:assert/strict';
import type { Tool } from '../../src/tool/tool.js';
import {
  ERROR,
  endSessions,
  Heard,
  installDesktop,
  objects,
  provision,
  refuses,
  run,
  toolAs,
  uidOf,
} from './fixture.js';

/** The records that administrators find in the journal. */

type Entry = Record<string, string | undefined>;

/** The records of an event with a token or user in them, the oldest first. */
function records(event: string, field: string, value: string): Entry[] {
  run('journalctl', '--sync');
  const match = [`REMOTE_ACCESS_EVENT=${event}`, `REMOTE_ACCESS_${field}=${value}`];
  return run('journalctl', '--boot', '--output=json', '--quiet', ...match)
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line));
}

/** What we wrote of an entry, without what belongs to this run of the test. */
function ours(entry: Entry | undefined): Entry {
  const all = Object.entries(entry ?? {}).filter(([key]) => key.startsWith('REMOTE_ACCESS_'));
  return Object.fromEntries(all.map(([key, value]) => [key.slice('REMOTE_ACCESS_'.length), value]));
}

describe('the audit records', () => {
  const CLIENT = { 'client-name': 'Zoë’s laptop=1', 'client-address': '192.0.2.7' };
  const OF_CLIENT = { CLIENT_NAME: CLIENT['client-name'], CLIENT_ADDRESS: CLIENT['client-address'] };
  let admin: Tool;
  let tool: Tool;

  before(async () => {
    installDesktop('fake');
    admin = await toolAs('root');
    tool = await toolAs('bob');
  });
  after(() => endSessions(admin));

  it('tell of a token from its making to its end, and of what it opened', async () => {
    const { id, token } = await provision(admin, 'alice', { grants: ['capture', 'monitors'] });
    const path = await tool.logIn('token', { token }, CLIENT);
    const session = path.split('/').at(-1);
    const first = await tool.connect(path, CLIENT);
    const displaced = await Heard.listen(first.connection, 'Closed');
    const second = await tool.connect(path, { grants: ['capture'] });
    assert.deepEqual(await displaced.next(), ['displaced']);
    const revoked = await Heard.listen(second.connection, 'Closed');
    await objects(admin.bus).tokens.methods.revoke(id);
    assert.deepEqual(await revoked.next(), ['revoked']);

    const known = { USER: 'alice', TOKEN: id };
    const root = { CALLER_UID: '0', CALLER_PID: String(process.pid) };
    const bob = { CALLER_UID: String(uidOf('bob')) };
    const of = (event: string) => records(event, 'TOKEN', id).map(ours);
    const grants = 'capture,monitors';
    assert.deepEqual(of('token-provisioned'), [{ EVENT: 'token-provisioned', ...known, GRANTS: grants, ...root }]);
    const [login = {}] = of('login');
    assert.deepEqual(
      { ...login, CALLER_PID: '' },
      { EVENT: 'login', METHOD: 'token', ...known, SESSION: session, ...OF_CLIENT, ...bob, CALLER_PID: '' },
    );
    const connected = of('connected');
    assert.deepEqual(
      connected.map(({ GRANTS, CLIENT_NAME, CALLER_UID }) => [GRANTS, CLIENT_NAME, CALLER_UID]),
      [
        [grants, CLIENT['client-name'], bob.CALLER_UID],
        ['capture', undefined, bob.CALLER_UID],
      ],
    );
    assert.deepEqual(
      of('closed').map(({ REASON, CONNECTION, SESSION }) => [REASON, CONNECTION, SESSION]),
      [
        ['displaced', connected[0]?.CONNECTION, session],
        ['revoked', connected[1]?.CONNECTION, session],
      ],
    );
    assert.deepEqual(of('token-revoked'), [{ EVENT: 'token-revoked', ...known, ...root }]);
    assert.deepEqual(of('token-removed'), []);
    assert.equal(records('session-started', 'SESSION', session ?? '').length, 1);
    // Nowhere in the journal, and not as somebody else's word either.
    const secret = token.split('-').at(-1) ?? '';
    const all = run('journalctl', '--boot', '--output=json', '--all', '--quiet');
    assert.ok(!all.includes(secret));
    for (const { SYSLOG_FACILITY, SYSLOG_IDENTIFIER, _SYSTEMD_UNIT } of records('login', 'TOKEN', id))
      assert.deepEqual(
        [SYSLOG_FACILITY, SYSLOG_IDENTIFIER, _SYSTEMD_UNIT],
        ['10', 'remote-accessd', 'remote-accessd.service'],
      );
  });

  it('tell of logins that failed, but not of every one that had to wait', async () => {
    const wrong = `ra1-aaaaaaaaaa-${'0'.repeat(64)}`;
    const client = { ...CLIENT, 'client-address': '192.0.2.8' };
    for (let tries = 0; tries < 12; tries++)
      await refuses(
        tries < 10 ? 'AuthenticationFailed' : 'TooManyAttempts',
        admin.logIn('token', { token: wrong }, client),
      );
    const failed = records('login-failed', 'CLIENT_ADDRESS', '192.0.2.8');
    assert.equal(failed.length, 10);
    assert.equal(failed[0]?.PRIORITY, '5');
    const { CALLER_PID, ...rest } = ours(failed[0]);
    assert.equal(CALLER_PID, String(process.pid));
    assert.deepEqual(rest, {
      EVENT: 'login-failed',
      METHOD: 'token',
      REASON: `${ERROR}.AuthenticationFailed`,
      CLIENT_NAME: CLIENT['client-name'],
      CLIENT_ADDRESS: '192.0.2.8',
      CALLER_UID: '0',
    });
  });

  it('name the user whose password was wrong, and never the password', async () => {
    const password = 'correct horse battery staple';
    await refuses('AuthenticationFailed', tool.logIn('password', { user: 'alice', password }));
    const [failed] = records('login-failed', 'METHOD', 'password').map(ours);
    assert.equal(failed?.USER, 'alice');
    assert.ok(!run('journalctl', '--boot', '--output=json', '--all', '--quiet').includes(password));
  });
});
