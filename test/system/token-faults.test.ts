import assert from 'node:assert/strict';
import {
  chmodSync,
  chownSync,
  closeSync,
  copyFileSync,
  existsSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  rmSync,
  statfsSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import { createServer } from 'node:net';
import type { Tool } from '../../src/tool/tool.js';
import { configure, UNIT } from './daemon.js';
import { endSessions, Heard, installDesktop, objects, provision, refuses, run, toolAs } from './fixture.js';

const STORE = '/var/lib/remote-access/tokens';
const FILLER = `${STORE}/filler`;

describe('the token store on a disk that fails', function () {
  this.timeout(60_000);
  let admin: Tool;
  let tool: Tool;

  before(async () => {
    installDesktop('fake');
    admin = await toolAs('root');
    tool = await toolAs('bob');
    run('systemctl', 'stop', UNIT);
    mkdirSync(STORE, { recursive: true, mode: 0o700 });
    run('mount', '-t', 'tmpfs', '-o', 'size=256k,mode=0700', 'tmpfs', STORE);
    await objects(admin.bus).root.methods.createSession('alice', { desktop: 'fake' });
  });

  after(async () => {
    await endSessions(admin);
    run('systemctl', 'stop', UNIT);
    run('umount', STORE);
  });

  const logIn = (token: string) => tool.logIn('token', { token });
  const list = () => objects(admin.bus).tokens.methods.list({});
  const remount = (how: 'ro' | 'rw') => run('mount', '-o', `remount,${how}`, STORE);

  /** Until nothing more can be written, neither data nor files. */
  function fill(): void {
    const fd = openSync(FILLER, 'w');
    const page = Buffer.alloc(4096);
    try {
      for (;;) writeSync(fd, page);
    } catch (error) {
      assert.equal((error as NodeJS.ErrnoException).code, 'ENOSPC');
    } finally {
      closeSync(fd);
    }
    assert.equal(statfsSync(STORE).bavail, 0);
  }

  it('makes no token on a full one, loses none, and counts right', async () => {
    const unlimited = await provision(admin, 'alice');
    const twice = await provision(admin, 'alice', { uses: 2 });
    const once = await provision(admin, 'alice', { uses: 1 });
    const names = readdirSync(STORE).sort();
    const texts = names.map((name) => readFileSync(`${STORE}/${name}`, 'utf8'));
    fill();

    for (let count = 0; count < 3; count++) {
      const told = await refuses('Busy', provision(admin, 'alice'));
      assert.equal(told, 'the token store cannot be written: ENOSPC');
      assert.equal(await refuses('Busy', logIn(twice.token)), told);
      await logIn(unlimited.token);
    }
    rmSync(FILLER);
    assert.deepEqual(readdirSync(STORE).sort(), names);
    assert.deepEqual(
      names.map((name) => readFileSync(`${STORE}/${name}`, 'utf8')),
      texts,
    );

    // A last use takes no room, and frees some.
    fill();
    await logIn(once.token);
    await refuses('AuthenticationFailed', logIn(once.token));
    rmSync(FILLER);
    run('systemctl', 'restart', UNIT);
    for (let left = 2; left > 0; left--) await logIn(twice.token);
    await refuses('AuthenticationFailed', logIn(twice.token));
    assert.deepEqual(
      (await list()).map(({ id }) => id),
      [unlimited.id],
    );
    await objects(admin.bus).tokens.methods.revoke(unlimited.id);
  });

  it('on a read-only one lets in whom it need not count, and says what it cannot do', async () => {
    const unlimited = await provision(admin, 'alice');
    const twice = await provision(admin, 'alice', { uses: 2 });
    writeFileSync(`${STORE}/.${twice.id}.0123456789abcdef.tmp`, '{"for');
    chmodSync(STORE, 0o755);
    const before = await list();
    remount('ro');
    try {
      for (const restart of [false, true]) {
        if (restart) run('systemctl', 'restart', UNIT);
        const told = await refuses('NotSupported', provision(admin, 'alice'));
        assert.equal(told, 'the token store cannot be written: EROFS');
        assert.equal(await refuses('NotSupported', logIn(twice.token)), told);
        assert.equal(await refuses('NotSupported', objects(admin.bus).tokens.methods.revoke(unlimited.id)), told);
        await logIn(unlimited.token);
        assert.deepEqual(await list(), before);
      }
    } finally {
      remount('rw');
      // The mount that the unit's sandbox made of it would stay read-only.
      run('systemctl', 'restart', UNIT);
    }
    for (let left = 2; left > 0; left--) await logIn(twice.token);
    await refuses('AuthenticationFailed', logIn(twice.token));
    await objects(admin.bus).tokens.methods.revoke(unlimited.id);
    rmSync(`${STORE}/.${twice.id}.0123456789abcdef.tmp`, { force: true });
  });

  it('starts and works whatever else lies in the folder', async () => {
    const good = await provision(admin, 'alice');
    const text = readFileSync(`${STORE}/${good.id}.json`, 'utf8');
    const place = (name: string, content: string | Buffer = text.replaceAll(good.id, name)) =>
      writeFileSync(`${STORE}/${name}.json`, content, { mode: 0o600 });
    place('aaaaaaaaaa', text.slice(0, 40));
    place('aaaaaaaaab', Buffer.from([0xff, 0, 0xfe, 0x7b]));
    place('aaaaaaaaac', text);
    for (const [name, mode] of [
      ['aaaaaaaaad', 0o644],
      ['aaaaaaaaao', 0o600],
    ] as const) {
      place(name);
      chmodSync(`${STORE}/${name}.json`, mode);
      chownSync(`${STORE}/${name}.json`, 1001, 1001);
    }
    place('aaaaaaaaae');
    chmodSync(`${STORE}/aaaaaaaaae.json`, 0o666);
    place('aaaaaaaaaf', '');
    truncateSync(`${STORE}/aaaaaaaaaf.json`, 2 ** 40);
    mkdirSync(`${STORE}/aaaaaaaaag.json`);
    run('mkfifo', '-m', '600', `${STORE}/aaaaaaaaah.json`);
    symlinkSync(`${good.id}.json`, `${STORE}/aaaaaaaaai.json`);
    symlinkSync('/dev/zero', `${STORE}/aaaaaaaaaj.json`);
    symlinkSync('nowhere', `${STORE}/aaaaaaaaak.json`);
    run('mknod', '-m', '600', `${STORE}/aaaaaaaaal.json`, 'c', '1', '5');
    const socket = createServer().listen(`${STORE}/aaaaaaaaam.json`);
    mkdirSync(`${STORE}/.aaaaaaaaan.0123456789abcdef.tmp`);
    for (const name of ['README', 'goodgoodgo.json.bak', 'lost+found']) writeFileSync(`${STORE}/${name}`, 'whatever');
    copyFileSync(`${STORE}/${good.id}.json`, `${STORE}/${good.id}.json~`);
    const names = readdirSync(STORE).sort();

    run('systemctl', 'restart', UNIT);
    for (let count = 0; count < 3; count++)
      assert.deepEqual(
        (await list()).map(({ id }) => id),
        [good.id],
      );
    await logIn(good.token);
    assert.deepEqual(readdirSync(STORE).sort(), names);
    const daemon = run('systemctl', 'show', '--value', '--property=InvocationID', UNIT);
    const lines = run('journalctl', '--output=cat', `_SYSTEMD_INVOCATION_ID=${daemon}`).split('\n');
    const skipped = lines.flatMap((line) => /^token file (\w+)\.json is skipped: (.*)$/.exec(line)?.slice(1) ?? []);
    assert.deepEqual(Object.fromEntries(pairs(skipped)), {
      aaaaaaaaaa: 'it is not JSON',
      aaaaaaaaab: 'it is not JSON',
      aaaaaaaaac: `it holds the token ${good.id}`,
      aaaaaaaaad: 'it belongs to uid 1001',
      aaaaaaaaae: 'others can write it',
      aaaaaaaaaf: `it has ${2 ** 40} bytes, more than 65536`,
      aaaaaaaaag: 'it is not a regular file',
      aaaaaaaaah: 'it is not a regular file',
      aaaaaaaaai: 'it is a symbolic link',
      aaaaaaaaaj: 'it is a symbolic link',
      aaaaaaaaak: 'it is a symbolic link',
      aaaaaaaaal: 'it is not a regular file',
      aaaaaaaaam: 'the token store cannot be read: ENXIO',
      aaaaaaaaao: 'the token store cannot be read: EACCES',
    });
    assert.equal(skipped.length, 2 * 14, 'each is told once');
    socket.close();
    await objects(admin.bus).tokens.methods.revoke(good.id);
    for (const name of readdirSync(STORE)) rmSync(`${STORE}/${name}`, { recursive: true });
  });

  it('notices what is put into the folder offline, and deleted', async () => {
    await using added = await Heard.listen(objects(admin.bus).tokens, 'TokenAdded');
    await using removed = await Heard.listen(objects(admin.bus).tokens, 'TokenRemoved');
    const offline = () => {
      const [token = ''] =
        /ra1-\S+/.exec(run('remoteaccessctl', 'provision', '--offline', '--root', '/', 'alice')) ?? [];
      return { token, id: token.slice(4, 14) };
    };
    await list();
    const first = offline();
    const path = await logIn(first.token);
    assert.deepEqual(await added.next(), [first.id]);
    const second = offline();
    assert.deepEqual((await list()).map(({ id }) => id).sort(), [first.id, second.id].sort());
    assert.deepEqual(await added.next(), [second.id]);
    const third = offline();
    await objects(admin.bus).tokens.methods.revoke(third.id);
    assert.ok(!existsSync(`${STORE}/${third.id}.json`));

    const closed = await Heard.listen((await tool.connect(path)).connection, 'Closed');
    rmSync(`${STORE}/${first.id}.json`);
    assert.deepEqual(
      (await list()).map(({ id }) => id),
      [second.id],
    );
    assert.deepEqual(await closed.next(), ['revoked']);
    await removed.next((id, reason) => id === first.id && reason === 'revoked');
    await refuses('AuthenticationFailed', logIn(first.token));
    await objects(admin.bus).tokens.methods.revoke(second.id);
  });

  describe('by a clock that jumps', () => {
    const OFFSET = '/run/clock-offset';
    const HOUR = 3600;
    const setClock = (seconds: number) => writeFileSync(OFFSET, String(seconds));
    const now = () => Math.floor(Date.now() / 1000);

    before(() => {
      setClock(0);
      const clock = '/src/test/system/clients/clock.mjs';
      configure(`[Service]\nEnvironment=NODE_OPTIONS=--import=${clock} CLOCK_OFFSET=${OFFSET}\n`);
      run('systemctl', 'stop', UNIT);
    });

    after(() => {
      configure('');
      run('systemctl', 'stop', UNIT);
    });

    it('ends what expired, for good', async () => {
      await using removed = await Heard.listen(objects(admin.bus).tokens, 'TokenRemoved');
      const short = await provision(admin, 'alice', { expires: now() + HOUR });
      const lasting = await provision(admin, 'alice');
      const closed = await Heard.listen((await tool.connect(await logIn(short.token))).connection, 'Closed');
      setClock(2 * HOUR);
      assert.deepEqual(
        (await list()).map(({ id }) => id),
        [lasting.id],
      );
      assert.deepEqual(await removed.next(), [short.id, 'expired']);
      assert.deepEqual(await closed.next(), ['expired']);
      setClock(0);
      await refuses('AuthenticationFailed', logIn(short.token));
      run('systemctl', 'restart', UNIT);
      await refuses('AuthenticationFailed', logIn(short.token));
      await logIn(lasting.token);
      await objects(admin.bus).tokens.methods.revoke(lasting.id);
    });

    it('does not shorten the time that somebody has to wait', async () => {
      await using stranger = await toolAs('nobody');
      const wrong = () => stranger.logIn('token', { token: 'ra1-wrong' });
      for (let left = 10; left > 0; left--) await refuses('AuthenticationFailed', wrong());
      for (const jump of [1000 * HOUR, -1000 * HOUR, 0]) {
        setClock(jump);
        assert.match(await refuses('TooManyAttempts', wrong()), /: try again in ([1-9]|[1-5]\d|60) s$/);
      }
    });
  });
});

function pairs(list: readonly string[]): [string, string][] {
  return list.flatMap((name, index) => (index % 2 === 0 ? [[name, list[index + 1] ?? ''] as [string, string]] : []));
}
