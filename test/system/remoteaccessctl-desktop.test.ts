import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { watch } from 'node:fs/promises';
import { join } from 'node:path';
import { buffer } from 'node:stream/consumers';
import { command, objectsIn, type Result, start } from './command.js';
import { provision, run } from './fixture.js';
import { Window } from './in-session.js';
import { fails, Scene, succeeded } from './scene.js';

const RED = [192, 48, 32];

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
  let scene: Scene;

  before(async () => {
    scene = await Scene.set();
  });
  afterEach(() => scene.undisturbed());
  after(() => scene?.[Symbol.asyncDispose]());

  describe('login', () => {
    it('finds the session, by a token in a file, on standard input or a descriptor, and as oneself', async () => {
      const token = readFileSync(scene.tokenFile, 'utf8');
      const ways: Promise<Result>[] = [
        command(['login', `--token-file=${scene.tokenFile}`], { user: 'bob' }),
        command(['login', '--token-file', '-'], { user: 'bob', input: token }),
        command(['login', '--token-fd=0'], { user: 'bob', input: token }),
        command(['login', '--desktop=gnome', '--layout=800x600'], { user: 'alice' }),
      ];
      for (const way of await Promise.all(ways)) assert.equal(succeeded(way), `${scene.session}\n`);
      const [told] = objectsIn(succeeded(await command(['login', '--json'], { user: 'alice' })));
      assert.deepEqual([told?.id, told?.user, told?.desktop], [scene.session, 'alice', 'mutter']);
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
      assert.equal(succeeded(await command(['layout', '--session', scene.session])), shown);
      assert.equal(succeeded(await command(['layout', '--token-file', scene.tokenFile], { user: 'nobody' })), shown);
    });

    it('is refused to strangers, with the remedy', async () => {
      await fails(command(['layout'], { user: 'bob' }), 3, 'you have no session; remoteaccessctl login starts it');
      await fails(
        command(['type', 'x', '--user=alice'], { user: 'bob' }),
        3,
        'there is no session of alice that you may use; with a token, --token-file logs in to it',
      );
      await fails(command(['key', 'a', `--session=${scene.session}`], { user: 'bob' }), 3, 'there is no such session');
      await fails(
        command(['clipboard', 'get', '--user=bob']),
        3,
        'bob has no session; remoteaccessctl create bob starts it',
      );
      await fails(command(['screenshot', 'x.png']), 2, /^remoteaccessctl: root has no session: --user or --session/);
      await fails(command(['layout', '--user=alice', `--session=${scene.session}`]), 2, /exclude each other/);
      await fails(command(['layout', '--user=alice', `--token-file=${scene.tokenFile}`]), 2, /is that of the token/);
    });

    it('does what the token grants and no more', async () => {
      const { token } = await provision(scene.admin, 'alice', { desktop: 'mutter', grants: ['monitors', 'keyboard'] });
      const user = { user: 'nobody', input: token };
      assert.match(succeeded(await command(['layout', '--token-file=-'], user)), /^left=/);
      for (const denied of [
        ['screenshot', join(scene.folder, 'no.png')],
        ['clipboard', 'get'],
        ['record', join(scene.folder, 'no')],
      ])
        await fails(command([...denied, '--token-file=-'], user), 4, /grant/);
      assert.equal(existsSync(join(scene.folder, 'no')), false);
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
        const [serial] = await scene.worker.monitors.methods.getLayout();
        assert.equal(succeeded(await command(['layout', shown.trim()], { user: 'alice' })), shown);
        assert.equal(succeeded(await command(['layout'], { user: 'alice' })), shown);
        assert.equal((await scene.worker.monitors.methods.getLayout())[0], serial, 'nothing changed');
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
      const file = join(scene.folder, 'all.png');
      succeeded(await command(['screenshot', file], { user: 'alice' }));
      const picture = decode(file);
      assert.deepEqual(picture.size, [2560 + 1600, 1440]);
      assert.deepEqual(picture.at(1280, 1400), RED);
      assert.notDeepEqual(picture.at(2560 + 800, 300), RED);
      assert.deepEqual(picture.at(2560 + 800, 1300), [0, 0, 0], 'there is no monitor');
    });

    it('screenshot shows one monitor as it is, to a file or standard output', async () => {
      const file = join(scene.folder, 'one.png');
      const options = ['--monitor', 'left', '--token-file', scene.tokenFile];
      const told = succeeded(await command(['screenshot', '--json', file, ...options], { user: 'nobody' }));
      assert.deepEqual(objectsIn(told), [{ file, width: 1280, height: 720 }]);
      assert.deepEqual([decode(file).size, decode(file).at(640, 700)], [[1280, 720], RED]);
      const child = start(['screenshot', '-', '-m', 'right'], { user: 'alice' });
      assert.ok(child.stdout);
      writeFileSync(join(scene.folder, 'other.png'), await buffer(child.stdout));
      assert.deepEqual(decode(join(scene.folder, 'other.png')).size, [1600, 1200]);
    });

    it('screenshot says what is wrong, and leaves no file', async () => {
      const file = join(scene.folder, 'none.png');
      const wrong = command(['screenshot', file, '-m', 'middle'], { user: 'alice' });
      await fails(wrong, 2, "there is no monitor 'middle', only left, right");
      const lacking = command(['screenshot', file], { user: 'alice', env: { GST_PLUGIN_SYSTEM_PATH: '/nowhere' } });
      await fails(lacking, 1, 'GStreamer lacks pipewiresrc: apt install gstreamer1.0-pipewire');
      assert.equal(existsSync(file), false);
      await fails(command(['screenshot', '/nowhere/x.png'], { user: 'alice' }), 1, /ENOENT/);
    });

    it('screenshot names the package of a program that is missing', async () => {
      const tools = join(scene.folder, 'bin');
      run('mkdir', tools);
      for (const name of ['setpriv', 'node', 'remoteaccessctl']) run('ln', '-s', `/usr/bin/${name}`, tools);
      const lacking = command(['screenshot', join(scene.folder, 'x.png')], { user: 'alice', env: { PATH: tools } });
      await fails(lacking, 1, 'gst-launch-1.0 is not installed: apt install gstreamer1.0-tools');
    });
  });

  describe('record', () => {
    it('makes a video of so many seconds', async () => {
      const file = join(scene.folder, 'two.webm');
      const told = succeeded(await command(['record', '-d', '2', '--json', '-m', 'left', file], { user: 'alice' }));
      assert.deepEqual(objectsIn(told), [{ file, width: 1280, height: 720 }]);
      const times = frames(file);
      assert.ok(times.length > 1 && times.length <= 60, `${times.length} frames`);
      assert.equal(times[0], 0);
      assert.ok((times.at(-1) ?? 0) > 1 && (times.at(-1) ?? 0) < 2, `until ${times.at(-1)}`);
    });

    for (const signal of ['SIGINT', 'SIGTERM'] as const)
      it(`completes the file at ${signal}`, async () => {
        const file = join(scene.folder, `${signal}.webm`);
        const child = start(['record', file, '--frame-rate=10'], { user: 'alice' });
        const exited = once(child, 'exit');
        // The first frames are in the file when it has grown beyond its head.
        for await (const _change of watch(scene.folder)) if (sizeOf(file) > 1000) break;
        child.kill(signal);
        assert.deepEqual(await exited, [0, null]);
        assert.ok(frames(file).length > 0);
      });

    it('goes to standard output, and ends with an error when the layout changes', async () => {
      const file = join(scene.folder, 'stream.webm');
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
      // The pipe ends with the last process that could write to it.
      await buffer(child.stdout);
    });
  });
});
