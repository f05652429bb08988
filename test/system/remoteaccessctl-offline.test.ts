import assert from 'node:assert/strict';
import {
  existsSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import type { Tool } from '../../src/tool/tool.js';
import { command, objectsIn } from './command.js';
import { endSessions, installDesktop, objects, refuses, run, toolAs } from './fixture.js';

const STORE = '/var/lib/remote-access';

describe('a golden image', function () {
  this.timeout(120_000);
  let admin: Tool;
  let image: string;

  before(async () => {
    installDesktop('fake');
    admin = await toolAs('root');
  });

  beforeEach(() => {
    image = mkdtempSync('/tmp/image-');
    mkdirSync(join(image, 'etc'));
    writeFileSync(join(image, 'etc/passwd'), 'root:x:0:0::/root:/bin/sh\nalice:x:1000:1000::/home/alice:/bin/bash\n');
  });

  afterEach(async () => {
    await endSessions(admin);
    rmSync(image, { recursive: true });
  });

  const offline = (...args: string[]) => command(['provision', '--offline', `--root=${image}`, ...args]);
  const placed = () => readdirSync(join(image, STORE, 'tokens'));
  const everything = () => run('grep', '--recursive', '--no-filename', '--text', '', image);

  /** The machine starts from the image: its state is the image's, its service has seen nothing before. */
  async function boot(): Promise<void> {
    run('systemctl', 'stop', 'remote-accessd.service');
    rmSync(STORE, { recursive: true, force: true });
    run('cp', '--archive', join(image, STORE), STORE);
    await objects(admin.bus).root.methods.listDesktops();
  }

  it('has a token whose secret it was never told', async () => {
    const away = mkdtempSync('/tmp/away-');
    const file = join(away, 'token');
    // On the administrator's own machine, as anybody.
    run('chown', 'bob:', away);
    const made = await command(['generate', '--token-out', file], {
      user: 'bob',
      env: { DBUS_SYSTEM_BUS_ADDRESS: 'x' },
    });
    assert.deepEqual([made.code, made.stderr], [0, '']);
    assert.match(made.stdout, /^ra1-[a-z2-7]{10}-sha256:[0-9a-f]{64}\n$/);
    assert.equal(statSync(file).mode & 0o777, 0o600);
    const token = readFileSync(file, 'utf8').trim();
    // Where the image is built.
    const options = ['alice', '--hash-from=-', '--label=golden', '--desktop=fake', '--uses=2'];
    const { code, stdout, stderr } = await command(['provision', '--offline', `--root=${image}`, ...options], {
      input: made.stdout,
    });
    assert.deepEqual([code, stderr, stdout], [0, '', `${token.split('-')[1]}\n`]);
    assert.ok(!everything().includes(token.slice(-64)));
    // On the machine.
    await boot();
    const tool = await toolAs('bob');
    await tool.connect(await tool.logIn('token', { token }));
    const [listed] = await objects(admin.bus).tokens.methods.list({});
    assert.deepEqual([listed?.label, listed?.uses, listed?.uid], ['golden', 1, 1000]);
    rmSync(away, { recursive: true });
  });

  it('has a token that is printed where it is made, and nowhere else', async () => {
    const [made] = objectsIn((await offline('--json', 'alice', '--grants=capture')).stdout);
    const token = String(made?.token);
    assert.ok(!everything().includes(token.slice(-64)));
    assert.deepEqual(placed(), [`${made?.id}.json`]);
    for (const [path, mode] of [
      [STORE, 0o700],
      [`${STORE}/tokens`, 0o700],
      [`${STORE}/tokens/${made?.id}.json`, 0o600],
      ['/var/lib', 0o755],
    ] as const) {
      const { uid, gid, mode: found } = statSync(join(image, path));
      assert.deepEqual([uid, gid, found & 0o7777], [0, 0, mode], path);
    }
    await boot();
    const tool = await toolAs('bob');
    const path = await tool.logIn('token', { token }, { desktop: 'fake' });
    await refuses('GrantMissing', tool.connect(path, { grants: ['keyboard'] }));
  });

  it('is not needed: a service that runs takes what is placed on its own machine', async () => {
    await objects(admin.bus).root.methods.listDesktops();
    const { stdout } = await command(['provision', 'alice', '--offline', '--root=/', '--desktop=fake']);
    await (await toolAs('bob')).logIn('token', { token: stdout.trim() });
    assert.match(
      (await command(['tokens', '--no-legend', 'alice'])).stdout,
      new RegExp(`^${stdout.split('-')[1]} `, 'm'),
    );
    assert.equal((await command(['revoke', `${stdout.split('-')[1]}`])).code, 0);
  });

  it('may be provisioned for a user who is only made later', async () => {
    assert.match((await offline('carol')).stderr, /no user 'carol' in .*--uid says/);
    const { code, stdout } = await offline('carol', '--uid=1234', '--desktop=fake');
    assert.equal(code, 0);
    run('useradd', '--create-home', '--shell=/bin/bash', '--uid=1234', 'carol');
    try {
      await boot();
      await (await toolAs('bob')).logIn('token', { token: stdout.trim() });
      await endSessions(admin);
    } finally {
      run('userdel', '--remove', '--force', 'carol');
    }
  });

  it('keeps the tokens that it has, and takes the same hash twice', async () => {
    const first = await offline('alice');
    const line = `ra1-${'a'.repeat(10)}-sha256:${'0'.repeat(64)}\n`;
    writeFileSync(join(image, 'line'), line);
    const again = ['--hash-from', join(image, 'line'), 'alice'];
    assert.deepEqual([(await offline(...again)).code, (await offline(...again)).code], [0, 0]);
    assert.deepEqual(placed().sort(), [`${first.stdout.split('-')[1]}.json`, `${'a'.repeat(10)}.json`].sort());
    writeFileSync(join(image, 'line'), line.replace('0000', '1111'));
    assert.match((await offline(...again)).stderr, /there is another token aaaaaaaaaa/);
  });

  it('is not touched by a mistake', async () => {
    const mistakes: [args: string[], code: number, message: RegExp][] = [
      [['provision', 'alice', '--offline'], 2, /--offline needs --root/],
      [['provision', 'dave', '--offline', `--root=${image}`], 3, /no user 'dave'/],
      [['provision', 'alice', '--offline', '--root=/nowhere'], 1, /ENOENT/],
      [['provision', 'alice', '--offline', `--root=${image}`, '--hash-from=/dev/null'], 2, /nothing to read/],
      [['provision', 'alice', '--offline', `--root=${image}`, '--hash-from=/etc/passwd'], 2, /not a hashed token/],
      [['provision', 'alice', '--offline', `--root=${image}`, '--app-id=a b'], 2, /'app-id' is not valid/],
      [['provision', 'alice', '--offline', `--root=${image}`, '--label=a\nb'], 2, /'label' is not valid/],
      [['generate'], 2, /--token-out is missing/],
      [['generate', '--token-out=/etc/passwd'], 2, /is not overwritten/],
    ];
    for (const [args, code, message] of mistakes) {
      const result = await command(args);
      assert.equal(result.code, code, result.stderr);
      assert.match(result.stderr, message);
      assert.equal(result.stdout, '');
    }
    assert.ok(!existsSync(join(image, STORE, 'tokens')) || placed().length === 0);
    const user = await command(['provision', 'alice', '--offline', `--root=${image}`], { user: 'alice' });
    assert.deepEqual([user.code, user.stdout], [4, '']);
  });

  it('cannot make the machine that builds it write elsewhere', async () => {
    const outside = mkdtempSync('/tmp/outside-');
    mkdirSync(join(image, 'var/lib'), { recursive: true });
    symlinkSync(outside, join(image, 'var/lib/remote-access'));
    const { code, stderr } = await offline('alice');
    assert.deepEqual([code, readdirSync(outside)], [2, []]);
    assert.match(stderr, /leads out of/);
    assert.ok(lstatSync(join(image, 'var/lib/remote-access')).isSymbolicLink());
    rmSync(outside, { recursive: true });
  });
});
