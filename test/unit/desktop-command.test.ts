import assert from 'node:assert/strict';
import { parseCommand } from '../../src/desktops/desktop-command.js';
import { readString } from '../../src/desktops/desktop-entry.js';
import { SeededRandom } from './seeded-random.js';

describe('the Exec key', () => {
  for (const [value, command] of [
    ['sway', ['sway']],
    ['/usr/bin/gnome-session', ['/usr/bin/gnome-session']],
    ['mutter --headless --wayland', ['mutter', '--headless', '--wayland']],
    ['  spaced   out  ', ['spaced', 'out']],
    ['env A=b gnome-session', ['env', 'A=b', 'gnome-session']],
    ['"/opt/my desktop/start" now', ['/opt/my desktop/start', 'now']],
    ['sh -c "echo \\$HOME; \\`id\\` \\"x\\" \\\\ > /dev/null"', ['sh', '-c', 'echo $HOME; `id` "x" \\ > /dev/null']],
    ['a "" b', ['a', '', 'b']],
    ['a "two\nlines"', ['a', 'two\nlines']],
    ['a %f %F %u %U %d %D %n %N %i %c %k %v %m b', ['a', 'b']],
    ['a --file=%f %f%u', ['a', '--file=']],
    ['a 100%% %%f', ['a', '100%', '%f']],
    ['a "100%%"', ['a', '100%']],
    ['größe ☕', ['größe', '☕']],
  ] as const) {
    it(`reads ${JSON.stringify(value)}`, () => assert.deepEqual(parseCommand(value), command));
  }

  for (const value of [
    ...['', '   ', '%f', '""', 'A=b sway', '"A=b" sway'],
    ...['"open', 'open"', 'a"b"', '"a"b', '"a""b"', '"a $HOME"', '"a `id`"', '"a\\nb"', '"a\\"'],
    ...["'a b'", 'a;b', 'a|b', 'a&', 'a>b', '$HOME', '`id`', 'a*', 'a?', 'a#', 'a(b)', '~/a', 'a\\ b', 'a\tb', 'a\nb'],
    ...['a %', 'a %x', 'a %%%', 'a "%f"', 'a "%"'],
  ]) {
    it(`refuses ${JSON.stringify(value)}`, () => assert.throws(() => parseCommand(value), SyntaxError));
  }

  it('reads back what is quoted as the specification says', () => {
    const random = new SeededRandom(4);
    const alphabet = 'aZ09 \t\n"\'\\`$%;&|<>*?#()~=-/ä☕';
    for (let round = 0; round < 2000; round++) {
      const command = ['run', ...Array.from({ length: random.below(6) }, () => random.text(alphabet, 12))];
      const exec = command
        .map((argument) => `"${argument.replace(/["\\`$]/g, '\\$&').replaceAll('%', '%%')}"`)
        .join(' '.repeat(1 + random.below(3)));
      assert.deepEqual(parseCommand(exec), command);
      const value = exec.replace(/[\\\n\t]/g, (character) => ({ '\n': '\\n', '\t': '\\t' })[character] ?? '\\\\');
      assert.deepEqual(parseCommand(readString(value)), command);
    }
  });

  it('answers any text with a command or a SyntaxError', () => {
    const random = new SeededRandom(5);
    for (let round = 0; round < 5000; round++) {
      const text = random.text('ab="\\`$% %%f;\' \n', 16);
      try {
        const command = parseCommand(text);
        assert(command.length > 0 && command[0] !== '');
        for (const argument of command) assert(argument.length <= text.length);
      } catch (error) {
        assert(error instanceof SyntaxError, String(error));
      }
    }
  });

  it('takes no longer than the text is long', () => {
    const long = 'a'.repeat(200_000);
    assert.deepEqual(parseCommand(`run "${long}" ${long}`), ['run', long, long]);
    assert.throws(() => parseCommand(`run "${'\\\\'.repeat(100_000)}`), SyntaxError);
  });
});
