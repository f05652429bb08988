import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import type { Tool } from '../../src/tool/tool.js';
import { command } from './command.js';
import { endSessions, installDesktop, run, toolAs } from './fixture.js';
import { authenticateBy, PAM_SERVICE } from './login-conversation.js';

/** remoteaccessctl login --user: what PAM asks, at a terminal and without one. */

const LOGIN = ['login', '--user', 'alice', '--desktop', 'fake'];
const ID = /^[0-9a-f]{8}\n$/;

describe('remoteaccessctl login --user', function () {
  this.timeout(60_000);
  const service = readFileSync(PAM_SERVICE, 'utf8');
  let admin: Tool;

  before(async () => {
    installDesktop('fake');
    admin = await toolAs('root');
  });
  afterEach(async () => {
    writeFileSync(PAM_SERVICE, service);
    await endSessions(admin);
  });

  /** What bob's terminal shows, where he types that when the pattern appears, and the exit status. */
  function atTerminal(pattern: string, answer: string): string {
    const session = ['--quiet', '--pipe', '--wait', '--collect', '--uid=bob', '--property=PAMName=login'];
    const terminal = ['/src/test/system/clients/terminal.py', pattern, answer];
    return spawnSync('systemd-run', [...session, ...terminal, 'remoteaccessctl', ...LOGIN], { encoding: 'utf8' })
      .stdout;
  }

  it('asks for the password at the terminal, and does not show it', () => {
    const shown = atTerminal('Password: ', 'alice-password');
    assert.match(shown, /Password: .*\r\n[0-9a-f]{8}\r\n 0\n$/s);
    assert.doesNotMatch(shown, /alice-password/);
  });

  it('shows what is typed where PAM says that it may be seen', () => {
    authenticateBy('info:Welcome', 'visible:Colour? :blue');
    assert.match(atTerminal('Colour\\? ', 'blue'), /Welcome\r\n.*Colour\? .*blue.*\r\n[0-9a-f]{8}\r\n 0\n$/s);
  });

  it('ends at once when somebody presses Ctrl-C', () => {
    assert.match(atTerminal('Password: ', '\x03'), /Password: .*-2\n$/s);
  });

  it('takes the answers from standard input where there is no terminal', async () => {
    authenticateBy('info:Welcome', 'secret:First? :one', 'visible:Second? :two');
    const { code, stdout, stderr } = await command(LOGIN, { user: 'bob', input: 'one\ntwo\n' });
    assert.deepEqual({ code, stderr }, { code: 0, stderr: 'Welcome\n' });
    assert.match(stdout, ID);
  });

  it('lets a password be changed that has expired', async () => {
    run('chage', '-d', '0', 'alice');
    const input = 'alice-password\nalice-password\nBetter-3-words\nBetter-3-words\n';
    const { code, stdout } = await command(LOGIN, { user: 'bob', input });
    run('sh', '-c', 'echo alice:alice-password | chpasswd');
    assert.equal(code, 0);
    assert.match(stdout, ID);
  });

  it('says no more than that it failed, with the exit code for it', async () => {
    for (const user of ['alice', 'nobody-here']) {
      const wrong = await command(['--json', 'login', '--user', user], { user: 'bob', input: 'wrong\n' });
      assert.equal(wrong.code, 4, wrong.stderr);
      assert.match(wrong.stderr, /^{"error":"org\.freedesktop\.RemoteAccess\.Error\.AuthenticationFailed",[^\n]+}\n$/);
    }
  });

  it('says what nobody answered, and what does not go together', async () => {
    const unanswered = await command(LOGIN, { user: 'bob' });
    assert.equal(unanswered.code, 2);
    assert.match(unanswered.stderr, /^remoteaccessctl: nobody answered 'Password:'\n/);
    const both = await command([...LOGIN, '--token-file', '-'], { user: 'bob', input: 'ra1-x\n' });
    assert.equal(both.code, 2);
  });
});
