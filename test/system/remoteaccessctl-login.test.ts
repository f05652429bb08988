import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import type { Tool } from '../../src/tool/tool.js';
import { command } from './command.js';
import { mainPid, setUp, UNIT } from './daemon.js';
import { endSessions, installDesktop, provision, run, toolAs } from './fixture.js';
import { authenticateBy, noted, notes, PAM_SERVICE } from './login-conversation.js';
import { atTerminal, type Shown, type Step } from './terminal.js';

/** remoteaccessctl login: what is asked, at a terminal and without one, and which method it takes. */

const LOGIN = ['login', '--user', 'alice', '--desktop', 'fake'];
const ID = /^[0-9a-f]{8}\n$/;
const LOGGED_IN = /\r\n[0-9a-f]{8}\r\n$/;
const PASSWORD = 'Password: ';
const ESCAPE = '\x1b';

describe('remoteaccessctl login', function () {
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

  /** What bob's terminal shows where he does that. */
  const bobSees = (steps: readonly Step[], args: readonly string[] = LOGIN) =>
    atTerminal('bob', ['remoteaccessctl', ...args], steps);

  /** Nobody is asked anything for that login any more. */
  function noWorkerIsLeft(): void {
    for (const pid of spawnSync('pgrep', ['-x', 'remote-access-w'], { encoding: 'utf8' }).stdout.trim().split('\n'))
      if (pid !== '') run('timeout', '10', 'tail', `--pid=${pid}`, '-f', '/dev/null');
  }

  function ended({ shown, status, echo }: Shown, how: number, as: RegExp): void {
    assert.match(shown, as);
    assert.deepEqual({ status, echo }, { status: how, echo: true }, shown);
  }

  /** How the newest login was made. */
  function methodUsed(): string | undefined {
    run('journalctl', '--sync');
    return /method="(\w+)"/.exec(run('journalctl', 'REMOTE_ACCESS_EVENT=login', '--output=cat', '--lines=1'))?.[1];
  }

  describe('at a terminal', () => {
    it('asks for the password, and does not show it', async () => {
      const seen = await bobSees([{ after: PASSWORD, text: 'alice-password\n' }]);
      ended(seen, 0, LOGGED_IN);
      assert.doesNotMatch(seen.shown, /alice-password/);
      assert.equal(methodUsed(), 'pam');
    });

    it('shows what is typed where PAM says that it may be seen', async () => {
      authenticateBy('info:Welcome', 'visible:Colour? :blue', 'secret:Word? :frog');
      const steps = [
        { after: 'Colour\\? ', text: 'blue\n' },
        { after: 'Word\\? ', text: 'frog\n' },
      ];
      const seen = await bobSees(steps);
      ended(seen, 0, /Welcome\r\n.*Colour\? .*b.*l.*u.*e[\r\n]+.*Word\? .*\r\n[0-9a-f]{8}\r\n$/s);
      assert.doesNotMatch(seen.shown, /frog/);
    });

    it('lets nothing of what PAM says act upon the terminal', async () => {
      const evil = '\x1b]0;title\x07\x1b[2Jdone\x9b31m\x7f\b\r';
      authenticateBy(`info:${evil}`, `error:${evil}`, `visible:${evil}? :*`, 'secret:Word? :*');
      const steps = [
        { after: 'done[^?]*\\?', text: 'x\n' },
        { after: 'Word\\? ', text: 'y\n' },
      ];
      const seen = await bobSees(steps);
      ended(seen, 0, LOGGED_IN);
      // Readline's own: to a column, and erase below.
      const left = seen.shown.replaceAll(new RegExp(`${ESCAPE}\\[(\\d+G|0J)`, 'g'), '');
      assert.doesNotMatch(left.replaceAll(/\r+\n/g, ''), /\p{Cc}/u, JSON.stringify(seen.shown));
    });

    it('asks again on the same login until the service has had enough', async () => {
      const wrong = (after: string) => ({ after, text: 'wrong\n' });
      const again = `not accepted; try again\r\n.*${PASSWORD}`;
      const right = await bobSees([wrong(PASSWORD), { after: again, text: 'alice-password\n' }]);
      ended(right, 0, LOGGED_IN);
      const never = await bobSees([wrong(PASSWORD), wrong(again), wrong(again)]);
      ended(never, 4, /remoteaccessctl: the user and the proof were not accepted\r\n$/);
      assert.equal(never.shown.split('try again').length, 3);
    });

    it('does not ask again whose account may not log in', async () => {
      run('usermod', '--expiredate=1', 'alice');
      try {
        const seen = await bobSees([{ after: PASSWORD, text: 'alice-password\n' }]);
        ended(seen, 1, /Password: [^\r]*\r\nremoteaccessctl: [^\n]*alice has expired[^\n]*\r\n$/);
      } finally {
        run('usermod', '--expiredate=', 'alice');
      }
    });

    it('takes nothing for an answer that was typed before the question', async () => {
      const seen = await bobSees([
        { after: PASSWORD, text: 'wrong\nalice-password\n' },
        { after: `try again\r\n.*${PASSWORD}`, text: '\x04' },
      ]);
      ended(seen, 2, /nobody answered 'Password:'/);
      assert.doesNotMatch(seen.shown, /alice-password/);
    });

    it('lets it be corrected, and has letters of all scripts', async () => {
      const password = 'pä💥ßwörd-Ж';
      run('sh', '-c', `echo 'alice:${password}' | chpasswd`);
      try {
        ended(await bobSees([{ after: PASSWORD, text: `rubbish\x15x${password}y\x7f\x01\x1b[3~\n` }]), 0, LOGGED_IN);
      } finally {
        run('sh', '-c', 'echo alice:alice-password | chpasswd');
      }
    });

    it('says so when an answer is too long', async () => {
      for (const length of [513, 4097, 20_000])
        ended(
          await bobSees([{ after: PASSWORD, text: `${'x'.repeat(length)}\n` }]),
          2,
          /remoteaccessctl: the answer is longer than 512 bytes\r\n/,
        );
      noWorkerIsLeft();
    });

    it('ends at once with Ctrl-C, and when it is told to', async () => {
      for (const [step, status] of [
        [{ text: '\x03' }, -2],
        [{ text: 'half\x03' }, -2],
        [{ signal: 'SIGINT' as const }, -2],
        [{ signal: 'SIGTERM' as const }, -15],
        [{ text: '\x04' }, 2],
      ] as const)
        ended(await bobSees([{ after: PASSWORD, ...step }]), status, /Password: /);
      noWorkerIsLeft();
    });

    it('ends at once with Ctrl-C while a module hangs', async () => {
      authenticateBy('secret:Word? :*', 'info:waiting', 'hang');
      const steps = [
        { after: 'Word\\? ', text: 'x\n' },
        { after: 'waiting', text: '\x03' },
      ];
      ended(await bobSees(steps), -2, /waiting/);
      noWorkerIsLeft();
    });

    it('asks again after Ctrl-Z and fg, and shows nothing of what was typed before', async () => {
      const seen = await atTerminal(
        'bob',
        ['bash', '--norc', '-i'],
        [
          { after: '\\$ ', text: `remoteaccessctl ${LOGIN.join(' ')}\n` },
          { after: PASSWORD, text: 'swordfish\x1a' },
          { after: 'Stopped.*\\$ ', text: 'fg\n' },
          { after: PASSWORD, text: 'alice-password\n' },
          { after: '[0-9a-f]{8}\r\n.*\\$ ', text: 'exit\n' },
        ],
      );
      assert.equal(seen.status, 0);
      assert.doesNotMatch(seen.shown, /swordfish|alice-password/);
    });

    it('says so when the service dies while it asks', async () => {
      authenticateBy('secret:Word? :*', 'hang');
      const seen = bobSees([{ after: 'Word\\? ', text: 'x\n' }]);
      await noted('hanging', notes('hanging').length + 1);
      process.kill(mainPid(), 'SIGKILL');
      ended(await seen, 5, /remoteaccessctl: the service has ended\r\n$/);
    });

    it('asks for a token, and does not show it', async () => {
      const { token } = await provision(admin, 'alice');
      const args = ['login', '--method=token'];
      const seen = await bobSees(
        [
          { after: 'Token: ', text: 'ra1-rubbish\n' },
          { after: 'try again\r\n.*Token: ', text: `${token}\n` },
        ],
        args,
      );
      ended(seen, 0, LOGGED_IN);
      assert.doesNotMatch(seen.shown, /ra1-/);
      assert.equal(methodUsed(), 'token');
    });

    it('asks for what comes after the password', async () => {
      authenticateBy('secret::one', 'secret:Second? :two');
      const seen = await bobSees(
        [
          { after: PASSWORD, text: 'one\n' },
          { after: 'Second\\? ', text: 'two\n' },
        ],
        [...LOGIN, '--method', 'password'],
      );
      ended(seen, 0, LOGGED_IN);
      assert.equal(methodUsed(), 'password');
    });
  });

  describe('without one', () => {
    it('takes the answers from standard input', async () => {
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

    it('says no more than that it failed, with the exit code for it, and tries no other line', async () => {
      for (const user of ['alice', 'nobody-here']) {
        const input = 'wrong\nalice-password\n';
        const wrong = await command(['--json', 'login', '--user', user], { user: 'bob', input });
        assert.equal(wrong.code, 4, wrong.stderr);
        assert.match(
          wrong.stderr,
          /^{"error":"org\.freedesktop\.RemoteAccess\.Error\.AuthenticationFailed",[^\n]+}\n$/,
        );
      }
    });

    it('says what nobody answered', async () => {
      const unanswered = await command(LOGIN, { user: 'bob' });
      assert.equal(unanswered.code, 2);
      assert.match(unanswered.stderr, /^remoteaccessctl: nobody answered 'Password:'\n/);
    });

    it('takes a token or a password from it', async () => {
      const { token } = await provision(admin, 'alice');
      const byToken = await command(['login', '--method=token'], { user: 'bob', input: `${token}\n` });
      assert.match(byToken.stdout, ID, byToken.stderr);
      const byPassword = await command([...LOGIN, '--method=password'], { user: 'bob', input: 'alice-password\n' });
      assert.deepEqual({ stdout: byPassword.stdout, used: methodUsed() }, { stdout: byToken.stdout, used: 'password' });
    });
  });

  it('asks nobody for their own session, unless they want it so', async () => {
    for (const args of [[], ['--user=bob'], ['--method=peer'], ['--user=bob', '--method=peer']]) {
      const { code, stdout, stderr } = await command(['login', '--desktop=fake', ...args], { user: 'bob' });
      assert.deepEqual({ code, stderr, used: methodUsed() }, { code: 0, stderr: '', used: 'peer' });
      assert.match(stdout, ID);
    }
    const asked = await command(['login', '--method=pam'], { user: 'bob', input: 'bob-password\n' });
    assert.deepEqual(
      { code: asked.code, stderr: asked.stderr, used: methodUsed() },
      { code: 0, stderr: '', used: 'pam' },
    );
  });

  it('goes by what the machine offers, in its order', async () => {
    const settings = (text: string) => {
      setUp(text);
      run('systemctl', 'reload', UNIT);
    };
    const asBob = (args: readonly string[], input = '') => command(args, { user: 'bob', input });
    try {
      settings('[Login]\nMethods=password peer\n');
      assert.equal((await asBob(LOGIN, 'alice-password\n')).code, 0);
      assert.equal(methodUsed(), 'password');
      settings('[Login]\nMethods=token\n');
      for (const args of [LOGIN, ['login'], [...LOGIN, '--method=pam']]) {
        const refused = await asBob(args);
        assert.deepEqual([refused.code, refused.stdout], [1, '']);
        assert.match(refused.stderr, /^remoteaccessctl: none of those methods is offered: there is token\n$/);
      }
    } finally {
      settings('');
    }
  });

  it('says what does not go together', async () => {
    for (const [args, why] of [
      [['--user=alice', '--token-file=-'], 'the session is that of the token: --user says no more'],
      [['--user=alice', '--method=token'], 'the session is that of the token: --user says no more'],
      [['--method=pam', '--token-file=-'], 'a token is no use for pam'],
      [['--user=alice', '--method=peer'], "peer is for one's own session: that of bob, not alice"],
      [['--method=pam', '--delegate'], '--delegate is no use for pam'],
      [['--token-file=-', '--host=x.example'], '--host is no use for token'],
    ] as const) {
      const { code, stderr } = await command(['login', ...args], { user: 'bob', input: 'ra1-x\n' });
      assert.deepEqual(
        { code, stderr },
        { code: 2, stderr: `remoteaccessctl: ${why}\nremoteaccessctl login --help says more.\n` },
      );
    }
    const root = await command(['login']);
    assert.match(root.stderr, /^remoteaccessctl: root has no session: --user says whose\n/);
  });
});
