import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { readdirSync } from 'node:fs';

/** Every installed manual page of ours. */
const pages = readdirSync('/usr/share/man', { recursive: true, encoding: 'utf8' }).flatMap((path) => {
  const [, name, section] = /^man\d\/((?:remote-?access|org\.freedesktop\.RemoteAccess).*)\.(\d)$/.exec(path) ?? [];
  return name === undefined || section === undefined ? [] : [{ name, section }];
});

function man(...args: string[]) {
  // Nothing is put aside for later readers, and all that groff warns of is shown.
  const env = { ...process.env, LC_ALL: 'C.UTF-8', MANWIDTH: '80', MANROFFOPT: '-ww' };
  return spawnSync('man', ['--warnings', ...args], { encoding: 'utf8', env });
}

describe('the manual', () => {
  it('has every page of ours that another one refers to', () => {
    const names = pages.map(({ name, section }) => `${name}(${section})`);
    assert.ok(names.length >= 4);
    const seen = pages.map(({ name, section }) => man(section, name).stdout.split(/^SEE ALSO$/m)[1] ?? '');
    for (const [page] of seen.join().matchAll(/(?:remote-?access|org\.freedesktop\.RemoteAccess)[\w.-]*\(\d\)/g))
      assert.ok(names.includes(page), page);
  });

  for (const { name, section } of pages)
    it(`shows ${name}(${section}) without a warning`, () => {
      const { status, stdout, stderr } = man(section, name);
      assert.deepEqual({ status, stderr }, { status: 0, stderr: '' });
      const [, , , title = ''] = stdout.split('\n');
      assert.match(title.trim(), new RegExp(`^${name.replaceAll('.', '\\.')}(,.*)? +- +.`));
    });
});
