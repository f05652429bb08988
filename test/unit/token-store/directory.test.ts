import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import fs from 'node:fs/promises';
import { join } from 'node:path';
import { ALICE, breakDisk, fail, failure, givenStore, ids, original } from './given.js';

describe('TokenStore reads a directory', () => {
  const given = givenStore();
  const { open, findUser, file, readJson, writeJson } = given;

  const good = 'goodgoodgo';
  const other = 'badbadbadb';

  /** A directory with one good token, and another file that a test spoils. */
  beforeEach(async () => {
    const store = await open();
    const { id } = await store.provision(ALICE);
    const record = await readJson(id);
    await fs.unlink(file(id));
    await writeJson(good, { ...record, id: good });
    await writeJson(other, { ...record, id: other });
  });

  const change = async (keys: Record<string, unknown>) => writeJson(other, { ...(await readJson(other)), ...keys });
  const remove = async (key: string) => {
    const { [key]: _, ...rest } = await readJson(other);
    await writeJson(other, rest);
  };

  const spoilers: [string, () => Promise<unknown>, string | RegExp][] = [
    ['an empty one', () => fs.truncate(file(other)), 'it is not JSON'],
    ['a truncated one', () => fs.truncate(file(other), 100), 'it is not JSON'],
    ['garbage', () => fs.writeFile(file(other), Buffer.from([0, 255, 254, 1])), 'it is not JSON'],
    ['null', () => writeJson(other, null), 'it is not a JSON object'],
    ['an array', () => writeJson(other, []), "'format' is missing"],
    ['a later format', () => change({ format: 2 }), "'format' is not valid"],
    ['another id', () => change({ id: good }), `it holds the token ${good}`],
    ['no hash', () => remove('hash'), "'hash' is missing"],
    ['a short hash', () => change({ hash: 'abcd' }), "'hash' is not valid"],
    ['no uses', () => remove('uses'), "'uses' is missing"],
    ['negative uses', () => change({ uses: -1 }), "'uses' is not valid"],
    ['uses as text', () => change({ uses: '5' }), "'uses' is not valid"],
    ['a uid of fractions', () => change({ uid: 0.5 }), "'uid' is not valid"],
    ['unknown grants', () => change({ grants: ['all'] }), "'grants' is not valid"],
    ['grants as text', () => change({ grants: 'capture' }), "'grants' is not valid"],
    ['a desktop that is a path', () => change({ desktop: '../x' }), "'desktop' is not valid"],
    ['too large a file', () => change({ padding: 'x'.repeat(65_536) }), /^it has \d+ bytes, more than 65536$/],
    ['a file that others can write', () => fs.chmod(file(other), 0o620), 'others can write it'],
    ['a directory', () => fs.unlink(file(other)).then(() => fs.mkdir(file(other))), 'it is not a regular file'],
    [
      'a link',
      () => fs.rename(file(other), join(given.path, 'elsewhere')).then(() => fs.symlink('elsewhere', file(other))),
      'it is a symbolic link',
    ],
    [
      'a FIFO',
      () => fs.unlink(file(other)).then(() => execFileSync('mkfifo', ['-m', '600', file(other)])),
      'it is not a regular file',
    ],
    [
      'a file that cannot be read',
      async () =>
        breakDisk({
          open: (...args) =>
            String(args[0]) === file(other) ? Promise.reject(failure('EIO')) : original.open(...args),
        }),
      'the token store cannot be read: EIO',
    ],
  ];
  for (const [what, spoil, cause] of spoilers) {
    it(`skips ${what}, with a line in the log, and uses the others`, async () => {
      await spoil();
      const names = await fs.readdir(given.path);
      const store = await open();
      assert.deepEqual(await ids(store), [good]);
      assert.equal(given.logged.length, 1);
      const [, reason] = /^token file badbadbadb\.json is skipped: (.*)$/.exec(String(given.logged[0])) ?? [];
      if (typeof cause === 'string') assert.equal(reason, cause);
      else assert.match(String(reason), cause);
      assert.deepEqual(await fs.readdir(given.path), names);
    });
  }

  it("skips another user's file", async () => {
    if (process.geteuid?.() === 0) await fs.chown(file(other), 1234, 0);
    else breakDisk({ open: await openAs(1234) });
    assert.deepEqual(await ids(await open()), [good]);
    assert.deepEqual(given.logged, [`token file ${other}.json is skipped: it belongs to uid 1234`]);
  });

  const openAs = async (uid: number): Promise<typeof fs.open> =>
    (async (...args: Parameters<typeof fs.open>) => {
      const handle = await original.open(...args);
      const { stat } = handle;
      if (String(args[0]) === file(other))
        handle.stat = (async () => Object.assign(await stat.call(handle), { uid })) as typeof handle.stat;
      return handle;
    }) as typeof fs.open;

  it('keeps keys of another version, also when the file is written again', async () => {
    await change({ 'source-networks': ['10.0.0.0/8'], uses: 5 });
    const store = await open();
    const { hash } = await readJson(other);
    assert.deepEqual(Object.keys((await store.list()).find(({ id }) => id === other) ?? {}).sort(), [
      ...['app-id', 'created', 'desktop', 'expires', 'grants', 'id', 'label', 'last-used', 'uid', 'user', 'uses'],
    ]);
    const token = await store.provision({ ...ALICE, uses: 5 });
    await writeJson(token.id, { ...(await readJson(token.id)), later: { deep: [1, 'ä'] } });
    await store.redeem(token.token, { findUser });
    const { later, uses } = await readJson(token.id);
    assert.deepEqual({ later, uses }, { later: { deep: [1, 'ä'] }, uses: 4 });
    assert.deepEqual((await readJson(other)).hash, hash);
  });

  it('leaves files alone that it does not know', async () => {
    const names = ['README', '.hidden', 'short.json', 'GOODGOODGO.json', 'goodgoodgo.json.bak', '.x.tmp'];
    for (const name of names) await fs.writeFile(join(given.path, name), 'whatever');
    await fs.mkdir(join(given.path, 'lost+found'));
    const before = await fs.readdir(given.path);
    const store = await open();
    await store.revoke(good);
    await store.revoke(other);
    assert.deepEqual(
      await fs.readdir(given.path),
      before.filter((name) => ![`${good}.json`, `${other}.json`].includes(name)),
    );
    assert.deepEqual(given.logged, []);
  });

  it('removes what a crash left half-written', async () => {
    await fs.writeFile(join(given.path, `.${good}.0123456789abcdef.tmp`), '{"for');
    assert.deepEqual((await ids(await open())).sort(), [other, good]);
    assert.deepEqual((await fs.readdir(given.path)).sort(), [`${other}.json`, `${good}.json`]);
  });

  it('opens it in spite of leavings that cannot be removed', async () => {
    await fs.mkdir(join(given.path, `.${good}.0123456789abcdef.tmp`));
    await fs.writeFile(join(given.path, `.${good}.fedcba9876543210.tmp`), '{"for');
    breakDisk({
      unlink: (path) =>
        String(path).endsWith('fedcba9876543210.tmp') ? Promise.reject(failure('EROFS')) : original.unlink(path),
    });
    assert.deepEqual((await ids(await open())).sort(), [other, good]);
    assert.deepEqual(given.logged.sort(), [
      `.${good}.0123456789abcdef.tmp is left in the token store: EISDIR`,
      `.${good}.fedcba9876543210.tmp is left in the token store: EROFS`,
    ]);
  });

  it('leaves a file alone that somebody is writing now', async () => {
    const temporary = join(given.path, `.${good}.0123456789abcdef.tmp`);
    await fs.writeFile(temporary, '{"for');
    await fs.utimes(temporary, given.seconds - 59, given.seconds - 59);
    await open();
    await fs.access(temporary);
    given.seconds += 2;
    await open();
    await assert.rejects(fs.access(temporary), { code: 'ENOENT' });
  });

  it('says of a bad file once what is wrong with it, and again when that changes', async () => {
    await fs.truncate(file(other));
    const store = await open();
    for (let count = 0; count < 3; count++) assert.deepEqual(await ids(store), [good]);
    await fs.writeFile(file(other), '[]');
    for (let count = 0; count < 3; count++) assert.deepEqual(await ids(store), [good]);
    assert.deepEqual(given.logged, [
      `token file ${other}.json is skipped: it is not JSON`,
      `token file ${other}.json is skipped: 'format' is missing`,
    ]);
  });

  it('reads it where it can be neither closed nor written', async () => {
    await fs.chmod(given.path, 0o755);
    breakDisk({ chmod: fail('EROFS') });
    assert.deepEqual((await ids(await open())).sort(), [other, good]);
    breakDisk({ chmod: fail('EPERM') });
    await assert.rejects(open(), { name: 'NotSupported', message: 'the token store cannot be opened: EPERM' });
  });

  it('closes it to everybody else', async () => {
    await fs.chmod(given.path, 0o755);
    await open();
    assert.equal((await fs.stat(given.path)).mode & 0o7777, 0o700);
  });
});
