import assert from 'node:assert/strict';
import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { chmod, watch } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { buffer } from 'node:stream/consumers';
import { fileURLToPath } from 'node:url';
import type { Tool } from '../../src/tool/tool.js';
import type { ToolConnection } from '../../src/tool/tool-connection.js';
import { command, objectsIn, type Result, start } from './command.js';
import { endSessions, Heard, objects, provision, run, toolAs } from './fixture.js';
import { asUser, Window } from './in-session.js';
import { Lines } from './lines.js';

const TEXT = 'text/plain;charset=utf-8';
const RED = [192, 48, 32];

function succeeded({ code, stdout, stderr }: Result): string {
  assert.deepEqual({ code, stderr }, { code: 0, stderr: '' });
  return stdout;
}

async function fails(result: Promise<Result>, code: number, words: string | RegExp): Promise<void> {
  const { code: got, stdout, stderr } = await result;
  assert.deepEqual({ code: got, stdout }, { code, stdout: '' }, stderr);
  if (typeof words === 'string') assert.equal(stderr, `remoteaccessctl: ${words}\n`);
  else assert.match(stderr, words);
}

/** clients/editor.py in a user's session, with the keyboard. */
class Editor extends Lines {
  static async open(user: string): Promise<Editor> {
    const script = fileURLToPath(new URL('clients/editor.py', import.meta.url));
    const [program, args] = asUser(user, ['python3', script]);
    const editor = new Editor(spawn(program, args, { stdio: ['pipe', 'pipe', 'inherit'] }));
    await editor.next((line) => line.event === 'active', 'active');
    return editor;
  }

  async shows(text: string): Promise<void> {
    await this.next((line) => line.event === 'text' && line.text === text, JSON.stringify(text));
  }

  async clear(): Promise<void> {
    this.take(() => true);
    this.send({});
    await this.next((line) => line.event === 'empty', 'empty');
    this.take(() => true);
  }
}

/** A PNG file as GStreamer reads it: its size, and the colour at a place. */
function decode(file: string) {
  const header = readFileSync(file).subarray(0, 24);
  const [width, height] = [header.readUInt32BE(16), header.readUInt32BE(20)];
  const source = ['filesrc', `location=${file}`, '!', 'pngdec', '!', 'videoconvert', '!', 'video/x-raw,format=RGBA'];
  const pixels = execFileSync('gst-launch-1.0', ['-q', ...source, '!', 'fdsink', 'fd=1'], { maxBuffer: 1 << 28 });
  assert.equal(pixels.length, width * height * 4);
  return {
    size: [width, height],
    at: (x: number, y: number) => [...pixels.subarray((y * width + x) * 4).subarray(0, 3)],
  };
}

function sizeOf(file: string): number {
  return statSync(file, { throwIfNoEntry: false })?.size ?? 0;
}

/** The frames of a WebM file as GStreamer decodes them: their times in seconds. */
function frames(file: string): number[] {
  const elements = [
    'filesrc',
    `location=${file}`,
    '!',
    'matroskademux',
    '!',
    'vp8dec',
    '!',
    'fakesink',
    'silent=false',
  ];
  const options = { encoding: 'utf8', maxBuffer: 1 << 28 } as const;
  const said = execFileSync('gst-launch-1.0', ['-v', ...elements, 'sync=false'], options);
  return [...said.matchAll(/chain .*pts: (\d+):(\d+):([\d.]+)/g)].map(
    ([, hours, minutes, seconds]) => Number(hours) * 3600 + Number(minutes) * 60 + Number(seconds),
  );
}

