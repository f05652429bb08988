import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { chmod, mkdir, mkdtemp, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseDesktopEntry, readList, readString } from '../../src/desktops/desktop-entry.js';
import { chooseDesktop, type DesktopPlaces, listDesktops } from '../../src/desktops/desktops.js';

const GNOME = `[Desktop Entry]
Name[de]=GNOME auf Deutsch
Name=GNOME
Exec=/usr/bin/gnome-session
TryExec=gnome-session
Type=Application
DesktopNames=GNOME
X-GDM-SessionRegisters=true
X-GDM-CanRunHeadless=true
`;
const GNOME_DESKTOP = {
  id: 'gnome',
  name: 'GNOME',
  compositor: 'mutter',
  command: ['/usr/bin/gnome-session'],
  desktopNames: ['GNOME'],
  startTimeout: 60,
};

describe('desktop entries', () => {
  it('are keys and values of one group, without translations', () => {
    const text = '# comment\n\n[Desktop Entry]\nName = A name \nName[de]=Ein Name\nExec=a=b\n#Hidden=true\nEmpty=\n';
    const more = '[Desktop Action new]\nName=Other\nnonsense';
    assert.deepEqual(
      parseDesktopEntry(`${text}${more}`),
      new Map([
        ['Name', 'A name'],
        ['Exec', 'a=b'],
        ['Empty', ''],
      ]),
    );
    assert.deepEqual(parseDesktopEntry('[Desktop Entry]\r\nName=A\r\n'), new Map([['Name', 'A']]));
  });

  for (const text of [
    '',
    '# only a comment',
    'Name=A',
    '[Other]\nName=A',
    '[Desktop Entry]\nnonsense',
    '[Desktop Entry',
  ])
    it(`are not ${JSON.stringify(text)}`, () => assert.throws(() => parseDesktopEntry(text), SyntaxError));

  it('escape characters', () => {
    assert.equal(readString('\\sa\\nb\\tc\\rd\\\\n'), ' a\nb\tc\rd\\n');
    for (const value of ['\\', 'a\\', '\\x', '\\"']) assert.throws(() => readString(value), SyntaxError);
    assert.deepEqual(readList('GNOME-Classic;GNOME;'), ['GNOME-Classic', 'GNOME']);
    assert.deepEqual(readList('a\\;b;;c\\\\;d'), ['a;b', 'c\\', 'd']);
    assert.deepEqual(readList(''), []);
  });
});

