import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { once } from 'node:events';
import { lstatSync, mkdtempSync, readdirSync, readFileSync, readlinkSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { createInterface } from 'node:readline';
import { gunzipSync } from 'node:zlib';
import { Container } from '../../scripts/container.js';

const SERVICE = 'org.freedesktop.RemoteAccess';
const ROOT = '/org/freedesktop/RemoteAccess';

let folder: string;
let deb: string;

before(() => {
  folder = mkdtempSync(join(tmpdir(), 'package-test-'));
  deb = pack('once');
});

after(() => rmSync(folder, { recursive: true }));

/** Packs what is built into a folder of that name; the package's path. */
function pack(name: string, options: readonly string[] = [], env: NodeJS.ProcessEnv = {}): string {
  const command = ['--import', 'tsx', 'scripts/deb.ts', `--into=${join(folder, name)}`, ...options];
  return execFileSync(process.execPath, command, { encoding: 'utf8', env: { ...process.env, ...env } }).trim();
}

type Entry = { path: string; mode: string; owner: string; contents: Buffer | string };

/** Everything in a folder but folders, as it is to be on the machine. */
function entries(root: string): Entry[] {
  const paths = readdirSync(root, { recursive: true, encoding: 'utf8' }).sort();
  return paths.flatMap((path) => {
    const full = join(root, path);
    const status = lstatSync(full);
    if (status.isDirectory()) return [];
    const contents = status.isSymbolicLink() ? readlinkSync(full) : readFileSync(full);
    return [{ path, mode: status.mode.toString(8), owner: `${status.uid}:${status.gid}`, contents }];
  });
}

/** As the package has it: pages of the manual are compressed there, and programs without what debuggers read. */
function normal({ contents, path, ...entry }: Entry): Entry {
  const compressed = path.endsWith('.gz');
  const plain = compressed && typeof contents !== 'string' ? gunzipSync(contents) : contents;
  const program = typeof plain !== 'string' && plain.subarray(0, 4).toString('latin1') === '\x7fELF';
  return { ...entry, path: compressed ? path.slice(0, -'.gz'.length) : path, contents: program ? 'a program' : plain };
}

describe('the package', function () {
  this.timeout(60_000);

  it('is the same, byte for byte, however it is built', () => {
    const again = pack('again', [], { TZ: 'Asia/Kathmandu', LC_ALL: 'C', DEB_BUILD_OPTIONS: 'parallel=3' });
    assert.ok(readFileSync(again).equals(readFileSync(deb)));
  });

  it('has the version of package.json, in its name and in itself', () => {
    const { version } = JSON.parse(readFileSync('package.json', 'utf8'));
    const field = (name: string) => execFileSync('dpkg-deb', ['--field', deb, name], { encoding: 'utf8' }).trim();
    assert.equal(field('Version'), version);
    assert.equal(basename(deb), `remote-access_${version}_${field('Architecture')}.deb`);
  });

  it('holds what install.sh installs, and says whose it is', () => {
    const [installed, packed] = [join(folder, 'installed'), join(folder, 'packed')];
    execFileSync('mkdir', [installed, packed]);
    execFileSync('scripts/install.sh', [installed]);
    execFileSync('dpkg-deb', ['--extract', deb, packed]);
    const ofDebian = entries(packed).filter(({ path }) => path.startsWith('usr/share/doc/'));
    const ofProject = entries(packed).filter(({ path }) => !path.startsWith('usr/share/doc/'));
    assert.deepEqual(ofProject.map(normal), entries(installed).map(normal));
    assert.deepEqual(
      ofDebian.map(({ path }) => basename(path)),
      ['changelog.gz', 'copyright'],
    );
  });

  it('names every package that is bundled in its copyright', () => {
    const copyright = readFileSync('debian/copyright', 'utf8');
    const files = entries('dist').filter(({ path }) => /\.[cm]js$/.test(path));
    const sources = files.map(({ contents }) => contents.toString()).join('\n');
    const bundled = new Set(
      [...sources.matchAll(/^\/\/ .*node_modules\/((?:@[\w.-]+\/)?[\w.-]+)\//gm)].map(([, name]) => name),
    );
    assert.ok(bundled.size > 0);
    for (const name of bundled) assert.ok(copyright.includes(`node_modules/${name}/*`), name);
    for (const [, name = ''] of copyright.matchAll(/node_modules\/(.*?)\/\*/g)) assert.ok(bundled.has(name), name);
  });
});

describe('the package on a machine', function () {
  this.timeout(120_000);
  let container: Container;

  beforeEach(async () => {
    container = await Container.boot({ installed: 'nothing' });
  });

  afterEach(() => container[Symbol.asyncDispose]());

  /** Runs a command that must succeed; what it printed. */
  async function run(...command: string[]): Promise<string> {
    const { status, stdout, stderr } = await container.run(['env', 'DEBIAN_FRONTEND=noninteractive', ...command]);
    assert.equal(status, 0, `${command.join(' ')}\n${stdout}${stderr}`);
    return stdout;
  }

  /** Puts a file of this machine into the container. */
  async function put(file: string): Promise<string> {
    const path = `/var/tmp/${basename(file)}`;
    const writing = container.spawn(['dd', 'status=none', `of=${path}`], { stdio: ['pipe', 'ignore', 'inherit'] });
    writing.stdin?.end(readFileSync(file));
    assert.deepEqual(await once(writing, 'close'), [0, null]);
    return path;
  }

  async function install(file: string): Promise<void> {
    await run('apt-get', 'install', '--yes', '--quiet=2', await put(file));
  }

  async function call(iface: string, member: string, ...args: string[]) {
    return JSON.parse(await run('busctl', '--json=short', 'call', SERVICE, ROOT, SERVICE + iface, member, ...args))
      .data;
  }

  const property = async (unit: string, name: string) =>
    (await run('systemctl', 'show', '--value', `--property=${name}`, unit)).trim();

  /** Who and what is on the disk, but for what every package changes: dpkg's and apt's own, logs, caches and backups. */
  async function disk(): Promise<string[]> {
    const passedOver = [
      '/var/lib/dpkg',
      '/var/lib/apt',
      '/var/log',
      '/var/cache',
      '/var/lib/systemd',
      '/etc/*-',
      '/src',
    ];
    const without = passedOver.flatMap((path) => ['-path', path, '-prune', '-o']);
    const files = ['-type', 'f', '-printf', '%p %y %m %U:%G %s %T@\n'];
    const others = ['-printf', '%p %y %m %U:%G %l\n'];
    const list = await run('find', '/', '-xdev', ...without, ...files, '-o', ...others);
    return list
      .split('\n')
      .filter((line) => !/^\/etc\/g(roup|shadow) /.test(line))
      .sort();
  }

  it('installs, works at once, and leaves nothing when it is purged', async () => {
    const accounts = () => run('cat', '/etc/passwd', '/etc/group', '/etc/shadow', '/etc/gshadow');
    // The tools that look at the disk, and the user whom they run as, leave their own traces.
    const path = await put(deb);
    await disk();
    const [before, accountsBefore] = [await disk(), await accounts()];
    await run('apt-get', 'install', '--yes', '--quiet=2', path);
    const [id] = await call('.Tokens', 'Provision', 'sa{sv}', 'alice', '0');
    assert.equal((await call('.Tokens', 'List', 'a{sv}', '0'))[0][0].id.data, id);
    assert.equal(await run('dpkg', '--verify', 'remote-access'), '');
    assert.equal(await run('systemctl', '--failed', '--no-legend', '--plain'), '');
    assert.match(await run('getent', 'group', 'remote-access'), /^remote-access:/);
    assert.notDeepEqual(await disk(), before);

    await run('apt-get', 'remove', '--yes', '--quiet=2', 'remote-access');
    assert.equal((await container.run(['busctl', 'status', SERVICE])).status, 1);
    await run('apt-get', 'install', '--yes', '--quiet=2', path);
    assert.equal((await call('.Tokens', 'List', 'a{sv}', '0'))[0][0].id.data, id);
    await run('apt-get', 'purge', '--yes', '--quiet=2', 'remote-access');
    assert.deepEqual(difference(before, await disk()), []);
    assert.equal(await accounts(), accountsBefore);
    assert.equal((await container.run(['test', '-e', '/run/remote-access'])).status, 1);
  });

  it('installs into an image, where nothing runs, ready to be filled with tokens', async () => {
    // Neither systemd nor the bus is to be seen there.
    const image =
      'mount -t tmpfs tmpfs /run && dpkg --install "$0" && find /var/lib/remote-access -printf "%p %m %u:%g\n"';
    const output = await run('unshare', '--mount', 'sh', '-c', image, await put(deb));
    assert.match(output, /^\/var\/lib\/remote-access 700 root:root\n\/var\/lib\/remote-access\/tokens 700 root:root$/m);
    assert.equal(
      await run(
        'unshare',
        '--mount',
        'sh',
        '-c',
        'mount -t tmpfs tmpfs /run && dpkg --purge "$0" >&2',
        'remote-access',
      ),
      '',
    );
  });

  it('has nothing that lintian warns of', async () => {
    const options = ['--fail-on=error,warning', '--tag-display-limit=0'];
    // It warns of root, and unpacks what it is given.
    assert.equal(
      await run(
        'setpriv',
        '--reuid=nobody',
        '--clear-groups',
        'env',
        'TMPDIR=/tmp',
        'lintian',
        ...options,
        await put(deb),
      ),
      '',
    );
  });

  it('keeps sessions over upgrades and downgrades, and ends them when it is removed', async () => {
    const newer = pack('newer', ['--version=99.0.0']);
    await install(deb);
    const [, token] = await call('.Tokens', 'Provision', 'sa{sv}', 'alice', '1', 'desktop', 's', 'mutter');
    const tool = ['setpriv', '--reuid=nobody', '--regid=nogroup', '--clear-groups', 'env', 'HOME=/tmp', 'TMPDIR=/tmp'];
    const watcher = container.spawn([...tool, 'node', '--import', 'tsx', 'test/machine/watcher.ts'], {
      stdio: ['pipe', 'pipe', 'inherit'],
    });
    assert.ok(watcher.stdout && watcher.stdin);
    const lines = createInterface({ input: watcher.stdout })[Symbol.asyncIterator]();
    watcher.stdin.end(token);
    const { value: watching } = await lines.next();
    assert.match(watching, /^watching \/org\/freedesktop\/RemoteAccess\/session\/\w+$/);
    const unit = `remote-access-session-${basename(watching)}.service`;
    const state = async () => ({
      worker: await property(unit, 'MainPID'),
      desktop: await run('pgrep', '-x', 'mutter'),
    });
    const before = await state();

    for (const version of [newer, deb]) {
      const daemon = await property('remote-accessd.service', 'MainPID');
      await run('dpkg', '--install', await put(version));
      assert.deepEqual(await lines.next(), { value: watching, done: false });
      assert.notEqual(await property('remote-accessd.service', 'MainPID'), daemon);
      assert.deepEqual(await state(), before);
    }

    // A client that connects again at once keeps neither service nor session.
    await run('apt-get', 'remove', '--yes', '--quiet=2', 'remote-access');
    assert.equal(await run('systemctl', 'list-units', '--no-legend', '--plain', '--all', 'remote-access*'), '');
    const left = await container.run(['pgrep', '--list-full', '--euid=alice', '--full', '^mutter|remote-access']);
    assert.equal(left.stdout, '');
    assert.equal((await container.run(['test', '-e', '/run/remote-access'])).status, 1);
  });
});

/** The lines that only one of both has. */
function difference(before: readonly string[], after: readonly string[]): string[] {
  const [old, now] = [new Set(before), new Set(after)];
  return [
    ...before.filter((line) => !now.has(line)).map((line) => `- ${line}`),
    ...after.filter((line) => !old.has(line)).map((line) => `+ ${line}`),
  ];
}