describe('remoteaccessctl in a session', function () {
  this.timeout(60_000);
  let folder: string;
  let admin: Tool;
  /** Who works in alice's session all the time, and must not be disturbed. */
  let worker: ToolConnection;
  let closed: Heard<[string]>;
  let tokenFile: string;
  let session: string;
  let path: string;

  before(async () => {
    folder = mkdtempSync(join(tmpdir(), 'ctl-'));
    await chmod(folder, 0o777);
    admin = await toolAs('root');
    tokenFile = join(folder, 'token');
    writeFileSync(tokenFile, `${(await provision(admin, 'alice', { desktop: 'mutter' })).token}\n`, { mode: 0o644 });
    const login = ['login', '--token-file', tokenFile, '--layout', 'left=1280x720,right=1600x1200@2'];
    session = succeeded(await command(login, { user: 'nobody' })).trim();
    path = await objects(admin.bus).root.methods.getSession(session);
    worker = await admin.connect(path, { 'client-name': 'worker' });
    closed = await Heard.listen(worker.connection, 'Closed');
  });

  afterEach(async () => {
    assert.deepEqual(closed.all, [], 'who works there was disturbed');
    // A connection that is left would be the latest client's.
    await using changes = await Heard.standard(admin.bus, path, 'PropertiesChanged');
    while ((await objects(admin.bus).session(path).property('Client')).name !== 'worker') await changes.next();
  });

  after(async () => {
    await endSessions(admin);
    rmSync(folder, { recursive: true });
  });

  describe('login', () => {
    it('finds the session, by a token in a file, on standard input or a descriptor, and as oneself', async () => {
      const token = readFileSync(tokenFile, 'utf8');
      const ways: Promise<Result>[] = [
        command(['login', `--token-file=${tokenFile}`], { user: 'bob' }),
        command(['login', '--token-file', '-'], { user: 'bob', input: token }),
        command(['login', '--token-fd=0'], { user: 'bob', input: token }),
        command(['login', '--desktop=gnome', '--layout=800x600'], { user: 'alice' }),
      ];
      for (const way of await Promise.all(ways)) assert.equal(succeeded(way), `${session}\n`);
      const [told] = objectsIn(succeeded(await command(['login', '--json'], { user: 'alice' })));
      assert.deepEqual([told?.id, told?.user, told?.desktop], [session, 'alice', 'mutter']);
    });

    it('says what is wrong', async () => {
      const wrong = { user: 'bob', input: 'ra1-aaaaaaaaaa-00\n' };
      await fails(command(['login', '--token-file=-'], wrong), 4, /^remoteaccessctl: [^\n]+\n$/);
      const [error] = objectsIn((await command(['login', '--json', '--token-file=-'], wrong)).stderr);
      assert.equal(error?.error, 'org.freedesktop.RemoteAccess.Error.AuthenticationFailed');
      await fails(command(['login', '--layout=800*600'], { user: 'bob' }), 2, /'800\*600' is no monitor such as/);
      await fails(command(['login', '--desktop=none'], { user: 'bob' }), 1, /none/);
    });
  });

  describe('a session', () => {
    it('is the own one, one that root names, or that of a token', async () => {
      const shown = 'left=1280x720+0+0:primary,right=1600x1200@2+1280+0\n';
      assert.equal(succeeded(await command(['layout'], { user: 'alice' })), shown);
      assert.equal(succeeded(await command(['layout', '--user', 'alice'])), shown);
      assert.equal(succeeded(await command(['layout', '--session', session])), shown);
      assert.equal(succeeded(await command(['layout', '--token-file', tokenFile], { user: 'nobody' })), shown);
    });

    it('is refused to strangers, with the remedy', async () => {
      await fails(command(['layout'], { user: 'bob' }), 3, 'you have no session; remoteaccessctl login starts it');
      await fails(
        command(['type', 'x', '--user=alice'], { user: 'bob' }),
        3,
        'there is no session of alice that you may use; with a token, --token-file logs in to it',
      );
      await fails(command(['key', 'a', `--session=${session}`], { user: 'bob' }), 3, 'there is no such session');
      await fails(
        command(['clipboard', 'get', '--user=bob']),
        3,
        'bob has no session; remoteaccessctl create bob starts it',
      );
      await fails(command(['screenshot', 'x.png']), 2, /^remoteaccessctl: root has no session: --user or --session/);
      await fails(command(['layout', '--user=alice', `--session=${session}`]), 2, /exclude each other/);
      await fails(command(['layout', '--user=alice', `--token-file=${tokenFile}`]), 2, /is that of the token/);
    });

    it('does what the token grants and no more', async () => {
      const { token } = await provision(admin, 'alice', { desktop: 'mutter', grants: ['monitors', 'keyboard'] });
      const user = { user: 'nobody', input: token };
      assert.match(succeeded(await command(['layout', '--token-file=-'], user)), /^left=/);
      for (const denied of [
        ['screenshot', join(folder, 'no.png')],
        ['clipboard', 'get'],
        ['record', join(folder, 'no')],
      ])
        await fails(command([...denied, '--token-file=-'], user), 4, /grant/);
      assert.equal(existsSync(join(folder, 'no')), false);
    });
  });

  describe('layout', () => {
    it('is set, and what it shows can be given back', async () => {
      const layouts = [
        '1920x1080@2,1280x720',
        'a=800x600:90,left=1600x900@1.5:primary',
        'left=1280x720,right=1600x1200@2',
      ];
      for (const layout of layouts) {
        const shown = succeeded(await command(['layout', layout], { user: 'alice' }));
        const [serial] = await worker.monitors.methods.getLayout();
        assert.equal(succeeded(await command(['layout', shown.trim()], { user: 'alice' })), shown);
        assert.equal(succeeded(await command(['layout'], { user: 'alice' })), shown);
        assert.equal((await worker.monitors.methods.getLayout())[0], serial, 'nothing changed');
      }
      const told = objectsIn(succeeded(await command(['layout', '--json'], { user: 'alice' })));
      assert.deepEqual(told, [
        { id: 'left', size: [1280, 720], position: [0, 0], scale: 1, refresh: 60, transform: 0, primary: true },
        { id: 'right', size: [1600, 1200], position: [1280, 0], scale: 2, refresh: 60, transform: 0, primary: false },
      ]);
    });

    it('that cannot be shown changes nothing', async () => {
      const before = succeeded(await command(['layout'], { user: 'alice' }));
      for (const [layout, words] of [
        ['800x600+0+0,800x600+900+0', /there is a gap/],
        ['800x600,800x600+10+0', /overlaps/],
        ['800x600@9', /has scale 9/],
        ['99999x1', /has size 99999×1/],
        ['a=1x1,a=1x1', /two monitors have the id 'a'|overlaps/],
      ] as const)
        await fails(command(['layout', layout], { user: 'alice' }), 2, words);
      assert.equal(succeeded(await command(['layout'], { user: 'alice' })), before);
    });
  });

  describe('with a window', () => {
    let window: Window;

    before(async () => {
      window = await Window.open('alice');
    });
    after(() => window.kill());

    it('screenshot shows all monitors at their places, as large as the largest scale wants them', async () => {
      const file = join(folder, 'all.png');
      succeeded(await command(['screenshot', file], { user: 'alice' }));
      const picture = decode(file);
      assert.deepEqual(picture.size, [2560 + 1600, 1440]);
      assert.deepEqual(picture.at(1280, 1400), RED);
      assert.notDeepEqual(picture.at(2560 + 800, 300), RED);
      assert.deepEqual(picture.at(2560 + 800, 1300), [0, 0, 0], 'there is no monitor');
    });

    it('screenshot shows one monitor as it is, to a file or standard output', async () => {
      const file = join(folder, 'one.png');
      const options = ['--monitor', 'left', '--token-file', tokenFile];
      const told = succeeded(await command(['screenshot', '--json', file, ...options], { user: 'nobody' }));
      assert.deepEqual(objectsIn(told), [{ file, width: 1280, height: 720 }]);
      assert.deepEqual([decode(file).size, decode(file).at(640, 700)], [[1280, 720], RED]);
      const child = start(['screenshot', '-', '-m', 'right'], { user: 'alice' });
      assert.ok(child.stdout);
      writeFileSync(join(folder, 'other.png'), await buffer(child.stdout));
      assert.deepEqual(decode(join(folder, 'other.png')).size, [1600, 1200]);
    });

    it('screenshot says what is wrong, and leaves no file', async () => {
      const file = join(folder, 'none.png');
      const wrong = command(['screenshot', file, '-m', 'middle'], { user: 'alice' });
      await fails(wrong, 2, "there is no monitor 'middle', only left, right");
      const lacking = command(['screenshot', file], { user: 'alice', env: { GST_PLUGIN_SYSTEM_PATH: '/nowhere' } });
      await fails(lacking, 1, 'GStreamer lacks pipewiresrc: apt install gstreamer1.0-pipewire');
      assert.equal(existsSync(file), false);
      await fails(command(['screenshot', '/nowhere/x.png'], { user: 'alice' }), 1, /ENOENT/);
    });

    it('screenshot names the package of a program that is missing', async () => {
      const tools = join(folder, 'bin');
      run('mkdir', tools);
      for (const name of ['setpriv', 'node', 'remoteaccessctl']) run('ln', '-s', `/usr/bin/${name}`, tools);
      const lacking = command(['screenshot', join(folder, 'x.png')], { user: 'alice', env: { PATH: tools } });
      await fails(lacking, 1, 'gst-launch-1.0 is not installed: apt install gstreamer1.0-tools');
    });

    it('key presses keys together and lets them go', async () => {
      window.take(() => true);
      succeeded(await command(['key', 'ctrl+alt+t', 'F5', '?'], { user: 'alice' }));
      const pressed: unknown[] = [];
      while (pressed.length < 12) {
        const { name, down } = await window.next((line) => line.event === 'key', 'a key');
        pressed.push(`${down ? '+' : '-'}${name}`);
      }
      const expected = '+Control_L +Alt_L +t -t -Alt_L -Control_L +F5 -F5 +Shift_L +question -question -Shift_L';
      assert.equal(pressed.join(' '), expected);
    });

    it('key presses nothing if one of them is none', async () => {
      window.take(() => true);
      await fails(
        command(['key', 'a', 'ctrl+foo'], { user: 'alice' }),
        1,
        /^remoteaccessctl: the keyboard has no key 'foo'/,
      );
      await fails(command(['key', 'a', 'ctrl+'], { user: 'alice' }), 2, /'ctrl\+' is no key combination/);
      succeeded(await command(['key', 'b'], { user: 'alice' }));
      assert.equal((await window.next((line) => line.event === 'key')).name, 'b');
    });

    it('type that is killed leaves no key down', async () => {
      window.take(() => true);
      const child = start(['type', 'aB'.repeat(5000)], { user: 'alice' });
      const exited = once(child, 'exit');
      await window.next((line) => line.event === 'key' && line.name === 'B', 'a B');
      child.kill('SIGKILL');
      assert.deepEqual(await exited, [null, 'SIGKILL']);
      succeeded(await command(['key', 'Escape'], { user: 'alice' }));
      await window.next((line) => line.event === 'key' && line.name === 'Escape' && line.down === false, 'Escape');
      const down = new Set<unknown>();
      const events = window.take((line) => line.event === 'key' && line.name !== 'Escape');
      for (const { code, down: pressed } of events) pressed ? down.add(code) : down.delete(code);
      assert.deepEqual([...down], []);
      assert.ok(events.length < 30_000, 'it was ended on its way');
    });
  });

  describe('with an editor', () => {
    let editor: Editor;

    before(async () => {
      editor = await Editor.open('alice');
    });
    beforeEach(() => editor.clear());
    after(() => editor.kill());

    it('type writes what an argument or standard input has', async () => {
      const all = Array.from({ length: 95 }, (_, index) => String.fromCharCode(32 + index)).join('');
      succeeded(await command(['type', all], { user: 'alice' }));
      await editor.shows(all);
      await editor.clear();
      succeeded(await command(['type', '--user=alice'], { input: '-two\r\n\tlines\n' }));
      await editor.shows('-two\n\tlines\n');
      await editor.clear();
      succeeded(await command(['type', '-', '--token-file', tokenFile], { user: 'nobody', input: 'third' }));
      await editor.shows('third');
      await editor.clear();
      succeeded(await command(['type', '--', '--fourth'], { user: 'alice' }));
      await editor.shows('--fourth');
    });

    it('type loses nothing of a long text', async () => {
      const long = Array.from({ length: 200 }, (_, index) => `Line ${index} of MANY.\n`).join('');
      succeeded(await command(['type'], { user: 'alice', input: long }));
      await editor.shows(long);
    });

    it('type names what the keyboard has not, and types nothing', async () => {
      await fails(
        command(['type', 'a 日 ü\x07'], { user: 'alice' }),
        1,
        "the keyboard layout English (US) has no key for '日' (U+65E5), 'ü' (U+00FC), U+0007; nothing was typed",
      );
      const broken = start(['type'], { user: 'alice' });
      broken.stdin?.end(Buffer.from([0x61, 0xff]));
      assert.deepEqual(await once(broken, 'exit'), [2, null]);
      await fails(
        command(['type', '--token-file=-'], { user: 'nobody', input: 'x' }),
        2,
        /either the token or the text/,
      );
      succeeded(await command(['type', 'b'], { user: 'alice' }));
      await editor.shows('b');
    });

    it('clipboard brings text both ways, and what was set stays', async () => {
      const text = 'Grüße, κόσμε, 世界 🖥️\nand a second line';
      succeeded(await command(['clipboard', 'set'], { user: 'alice', input: text }));
      assert.equal(succeeded(await command(['clipboard', 'types', '--user=alice'])), `${TEXT}\n`);
      assert.equal(succeeded(await command(['clipboard', 'get'], { user: 'alice' })), text);
      succeeded(await command(['key', 'ctrl+v'], { user: 'alice' }));
      await editor.shows(text);
      succeeded(await command(['type', '!'], { user: 'alice' }));
      await editor.shows(`${text}!`);
      const copied = await Heard.listen(worker.clipboard, 'SelectionOwnerChanged');
      succeeded(await command(['key', 'ctrl+a', 'ctrl+c'], { user: 'alice' }));
      await copied.next((types) => types.includes(TEXT));
      const user = { user: 'nobody' };
      assert.equal(succeeded(await command(['clipboard', 'get', '--token-file', tokenFile], user)), `${text}!`);
    });

    it('clipboard brings pictures both ways', async () => {
      const file = join(folder, 'clip.png');
      succeeded(await command(['screenshot', file], { user: 'alice' }));
      const set = start(['clipboard', 'set', '-t', 'image/png'], { user: 'alice' });
      set.stdin?.end(readFileSync(file));
      assert.deepEqual(await once(set, 'exit'), [0, null]);
      const get = start(['clipboard', 'get', '--type=image/png'], { user: 'alice' });
      assert.ok(get.stdout);
      assert.ok(readFileSync(file).equals(await buffer(get.stdout)));
      await fails(
        command(['clipboard', 'get'], { user: 'alice' }),
        1,
        'the clipboard has no text; --type takes one of image/png',
      );
    });

    it('clipboard serves what the desktop does not keep until something else is copied', async () => {
      const set = start(['clipboard', 'set', '-t', 'application/x-odd'], { user: 'alice' });
      set.stdin?.end('odd');
      const exited = once(set, 'exit');
      assert.ok(set.stderr);
      const [said] = (await once(set.stderr, 'data')) as [Buffer];
      assert.match(said.toString(), /^The desktop keeps no copy/);
      const get = ['clipboard', 'get', '-t', 'application/x-odd'];
      assert.equal(succeeded(await command(get, { user: 'alice' })), 'odd');
      succeeded(await command(['clipboard', 'set'], { user: 'alice', input: 'text' }));
      assert.deepEqual(await exited, [0, null]);
      assert.equal(succeeded(await command(['clipboard', 'get'], { user: 'alice' })), 'text');
    });
  });

  describe('record', () => {
    it('makes a video of so many seconds', async () => {
      const file = join(folder, 'two.webm');
      const told = succeeded(await command(['record', '-d', '2', '--json', '-m', 'left', file], { user: 'alice' }));
      assert.deepEqual(objectsIn(told), [{ file, width: 1280, height: 720 }]);
      const times = frames(file);
      assert.ok(times.length > 1 && times.length <= 60, `${times.length} frames`);
      assert.equal(times[0], 0);
      assert.ok((times.at(-1) ?? 0) > 1 && (times.at(-1) ?? 0) < 2, `until ${times.at(-1)}`);
    });

    for (const signal of ['SIGINT', 'SIGTERM'] as const)
      it(`completes the file at ${signal}`, async () => {
        const file = join(folder, `${signal}.webm`);
        const child = start(['record', file, '--frame-rate=10'], { user: 'alice' });
        const exited = once(child, 'exit');
        // The first frames are in the file when it has grown beyond its head.
        for await (const _change of watch(folder)) if (sizeOf(file) > 1000) break;
        child.kill(signal);
        assert.deepEqual(await exited, [0, null]);
        assert.ok(frames(file).length > 0);
      });

    it('goes to standard output, and ends with an error when the layout changes', async () => {
      const file = join(folder, 'stream.webm');
      const child = start(['record', '-', '--user=alice']);
      assert.ok(child.stdout && child.stderr);
      const exited = once(child, 'exit');
      const [first] = (await once(child.stdout, 'data')) as [Buffer];
      const rest = buffer(child.stdout);
      const said = buffer(child.stderr);
      succeeded(await command(['layout', '1024x768'], { user: 'alice' }));
      assert.deepEqual(await exited, [1, null]);
      assert.equal((await said).toString(), 'remoteaccessctl: the layout changed: the recording ends there\n');
      writeFileSync(file, Buffer.concat([first, await rest]));
      assert.ok(frames(file).length > 0);
    });

    it('leaves no process when it is killed', async () => {
      const child = start(['record', '-', '-m', 'left'], { user: 'alice' });
      assert.ok(child.stdout);
      await once(child.stdout, 'data');
      child.kill('SIGKILL');
      // The pipe ends when nobody can write to it any more.
      await buffer(child.stdout);
      assert.equal(run('sh', '-c', 'pgrep -u alice gst-launch || true'), '');
    });
  });

  describe('with a German keyboard', () => {
    let editor: Editor;

    before(async () => {
      // What systemd-localed reads on Debian, and mutter asks it.
      writeFileSync('/etc/default/keyboard', 'XKBMODEL=pc105\nXKBLAYOUT=de\n');
      run('systemctl', 'stop', 'systemd-localed');
      succeeded(await command(['login', '--desktop=mutter'], { user: 'bob' }));
      editor = await Editor.open('bob');
    });
    after(() => editor.kill());

    it('type uses its levels and dead keys', async () => {
      const text = 'Grüße, Straße! @€ {[]}\\ ^ é à ê ~ ´ ` ² ẞ Ω „x“ → |<>';
      succeeded(await command(['type', text], { user: 'bob' }));
      await editor.shows(text);
    });

    it('key finds keys where this layout has them', async () => {
      await editor.clear();
      succeeded(await command(['type', 'zyx'], { user: 'bob' }));
      await editor.shows('zyx');
      succeeded(await command(['key', 'ctrl+z', 'Y', 'shift+ä', 'altgr+q'], { user: 'bob' }));
      await editor.shows('yÄ@');
    });
  });
});