describe('desktops', () => {
  const warn = console.warn;
  let root: string;
  let places: DesktopPlaces;
  let logged: string[];

  beforeEach(async () => {
    root = await mkdtemp(join(tmpdir(), 'desktops-'));
    places = {
      sessions: [join(root, 'local'), join(root, 'vendor')],
      dropIns: [join(root, 'ours'), join(root, 'etc')],
      path: `${join(root, 'nothing')}:${join(root, 'bin')}`,
    };
    for (const name of ['local', 'vendor', 'ours', 'etc', 'bin']) await mkdir(join(root, name));
    await program('gnome-session');
    logged = [];
    console.warn = (line: string) => logged.push(line);
  });
  afterEach(async () => {
    console.warn = warn;
    await rm(root, { recursive: true });
  });

  const program = (name: string) => writeFile(join(root, 'bin', name), '', { mode: 0o755 });
  const file = (name: string, text: string) => writeFile(join(root, name), text);
  const entry = (name: string, ...lines: string[]) =>
    file(`${name}.desktop`, ['[Desktop Entry]', ...lines, ''].join('\n'));
  const fake = (name: string, ...lines: string[]) =>
    entry(name, 'X-RemoteAccess-HeadlessExec=run', 'X-RemoteAccess-Compositor=fake', ...lines);
  const ids = async () => (await listDesktops(places)).map(({ id }) => id);

  it('are sessions that say that they run headless', async () => {
    await file('vendor/gnome.desktop', GNOME);
    await entry('vendor/gnome-old', 'Name=Old', 'Exec=gnome-session', 'DesktopNames=GNOME');
    await entry('vendor/sway', 'Name=Sway', 'Exec=sway');
    assert.deepEqual(await listDesktops(places), [GNOME_DESKTOP]);
    assert.deepEqual(logged, []);
  });

  it('are started with their own command line for it, if there is one', async () => {
    await fake('vendor/kiosk', 'Name=Kiosk\\sroom', 'Exec=kiosk --screen', 'DesktopNames=Kiosk;Fake;');
    assert.deepEqual(await listDesktops(places), [
      {
        id: 'kiosk',
        name: 'Kiosk room',
        compositor: 'fake',
        command: ['run'],
        desktopNames: ['Kiosk', 'Fake'],
        startTimeout: 60,
      },
    ]);
  });

  it('are none where nothing is installed', async () => {
    await rm(join(root, 'local'), { recursive: true });
    assert.deepEqual(await listDesktops(places), []);
    assert.equal(await chooseDesktop(undefined, places), undefined);
    assert.equal(await chooseDesktop('gnome', places), undefined);
    assert.deepEqual(logged, []);
  });

  it("are overridden by the administrator's of the same name", async () => {
    await file('vendor/gnome.desktop', GNOME);
    await file('local/gnome.desktop', GNOME.replace('Name=GNOME', 'Name=Ours'));
    assert.deepEqual(await listDesktops(places), [{ ...GNOME_DESKTOP, name: 'Ours' }]);
  });

  it('take single keys from drop-ins, the last of which counts', async () => {
    await file('vendor/gnome.desktop', GNOME);
    await entry('ours/gnome', 'X-RemoteAccess-HeadlessExec=gnome-shell --headless', 'Name=From us');
    await entry('etc/gnome', 'Name=From the administrator');
    assert.deepEqual(await listDesktops(places), [
      { ...GNOME_DESKTOP, name: 'From the administrator', command: ['gnome-shell', '--headless'] },
    ]);
    await entry('etc/gnome', 'X-RemoteAccess-HeadlessExec=');
    assert.deepEqual(await listDesktops(places), [{ ...GNOME_DESKTOP, name: 'From us' }]);
  });

  it('may be defined by a drop-in alone', async () => {
    await fake('ours/bare');
    assert.deepEqual(await listDesktops(places), [
      { id: 'bare', name: 'bare', compositor: 'fake', command: ['run'], desktopNames: [], startTimeout: 60 },
    ]);
  });

  it('can be hidden for good, or from the list only', async () => {
    await file('vendor/gnome.desktop', GNOME);
    await entry('etc/gnome', 'Hidden=true');
    await fake('ours/secret', 'NoDisplay=true');
    assert.deepEqual(await listDesktops(places), []);
    assert.equal(await chooseDesktop('gnome', places), undefined);
    assert.equal((await chooseDesktop('secret', places))?.id, 'secret');
    assert.equal(await chooseDesktop(undefined, places), undefined);
  });

  it('are installed if their TryExec is', async () => {
    await fake('vendor/a', 'TryExec=missing');
    await fake('vendor/b', `TryExec=${join(root, 'bin/gnome-session')}`);
    await fake('vendor/c', `TryExec=${join(root, 'bin')}`);
    await writeFile(join(root, 'bin/plain'), '', { mode: 0o644 });
    await fake('vendor/d', 'TryExec=plain');
    await fake('vendor/e', 'TryExec=gnome-session');
    assert.deepEqual(await ids(), ['b', 'e']);
    assert.deepEqual(logged, []);
  });

  it('begin with GNOME, then go by id; the first is the default', async () => {
    for (const id of ['zebra', 'Alpha', 'gnome-wayland', 'alpha']) await fake(`vendor/${id}`);
    assert.deepEqual(await ids(), ['Alpha', 'alpha', 'gnome-wayland', 'zebra']);
    assert.equal((await chooseDesktop(undefined, places))?.id, 'Alpha');
    await file('vendor/gnome.desktop', GNOME);
    assert.deepEqual(await ids(), ['gnome', 'Alpha', 'alpha', 'gnome-wayland', 'zebra']);
    assert.equal((await chooseDesktop(undefined, places))?.id, 'gnome');
    assert.equal((await chooseDesktop('', places))?.id, 'gnome');
    assert.equal((await chooseDesktop('', { ...places, preferred: 'zebra' }))?.id, 'zebra');
    assert.equal((await listDesktops({ ...places, preferred: 'zebra' }))[0]?.id, 'zebra');
    assert.equal((await chooseDesktop('', { ...places, preferred: 'gone' }))?.id, 'gnome');
    assert.equal((await chooseDesktop('zebra', places))?.id, 'zebra');
    assert.equal(await chooseDesktop('../vendor/zebra', places), undefined);
  });

  const broken: [string, () => Promise<unknown>, RegExp][] = [
    ['is empty', () => file('vendor/bad.desktop', ''), /does not begin with \[Desktop Entry\]/],
    ['is cut off', () => entry('vendor/bad', 'Na'), /line 2 is neither a key nor a comment/],
    ['is not UTF-8', () => writeFile(join(root, 'vendor/bad.desktop'), Buffer.from([0x5b, 0xff])), /not valid/],
    ['is too large', () => fake('vendor/bad', `Name=${'x'.repeat(262_144)}`), /it has \d+ bytes, more than 262144/],
    ['is a directory', () => mkdir(join(root, 'vendor/bad.desktop')), /not a regular file/],
    ['is a dangling link', () => symlink('nowhere', join(root, 'vendor/bad.desktop')), /ENOENT/],
    ['is a FIFO', async () => execFileSync('mkfifo', [join(root, 'vendor/bad.desktop')]), /not a regular file/],
    ['has wrong quotes', () => fake('vendor/bad', 'X-RemoteAccess-HeadlessExec=run "it'), /wrong quotes at "\\"it"/],
    ['has an unknown escape', () => fake('vendor/bad', 'Name=\\x'), /unknown escape '\\x'/],
    ['names no compositor', () => entry('vendor/bad', 'X-RemoteAccess-HeadlessExec=run'), /Compositor is missing/],
    ['names an unknown compositor', () => fake('vendor/bad', 'X-RemoteAccess-Compositor=x11'), /Compositor is x11/],
  ];
  for (const [what, spoil, reason] of broken) {
    it(`do without one whose file ${what}, with a line in the log`, async () => {
      await file('vendor/gnome.desktop', GNOME);
      await spoil();
      assert.deepEqual(await ids(), ['gnome']);
      assert.equal(logged.length, 1);
      assert.match(String(logged[0]), /^desktop .*bad(\.desktop)? is skipped: /);
      assert.match(String(logged[0]), reason);
    });
  }

  it('do without a broken drop-in only, not without the session', async () => {
    await file('vendor/gnome.desktop', GNOME);
    await file('etc/gnome.desktop', 'nonsense');
    assert.deepEqual(await listDesktops(places), [GNOME_DESKTOP]);
    assert.equal(logged.length, 1);
  });

  it('pass over files that are no desktop files', async () => {
    for (const name of ['README', '.hidden.desktop', 'a b.desktop', '-x.desktop', 'gnome.desktop~', '.desktop'])
      await file(`vendor/${name}`, GNOME);
    await file('vendor/gnome.desktop', GNOME);
    await chmod(join(root, 'vendor/gnome.desktop'), 0o444);
    assert.deepEqual(await ids(), ['gnome']);
    assert.deepEqual(logged, []);
  });

  it('include the bare mutter that we install', async () => {
    const mutter = await readFile(join(import.meta.dirname, '../../data/desktops/mutter.desktop'), 'utf8');
    await file('ours/mutter.desktop', mutter);
    assert.equal(await chooseDesktop('mutter', places), undefined);
    await program('mutter');
    assert.deepEqual(await listDesktops(places), [
      {
        id: 'mutter',
        name: 'Mutter',
        compositor: 'mutter',
        command: ['mutter', '--headless', '--wayland', '--no-x11'],
        desktopNames: ['GNOME'],
        startTimeout: 60,
      },
    ]);
  });
});
