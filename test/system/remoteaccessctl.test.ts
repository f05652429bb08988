import assert from 'node:assert/strict';
import { once } from 'node:events';
import { mkdtempSync, readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import type { Readable } from 'node:stream';
import { COMMANDS } from '../../src/cli/command-table.js';
import type { Tool } from '../../src/tool/tool.js';
import { command, objectsIn, type Result, start } from './command.js';
import { ERROR, endSessions, Heard, INVALID_ARGS, installDesktop, objects, provision, run, toolAs } from './fixture.js';
import { Lines } from './lines.js';
import { atTerminal } from './terminal.js';

const TOKEN = /^ra1-([a-z2-7]{10})-[0-9a-f]{64}\n$/;

/** The keys that the command's help promises, in their order. */
function promised(name: string): string[] {
  return (COMMANDS.find((one) => one.name === name)?.keys ?? []).map(([key]) => key);
}

function succeeded({ code, stdout, stderr }: Result): string {
  assert.deepEqual({ code, stderr }, { code: 0, stderr: '' });
  return stdout;
}

/** Asserts that it failed with that error and exit code, both in words and in JSON; returns the words. */
async function fails(args: readonly string[], code: number, name: string, user = 'root'): Promise<string> {
  const full = name.includes('.') ? name : `${ERROR}.${name}`;
  const [words, json] = await Promise.all([command(args, { user }), command(['--json', ...args], { user })]);
  assert.deepEqual({ code: words.code, stdout: words.stdout }, { code, stdout: '' }, words.stderr);
  assert.match(words.stderr, /^remoteaccessctl: [^\n]+\n(remoteaccessctl \w+ --help says more\.\n)?$/);
  assert.deepEqual({ code: json.code, stdout: json.stdout }, { code, stdout: '' }, json.stderr);
  const [told, ...more] = objectsIn(json.stderr);
  assert.deepEqual(more, []);
  assert.equal(told?.error, full, json.stderr);
  return words.stderr;
}

describe('remoteaccessctl', function () {
  // Each test starts many processes of Node.js, which a busy machine takes its time for.
  this.timeout(120_000);
  let admin: Tool;

  before(async () => {
    installDesktop('fake');
    // The only one that the tests start without saying which.
    run('rm', '-rf', '/usr/share/wayland-sessions', '/usr/share/remote-access/desktops');
    admin = await toolAs('root');
  });

  afterEach(async () => {
    await endSessions(admin);
    const { tokens } = objects(admin.bus);
    for (const { id } of await tokens.methods.list({})) await tokens.methods.revoke(id);
  });

  describe('provision', () => {
    it('prints the token alone, which opens the session', async () => {
      const token = succeeded(await command(['provision', 'alice', '--desktop=fake']));
      assert.match(token, TOKEN);
      const tool = await toolAs('bob');
      assert.match(await tool.logIn('token', { token: token.trim() }), /session/);
    });

    it('passes every option on', async () => {
      const options = ['-g', 'capture,monitors', '--label', 'Zoë’s laptop', '--app-id=org.example.Viewer'];
      const more = ['--expires=2040-01-02T03:04:05Z', '-n', '7', '-d', 'fake'];
      const [made] = objectsIn(succeeded(await command(['provision', '--json', 'alice', ...options, ...more])));
      assert.deepEqual(Object.keys(made ?? {}), ['id', 'token']);
      const [token] = await objects(admin.bus).tokens.methods.list({});
      assert.deepEqual(
        { ...token, created: 0 },
        {
          id: made?.id,
          user: 'alice',
          uid: 1000,
          label: 'Zoë’s laptop',
          'app-id': 'org.example.Viewer',
          grants: ['capture', 'monitors'],
          desktop: 'fake',
          created: 0,
          expires: Date.UTC(2040, 0, 2, 3, 4, 5) / 1000,
          uses: 7,
          'last-used': 0,
        },
      );
    });

    it('asks who sits at a terminal for the password that polkit wants', async () => {
      const provisionAs = (password: string) =>
        atTerminal('bob', ['remoteaccessctl', 'provision', 'alice'], [{ after: 'assword: ', text: `${password}\n` }]);
      run('usermod', '--append', '--groups=sudo', 'bob');
      try {
        const given = await provisionAs('bob-password');
        assert.match(given.shown, /Authenticating as: bob.*ra1-[^\r]*\r\n$/s);
        assert.equal(given.status, 0);
        const refused = await provisionAs('wrong');
        assert.match(refused.shown, /FAILED.*remoteaccessctl: uid 1001 may not use Provision[^\r]*\r\n$/s);
        assert.equal(refused.status, 4);
      } finally {
        run('gpasswd', '--delete', 'bob', 'sudo');
      }
    });

    it('writes a token to a new file that only its owner reads, and to no other', async () => {
      const folder = mkdtempSync('/tmp/cli-');
      const file = join(folder, 'token');
      const id = succeeded(await command(['provision', 'alice', '--token-out', file])).trim();
      const text = readFileSync(file, 'utf8');
      assert.equal(TOKEN.exec(text)?.[1], id);
      assert.equal(statSync(file).mode & 0o777, 0o600);
      assert.match(await fails(['provision', 'alice', '--token-out', file], 2, INVALID_ARGS), /is not overwritten/);
      assert.equal(readFileSync(file, 'utf8'), text);
      // Nothing was made that nobody knows.
      assert.equal((await objects(admin.bus).tokens.methods.list({})).length, 1);
      // One after the other: both make the file before they ask.
      const other = ['provision', 'nobody-here', '--token-out', join(folder, 'other')];
      assert.equal((await command(other)).code, 3);
      assert.match((await command(['--json', ...other])).stderr, /Error\.NoSuchUser"/);
      assert.deepEqual(readdirSync(folder), ['token']);
    });

    it('says whom it does not serve and what it does not take', async () => {
      await fails(['provision', 'alice'], 4, 'NotAuthorized', 'bob');
      await fails(['provision', 'nobody-here'], 3, 'NoSuchUser');
      assert.match(
        await fails(['provision', 'alice', '--grants=everything'], 2, INVALID_ARGS),
        /no grant 'everything'/,
      );
      assert.match(await fails(['provision', 'alice', '--expires=soon'], 2, INVALID_ARGS), /--expires takes a time/);
      assert.match(await fails(['provision', 'alice', '--uses=-1'], 2, INVALID_ARGS), /--uses takes a whole number/);
      assert.match(await fails(['provision', 'alice', `--label=${'x'.repeat(257)}`], 2, INVALID_ARGS), /'label'/);
      assert.match(await fails(['provision', 'alice', '--root=/'], 2, INVALID_ARGS), /--root needs --offline/);
      assert.match(await fails(['provision'], 2, INVALID_ARGS), /USER is missing/);
      assert.deepEqual(await objects(admin.bus).tokens.methods.list({}), []);
    });
  });

  describe('tokens and revoke', () => {
    it('list what there is, to each what is theirs', async () => {
      const alice = await provision(admin, 'alice', { label: 'with  spaces', uses: 3 });
      const bob = await provision(admin, 'bob');
      const lines = succeeded(await command(['tokens'])).split('\n');
      assert.match(lines[0] ?? '', /^ID +USER +USES EXPIRES +LAST-USED +DESKTOP +GRANTS +LABEL$/);
      const line = lines.find((one) => one.startsWith(alice.id));
      assert.match(line ?? '', new RegExp(`^${alice.id} alice +3 never +never +fake +all +with  spaces$`));
      assert.equal(lines.at(-2), '2 tokens listed.');
      const bare = succeeded(await command(['--no-legend', 'tokens'])).split('\n');
      assert.deepEqual(bare, [...lines.slice(1, 3), '']);
      const [own, ...others] = objectsIn(succeeded(await command(['tokens', '-j'], { user: 'bob' })));
      assert.equal(own?.id, bob.id);
      assert.deepEqual(others, []);
      assert.deepEqual(Object.keys(own ?? {}), promised('tokens'));
      assert.equal(objectsIn(succeeded(await command(['tokens', '--json', 'alice'])))[0]?.id, alice.id);
      await fails(['tokens', 'alice'], 4, 'NotAuthorized', 'bob');
      await fails(['tokens', 'nobody-here'], 3, 'NoSuchUser');
    });

    it('say when there are none', async () => {
      assert.equal(succeeded(await command(['tokens'])), 'No tokens.\n');
      assert.equal(succeeded(await command(['tokens', '--no-legend'])), '');
      assert.equal(succeeded(await command(['tokens', '--json'])), '');
    });

    it('revoke what can be revoked, and tell of the rest', async () => {
      const first = await provision(admin, 'alice');
      const second = await provision(admin, 'alice');
      const { code, stdout, stderr } = await command(['revoke', '--json', first.id, 'aaaaaaaaaa', second.id]);
      assert.equal(code, 3);
      assert.deepEqual(objectsIn(stdout), [{ id: first.id }, { id: second.id }]);
      const [told] = objectsIn(stderr);
      assert.deepEqual([told?.error, told?.about], [`${ERROR}.NoSuchToken`, 'aaaaaaaaaa']);
      assert.deepEqual(await objects(admin.bus).tokens.methods.list({}), []);
      const others = await provision(admin, 'alice');
      await fails(['revoke', others.id], 4, 'NotAuthorized', 'bob');
      assert.equal(succeeded(await command(['revoke', others.id], { user: 'alice' })), '');
    });
  });

  describe('sessions', () => {
    it('are created, listed, shown and ended', async () => {
      const id = succeeded(await command(['create', 'alice', '--desktop=fake'])).trim();
      const [listed, ...more] = objectsIn(succeeded(await command(['sessions', '--json'])));
      assert.deepEqual(more, []);
      assert.deepEqual(Object.keys(listed ?? {}), promised('sessions'));
      assert.deepEqual(
        [listed?.id, listed?.user, listed?.uid, listed?.state, listed?.desktop, listed?.compositor, listed?.locked],
        [id, 'alice', 1000, 'disconnected', 'fake', 'fake', false],
      );
      assert.deepEqual(listed?.client, {});
      for (const name of [id, 'alice'])
        assert.deepEqual(objectsIn(succeeded(await command(['show', '--json', name]))), [listed]);
      assert.deepEqual(objectsIn(succeeded(await command(['show', '--json'], { user: 'alice' }))), [listed]);
      assert.match(succeeded(await command(['show', 'alice'])), new RegExp(`^${id} - alice \\(1000\\)\n +State: disc`));
      assert.match(
        succeeded(await command(['sessions'])),
        new RegExp(
          `^SESSION +UID USER .*\n${id} 1000 alice disconnected fake +[-\\d]+ [:\\d]+ -\n\n1 session listed\\.\n$`,
        ),
      );
      assert.deepEqual(objectsIn(succeeded(await command(['create', '--json', 'alice']))), [listed]);
      assert.match(await fails(['create', 'alice', '--new'], 6, 'Busy'), /alice/);
      await fails(['create', 'bob', '--layout=wide'], 2, 'InvalidLayout');
      assert.equal(succeeded(await command(['sessions', '--json'], { user: 'bob' })), '');
      await fails(['show', 'alice'], 3, 'NoSuchSession', 'bob');
      await fails(['terminate', id], 3, 'NoSuchSession', 'bob');
      assert.equal(succeeded(await command(['terminate', 'alice'])), '');
      assert.equal(succeeded(await command(['sessions'])), 'No sessions.\n');
      await fails(['show', id], 3, 'NoSuchSession');
    });

    it('are created for oneself without a name, and refused for others', async () => {
      succeeded(await command(['create'], { user: 'bob' }));
      assert.match(succeeded(await command(['show'], { user: 'bob' })), / - bob /);
      await fails(['create', 'alice'], 4, 'NotAuthorized', 'bob');
      await fails(['create', 'nobody-here'], 3, 'NoSuchUser');
      await fails(['create', 'alice', '--desktop=none'], 1, 'NotSupported');
      await using removed = await Heard.listen(objects(admin.bus).root, 'SessionRemoved');
      const [ended] = objectsIn(succeeded(await command(['terminate', '--json', '--no-wait', 'bob'])));
      assert.deepEqual(Object.keys(ended ?? {}), promised('terminate'));
      assert.equal((await removed.next())[0], ended?.id);
    });

    it('say who is connected', async () => {
      succeeded(await command(['create', 'alice']));
      const tool = await toolAs('alice');
      const { root } = objects(tool.bus);
      const [[, , , , path] = []] = await root.methods.listSessions();
      await tool.connect(path ?? '', { 'client-name': 'laptop', 'client-address': '192.0.2.7' });
      assert.match(succeeded(await command(['sessions', '--no-legend'])), / laptop \(192\.0\.2\.7\)\n$/);
      assert.match(succeeded(await command(['show', 'alice'])), /Client: laptop from 192\.0\.2\.7, since 2/);
      const [shown] = objectsIn(succeeded(await command(['show', '--json', 'alice'])));
      assert.deepEqual(Object.keys((shown?.client as object) ?? {}).sort(), ['address', 'name', 'since']);
    });

    it('are locked and unlocked through logind', async () => {
      succeeded(await command(['create', 'alice']));
      const [shown] = objectsIn(succeeded(await command(['show', '--json', 'alice'])));
      const logind = 'org.freedesktop.login1';
      const manager = [logind, '/org/freedesktop/login1', `${logind}.Manager`];
      const found = run(
        'busctl',
        '--json=short',
        'call',
        ...manager,
        'GetSession',
        's',
        `${shown?.['logind-session']}`,
      );
      const at = { sender: logind, interface: `${logind}.Session`, path: String(JSON.parse(found).data[0]) };
      const heard: string[] = [];
      let both: () => void = () => {};
      const done = new Promise<void>((resolve) => {
        both = resolve;
      });
      for (const member of ['Lock', 'Unlock'])
        await admin.bus.subscriptions.subscribe({ ...at, member }, () => {
          if (heard.push(member) === 2) both();
        });
      assert.deepEqual(objectsIn(succeeded(await command(['lock', '--json'], { user: 'alice' }))), [{ id: shown?.id }]);
      succeeded(await command(['unlock', 'alice']));
      await done;
      assert.deepEqual(heard, ['Lock', 'Unlock']);
      await fails(['lock'], 3, 'NoSuchSession', 'bob');
    });
  });

  describe('monitor', () => {
    it('prints what happens, over the end of the service and its return', async () => {
      await using monitor = new Lines(start(['monitor', '--json']));
      const next = (event: string) => monitor.next((line) => line.event === event, event);
      const ready = await next('ready');
      assert.deepEqual(Object.keys(ready), ['time', 'event']);
      assert.equal(typeof ready.time, 'number');
      const id = succeeded(await command(['create', 'alice'])).trim();
      const appeared = await next('session-new');
      assert.deepEqual(Object.keys(appeared), ['time', 'event', 'id', 'user', 'state', 'locked', 'client']);
      assert.deepEqual([appeared.id, appeared.user], [id, 'alice']);
      const tool = await toolAs('alice');
      const [[, , , , path] = []] = await objects(tool.bus).root.methods.listSessions();
      await tool.connect(path ?? '', { 'client-name': 'laptop' });
      const connected = await monitor.next((line) => line.event === 'session-changed' && line.state === 'connected');
      assert.equal((connected.client as { name?: string }).name, 'laptop');
      const token = await provision(admin, 'alice');
      assert.equal((await next('token-added')).id, token.id);
      await objects(admin.bus).tokens.methods.revoke(token.id);
      const revoked = await next('token-removed');
      assert.deepEqual([revoked.id, revoked.reason], [token.id, 'revoked']);
      run('systemctl', 'kill', '--signal=KILL', 'remote-accessd.service');
      await next('service-stopped');
      await objects(admin.bus).root.methods.listDesktops();
      await next('service-started');
      succeeded(await command(['terminate', id]));
      const removed = await next('session-removed');
      assert.deepEqual([removed.id, removed.user], [id, 'alice']);
      // The session was there all the time: it was not new when the service came back.
      assert.deepEqual(
        monitor.take((line) => line.event === 'session-new'),
        [],
      );
    });

    it('neither starts the service nor says more when it is interrupted', async () => {
      run('systemctl', 'stop', 'remote-accessd.service');
      const monitor = start(['monitor']);
      try {
        assert.match(String((await once(monitor.stdout as Readable, 'data'))[0]), /^[\d:.]+ ready\n$/);
        const state = run('systemctl', 'show', '--property=ActiveState', 'remote-accessd.service');
        assert.equal(state, 'ActiveState=inactive');
      } finally {
        monitor.kill('SIGINT');
      }
      assert.deepEqual(await once(monitor, 'exit'), [null, 'SIGINT']);
    });

    it('tells nobody of the sessions of others', async () => {
      await using monitor = new Lines(start(['monitor', '--json'], { user: 'bob' }));
      await monitor.next((line) => line.event === 'ready');
      succeeded(await command(['create', 'alice']));
      const appeared = await monitor.next((line) => line.event === 'session-new');
      assert.deepEqual(Object.keys(appeared), ['time', 'event', 'id']);
      succeeded(await command(['terminate', 'alice']));
      const removed = await monitor.next((line) => line.event === 'session-removed');
      assert.deepEqual(Object.keys(removed), ['time', 'event', 'id']);
      assert.deepEqual(
        monitor.take(() => true),
        [],
      );
    });
  });

  describe('status and desktops', () => {
    it('tell how the service is, and start it', async () => {
      run('systemctl', 'stop', 'remote-accessd.service');
      const [cold] = objectsIn(succeeded(await command(['status', '--json'])));
      assert.deepEqual(Object.keys(cold ?? {}), promised('status'));
      assert.deepEqual(
        [cold?.service, cold?.['api-version'], cold?.['auth-methods'], cold?.sessions, cold?.tokens, cold?.desktops],
        ['activatable', 1, ['token', 'password', 'pam', 'peer'], 0, 0, ['fake']],
      );
      assert.match(
        succeeded(await command(['status'], { user: 'bob' })),
        /^org\.freedesktop\.RemoteAccess - running\n/,
      );
      assert.deepEqual(objectsIn(succeeded(await command(['desktops', '--json']))), [
        { id: 'fake', name: 'fake', compositor: 'fake' },
      ]);
      assert.match(
        succeeded(await command(['desktops'])),
        /^ID +COMPOSITOR NAME\nfake fake +fake\n\n1 desktop listed\.\n$/,
      );
    });

    it('say so when the service cannot be had', async () => {
      run('systemctl', 'stop', 'remote-accessd.service');
      run('systemctl', 'mask', '--runtime', 'remote-accessd.service');
      try {
        const { code, stdout, stderr } = await command(['status', '--json']);
        assert.equal(code, 5);
        assert.equal(objectsIn(stdout)[0]?.['api-version'], 0);
        assert.match(String(objectsIn(stderr)[0]?.error), /^org\.freedesktop\.(DBus\.Error|systemd1)\./);
        assert.equal((await command(['tokens'])).code, 5);
      } finally {
        run('systemctl', 'unmask', '--runtime', 'remote-accessd.service');
      }
    });
  });

  describe('every command', () => {
    it('fails with 5 without a bus that it needs, and shows its help', async () => {
      const env = { DBUS_SYSTEM_BUS_ADDRESS: 'unix:path=/nowhere' };
      for (const { name, arguments: args } of COMMANDS) {
        const help = await command([name, '--help'], { env });
        assert.match(succeeded(help), new RegExp(`^remoteaccessctl ${name}`));
        if (['generate', 'doctor', 'config', 'autostart'].includes(name)) continue;
        const given = args.filter(({ optional }) => optional === undefined).map(({ choices }) => choices?.[0] ?? 'x');
        const { code, stderr } = await command([name, ...given], { env });
        if (code === 2) continue; // It wants an option as well.
        assert.deepEqual([name, code], [name, 5], stderr);
        assert.match(stderr, /^remoteaccessctl: no message bus at 'unix:path=\/nowhere': /);
      }
    });

    it('ends quietly when nobody reads on', async () => {
      for (let index = 0; index < 3; index++) await provision(admin, 'alice');
      const child = start(['tokens', '--json']);
      child.stdout?.destroy();
      let stderr = '';
      child.stderr?.setEncoding('utf8').on('data', (text: string) => {
        stderr += text;
      });
      assert.deepEqual(await once(child, 'close'), [141, null]);
      assert.equal(stderr, '');
      const full = run('bash', '-c', 'remoteaccessctl tokens 2>&1 >/dev/full; echo "$?"');
      assert.match(full, /^remoteaccessctl: [^\n]*ENOSPC[^\n]*\n1$/);
    });
  });

  it('keeps secrets out of the sight of other processes', async () => {
    const made = succeeded(await command(['provision', 'alice'])).trim();
    const file = '/tmp/offline-token';
    succeeded(await command(['generate', '--token-out', file]));
    const generated = readFileSync(file, 'utf8').trim();
    // Everything that runs, and everything that was logged.
    const shown = run(
      'bash',
      '-c',
      'cat /proc/[0-9]*/{cmdline,environ} 2>/dev/null; journalctl --no-pager --output=export',
    );
    for (const token of [made, generated]) assert.ok(!shown.includes(token.slice(-64)));
  });
});
