import assert from 'node:assert/strict';
import { once } from 'node:events';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { buffer } from 'node:stream/consumers';
import { command, start } from './command.js';
import { Heard, run } from './fixture.js';
import { Window } from './in-session.js';
import { Editor, fails, Scene, succeeded } from './scene.js';

const TEXT = 'text/plain;charset=utf-8';

describe('remoteaccessctl types and copies', function () {
  this.timeout(60_000);
  let scene: Scene;

  before(async () => {
    scene = await Scene.set();
  });
  afterEach(() => scene.undisturbed());
  after(() => scene?.[Symbol.asyncDispose]());

  describe('with a window', () => {
    let window: Window;

    before(async () => {
      window = await Window.open('alice');
    });
    after(() => window.kill());

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
      succeeded(await command(['type', '-', '--token-file', scene.tokenFile], { user: 'nobody', input: 'third' }));
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
      await fails(
        command(['type'], { user: 'alice', input: 'geheimß\r\nü' }),
        1,
        'the keyboard layout English (US) has no key for character 7, 9 of standard input; nothing was typed',
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
      const copied = await Heard.listen(scene.worker.clipboard, 'SelectionOwnerChanged');
      succeeded(await command(['key', 'ctrl+a', 'ctrl+c'], { user: 'alice' }));
      await copied.next((types) => types.includes(TEXT));
      const user = { user: 'nobody' };
      assert.equal(succeeded(await command(['clipboard', 'get', '--token-file', scene.tokenFile], user)), `${text}!`);
    });

    it('clipboard brings pictures both ways', async () => {
      const file = join(scene.folder, 'clip.png');
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
