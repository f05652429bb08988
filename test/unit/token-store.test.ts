import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import fs from 'node:fs/promises';
import { syncBuiltinESMExports } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  formatHashedToken,
  formatToken,
  generateToken,
  hashSecret,
  parseHashedToken,
} from '../../src/token-store/token.js';
import { type FindUser, MOST_TOKENS_PER_USER, type Provision, TokenStore } from '../../src/token-store/token-store.js';

const NOW = 1_800_000_000;
const ALICE: Provision = {
  user: 'alice',
  uid: 1000,
  grants: ['capture', 'keyboard'],
  label: '',
  appId: '',
  expires: 0,
  uses: 0,
  desktop: '',
};

const refusal = (message: string | RegExp) => ({ name: 'InvalidToken', message });

describe('TokenStore', () => {
  const original = { ...fs };
  const warn = console.warn;
  let path: string;
  let seconds: number;
  let logged: string[];
  let users: Map<string, number>;
  const stores: TokenStore[] = [];
  const findUser: FindUser = async (name) => {
    const uid = users.get(name);
    return uid === undefined ? undefined : { uid };
  };

  const open = async (): Promise<TokenStore> => {
    const store = await TokenStore.open(path, { now: () => seconds * 1000 });
    stores.push(store);
    return store;
  };
  const events = (store: TokenStore): string[] => {
    const seen: string[] = [];
    store.on('added', (id) => seen.push(`added ${id}`));
    store.on('removed', (id, reason) => seen.push(`removed ${id} ${reason}`));
    return seen;
  };
  const file = (id: string): string => join(path, `${id}.json`);
  const readJson = async (id: string): Promise<Record<string, unknown>> =>
    JSON.parse(await fs.readFile(file(id), 'utf8'));
  const writeJson = (id: string, value: unknown) => fs.writeFile(file(id), JSON.stringify(value), { mode: 0o600 });
  const ids = async (store: TokenStore): Promise<string[]> => (await store.list()).map(({ id }) => id);

  /** Makes calls into the file system fail from now on, as a full or broken disk does. */
  const breakDisk = (replacement: Partial<typeof fs>) => {
    Object.assign(fs, replacement);
    syncBuiltinESMExports();
  };
  const mendDisk = () => breakDisk(original);
  const failure = (code: string) => Object.assign(new Error(`${code}: it failed at ${path}`), { code });
  const fail = (code: string) => () => Promise.reject(failure(code));
  /** Files can be opened, but not written. */
  const fullDisk = (code: string): Partial<typeof fs> => ({
    open: async (...args: Parameters<typeof fs.open>) => {
      const handle = await original.open(...args);
      handle.writeFile = fail(code);
      return handle;
    },
  });

  beforeEach(async () => {
    path = join(await fs.mkdtemp(join(tmpdir(), 'token-store-')), 'tokens');
    seconds = NOW;
    users = new Map([
      ['alice', 1000],
      ['bob', 1001],
    ]);
    logged = [];
    console.warn = (line: string) => logged.push(line);
  });

  afterEach(async () => {
    mendDisk();
    console.warn = warn;
    for (const store of stores.splice(0)) store[Symbol.dispose]();
    await fs.rm(join(path, '..'), { recursive: true });
  });

  describe('takes in tokens made elsewhere', () => {
    const made = () => {
      const token = generateToken();
      return { text: formatToken(token), hashed: { id: token.id, hash: hashSecret(token.secret).toString('hex') } };
    };

    it('which open what they are for, and are told of by line of text', async () => {
      const store = await open();
      const seen = events(store);
      const { text, hashed } = made();
      await store.place({ ...ALICE, uses: 2 }, parseHashedToken(formatHashedToken(hashed)));
      assert.deepEqual(seen, [`added ${hashed.id}`]);
      assert.equal((await store.redeem(text, { findUser })).user, 'alice');
      assert.ok(!(await fs.readFile(file(hashed.id), 'utf8')).includes(text.slice(-64)));
    });

    it('again, with what is said of them now, but never in place of another', async () => {
      const store = await open();
      const { text, hashed } = made();
      await store.place({ ...ALICE, label: 'first' }, hashed);
      await store.place({ ...ALICE, label: 'second' }, hashed);
      assert.deepEqual(
        (await store.list()).map(({ label }) => label),
        ['second'],
      );
      await assert.rejects(store.place(ALICE, { ...hashed, hash: made().hashed.hash }), { name: 'InvalidArgs' });
      assert.equal((await store.redeem(text, { findUser })).label, 'second');
    });

    it('and keeps the one before when the disk is full', async () => {
      const store = await open();
      const { text, hashed } = made();
      await store.place(ALICE, hashed);
      breakDisk(fullDisk('ENOSPC'));
      await assert.rejects(store.place({ ...ALICE, label: 'new' }, hashed), { name: 'Busy' });
      mendDisk();
      assert.equal((await (await open()).redeem(text, { findUser })).label, '');
    });

    it('unless there are too many, or they are none', async () => {
      const store = await open();
      const { hashed } = made();
      await assert.rejects(store.place(ALICE, { ...hashed, id: '../../etc/x' }), { name: 'InvalidArgs' });
      await assert.rejects(store.place(ALICE, { ...hashed, hash: 'x' }), { name: 'InvalidArgs' });
      const text = formatHashedToken(hashed);
      for (const wrong of ['', text.slice(1), `${text}0`, text.toUpperCase(), ` ${text}`, `${text}\n`])
        assert.throws(() => parseHashedToken(wrong), { name: 'InvalidArgs' }, wrong);
    });
  });

  describe('provisions', () => {
    it('a token that opens what it was made for', async () => {
      const store = await open();
      const seen = events(store);
      const { id, token } = await store.provision({
        ...ALICE,
        label: 'CI',
        appId: 'org.example.Tool',
        desktop: 'gnome',
      });
      const expected = {
        id,
        user: 'alice',
        uid: 1000,
        label: 'CI',
        'app-id': 'org.example.Tool',
        grants: ['capture', 'keyboard'],
        desktop: 'gnome',
        created: NOW,
        expires: 0,
        uses: 0,
        'last-used': 0,
      };
      assert.deepEqual(await store.list(), [expected]);
      assert.deepEqual(store.find(id), expected);
      seconds += 10;
      assert.deepEqual(await store.redeem(token, { findUser }), expected);
      assert.deepEqual(await store.list(), [{ ...expected, 'last-used': NOW + 10 }]);
      assert.deepEqual(seen, [`added ${id}`]);
    });

    it('a file that only its owner can read, without the secret', async () => {
      const store = await open();
      const { id, token } = await store.provision({ ...ALICE, label: 'Büro ☕ 漢字 👩‍💻' });
      assert.equal((await fs.stat(path)).mode & 0o7777, 0o700);
      assert.equal((await fs.stat(file(id))).mode & 0o7777, 0o600);
      assert.deepEqual(await fs.readdir(path), [`${id}.json`]);
      const secret = token.slice(`ra1-${id}-`.length);
      const text = await fs.readFile(file(id), 'utf8');
      assert(!text.includes(secret));
      assert.deepEqual(await readJson(id), {
        format: 1,
        id,
        hash: hashSecret(secret).toString('hex'),
        user: 'alice',
        uid: 1000,
        grants: ['capture', 'keyboard'],
        label: 'Büro ☕ 漢字 👩‍💻',
        'app-id': '',
        desktop: '',
        created: NOW,
        expires: 0,
        uses: 0,
        'last-used': 0,
      });
    });

    it('with mode 0600 whatever the umask is', async () => {
      const umask = process.umask(0);
      try {
        const store = await open();
        const { id, token } = await store.provision({ ...ALICE, uses: 2 });
        await store.redeem(token, { findUser });
        assert.equal((await fs.stat(file(id))).mode & 0o7777, 0o600);
        assert.equal((await fs.stat(path)).mode & 0o7777, 0o700);
      } finally {
        process.umask(umask);
      }
    });

    it('tokens that survive a restart', async () => {
      const first = await open();
      const { token } = await first.provision({ ...ALICE, label: '☕', uses: 3 });
      const before = await first.list();
      const second = await open();
      assert.deepEqual(await second.list(), before);
      assert.equal((await second.redeem(token, { findUser })).uses, 3);
      assert.equal((await (await open()).list())[0]?.uses, 2);
    });

    it('lists by uid, the oldest first', async () => {
      const store = await open();
      const made: string[] = [];
      for (const uid of [1000, 1001, 1000, 1002]) {
        made.push((await store.provision({ ...ALICE, uid })).id);
        seconds++;
      }
      assert.deepEqual(await ids(store), made);
      assert.deepEqual(
        (await store.list({ uid: 1000 })).map(({ id }) => id),
        [made[0], made[2]],
      );
      assert.deepEqual(await store.list({ uid: 5 }), []);
    });

    for (const [key, change] of [
      ['label', { label: 'x'.repeat(257) }],
      ['label', { label: 'two\nlines' }],
      ['label', { label: '\ud800' }],
      ['app-id', { appId: 'org/example' }],
      ['desktop', { desktop: '../../etc/passwd' }],
      ['expires', { expires: -1 }],
      ['expires', { expires: 2 ** 53 }],
      ['uses', { uses: 1.5 }],
      ['uses', { uses: 2 ** 32 }],
      ['uid', { uid: 0xff_ff_ff_ff }],
      ['user', { user: '' }],
      ['grants', { grants: ['capture', 'capture'] }],
      ['grants', { grants: ['everything' as 'capture'] }],
    ] as const satisfies [string, Partial<Provision>][]) {
      it(`nothing that could not be read back: ${JSON.stringify(change).slice(0, 40)}`, async () => {
        const store = await open();
        await assert.rejects(store.provision({ ...ALICE, ...change }), {
          name: 'InvalidArgs',
          message: `'${key}' is not valid`,
        });
        assert.deepEqual(await fs.readdir(path), []);
        assert.deepEqual(await store.list(), []);
      });
    }

    it('a label of 256 characters, each of several bytes', async () => {
      const store = await open();
      const label = '👩'.repeat(256);
      await store.provision({ ...ALICE, label });
      assert.equal((await (await open()).list())[0]?.label, label);
    });

    it('at most 1000 tokens for each user', async () => {
      const store = await open();
      for (let count = 0; count < MOST_TOKENS_PER_USER; count++) await store.provision(ALICE);
      await assert.rejects(store.provision(ALICE), {
        name: 'Busy',
        message: 'alice has 1000 tokens: revoke some first',
      });
      await store.provision({ ...ALICE, user: 'bob', uid: 1001 });
      const [first] = await ids(store);
      await store.revoke(String(first));
      await store.provision(ALICE);
    });
  });

  describe('refuses', () => {
    it('what is not a token, an unknown one and a wrong secret, each with its message', async () => {
      const store = await open();
      const { id, token } = await store.provision(ALICE);
      const wrong = token.slice(0, -1) + (token.endsWith('0') ? '1' : '0');
      const unknown = token.replace(id, id.startsWith('a') ? `b${id.slice(1)}` : `a${id.slice(1)}`);
      for (const text of ['', 'garbage', `${token}\n`, token.toUpperCase(), 'x'.repeat(4 * 1024 * 1024)])
        await assert.rejects(store.redeem(text, { findUser }), refusal('the text is not a token'));
      await assert.rejects(store.redeem(unknown, { findUser }), refusal(/^there is no token [a-z2-7]{10}$/));
      await assert.rejects(store.redeem(wrong, { findUser }), refusal(`that is not the secret of token ${id}`));
      assert.equal((await store.redeem(token, { findUser })).id, id);
    });

    it('to look up a user for somebody who does not have the secret', async () => {
      const store = await open();
      const { token } = await store.provision(ALICE);
      const asked: string[] = [];
      const spy: FindUser = async (name) => {
        asked.push(name);
        return { uid: 1000 };
      };
      const wrong = token.slice(0, -1) + (token.endsWith('0') ? '1' : '0');
      await assert.rejects(store.redeem(wrong, { findUser: spy }), { name: 'InvalidToken' });
      assert.deepEqual(asked, []);
      await store.redeem(token, { findUser: spy });
      assert.deepEqual(asked, ['alice']);
    });

    it('the token of a deleted user, and of a name that somebody else has by now', async () => {
      const store = await open();
      const { id, token } = await store.provision({ ...ALICE, uses: 1 });
      users.delete('alice');
      await assert.rejects(store.redeem(token, { findUser }), refusal(`the user of token ${id}, alice, is gone`));
      users.set('alice', 2000);
      await assert.rejects(
        store.redeem(token, { findUser }),
        refusal(`the user of token ${id}, alice, had uid 1000 and now has 2000`),
      );
      users.set('alice', 1000);
      assert.equal((await store.redeem(token, { findUser })).id, id);
    });

    it('nothing for good if the user database fails', async () => {
      const store = await open();
      const { id, token } = await store.provision({ ...ALICE, uses: 1 });
      const broken: FindUser = () => Promise.reject(new Error('no database'));
      await assert.rejects(store.redeem(token, { findUser: broken }), { message: 'no database' });
      assert.equal((await store.redeem(token, { findUser })).id, id);
    });

    it('a revoked token', async () => {
      const store = await open();
      const seen = events(store);
      const { id, token } = await store.provision(ALICE);
      await store.revoke(id);
      assert.deepEqual(await fs.readdir(path), []);
      assert.deepEqual(seen, [`added ${id}`, `removed ${id} revoked`]);
      assert.equal(store.find(id), undefined);
      await assert.rejects(store.redeem(token, { findUser }), refusal(`there is no token ${id}`));
      for (const unknown of [id, '', '../../etc/passwd', 'x'.repeat(4 * 1024 * 1024)])
        await assert.rejects(store.revoke(unknown), { name: 'NoSuchToken' });
    });

    it('a token that is revoked while its user is looked up', async () => {
      const store = await open();
      const { id, token } = await store.provision(ALICE);
      const meanwhile: FindUser = async () => {
        await store.revoke(id);
        return { uid: 1000 };
      };
      await assert.rejects(
        store.redeem(token, { findUser: meanwhile }),
        refusal(`token ${id} was used up or revoked meanwhile`),
      );
    });

    it('a token whose file an admin deleted or made over', async () => {
      const store = await open();
      const seen = events(store);
      const deleted = await store.provision(ALICE);
      await fs.unlink(file(deleted.id));
      await assert.rejects(store.redeem(deleted.token, { findUser }), { name: 'InvalidToken' });
      const changed = await store.provision(ALICE);
      await writeJson(changed.id, { ...(await readJson(changed.id)), user: 'bob', uid: 1001 });
      await assert.rejects(
        store.redeem(changed.token, { findUser }),
        refusal(`token ${changed.id} was changed meanwhile`),
      );
      assert.equal((await store.redeem(changed.token, { findUser })).user, 'bob');
      assert.deepEqual(seen, [`added ${deleted.id}`, `removed ${deleted.id} revoked`, `added ${changed.id}`]);
    });
  });

  describe('counts uses', () => {
    it('down to none, on disk before the answer', async () => {
      const store = await open();
      const seen = events(store);
      const { id, token } = await store.provision({ ...ALICE, uses: 2 });
      await store.redeem(token, { findUser });
      assert.equal((await readJson(id)).uses, 1);
      await store.redeem(token, { findUser });
      assert.deepEqual(await fs.readdir(path), []);
      assert.deepEqual(seen, [`added ${id}`, `removed ${id} used-up`]);
      await assert.rejects(store.redeem(token, { findUser }), refusal(`there is no token ${id}`));
    });

    for (const uses of [1, 3]) {
      it(`so that of many racing for ${uses}, exactly ${uses} win`, async () => {
        const store = await open();
        const { token } = await store.provision({ ...ALICE, uses });
        const results = await Promise.allSettled(Array.from({ length: 20 }, () => store.redeem(token, { findUser })));
        assert.equal(results.filter(({ status }) => status === 'fulfilled').length, uses);
        for (const result of results)
          if (result.status === 'rejected') assert.equal(result.reason.name, 'InvalidToken');
        assert.deepEqual(await fs.readdir(path), []);
      });
    }

    it('and loses none to another change at the same time', async () => {
      const store = await open();
      const { id, token } = await store.provision({ ...ALICE, uses: 10 });
      await Promise.all([
        ...Array.from({ length: 5 }, () => store.redeem(token, { findUser })),
        ...Array.from({ length: 5 }, () => store.provision(ALICE)),
      ]);
      assert.equal((await readJson(id)).uses, 5);
      assert.equal(store.find(id)?.uses, 5);
      assert.equal((await ids(store)).length, 6);
    });
  });

  describe('expires tokens', () => {
    it('from that second on', async () => {
      const store = await open();
      const seen = events(store);
      const { id, token } = await store.provision({ ...ALICE, expires: NOW + 60 });
      seconds += 59;
      await store.redeem(token, { findUser });
      seconds += 1;
      await assert.rejects(store.redeem(token, { findUser }), refusal(`token ${id} expired`));
      assert.deepEqual(await fs.readdir(path), []);
      assert.deepEqual(seen, [`added ${id}`, `removed ${id} expired`]);
    });

    it('before they are listed', async () => {
      const store = await open();
      const seen = events(store);
      const { id } = await store.provision({ ...ALICE, expires: NOW + 60 });
      const { id: other } = await store.provision({ ...ALICE, expires: NOW + 61 });
      seconds += 60;
      assert.deepEqual(await ids(store), [other]);
      assert.deepEqual(seen.at(-1), `removed ${id} expired`);
      assert.deepEqual(await fs.readdir(path), [`${other}.json`]);
    });

    it('at the start', async () => {
      await (await open()).provision({ ...ALICE, expires: NOW + 60 });
      seconds += 60;
      assert.deepEqual(await ids(await open()), []);
      assert.deepEqual(await fs.readdir(path), []);
    });

    it('when their time comes, without anybody asking', async () => {
      const store = await TokenStore.open(path);
      stores.push(store);
      const removed = new Promise((resolve) => store.once('removed', (...args) => resolve(args)));
      const expires = Math.floor(Date.now() / 1000) + 1;
      const { id } = await store.provision({ ...ALICE, expires });
      await store.provision({ ...ALICE, expires: expires + 100_000_000 });
      assert.deepEqual(await removed, [id, 'expired']);
      assert((await ids(store)).length === 1);
    });

    it('even if their files cannot be deleted', async () => {
      const store = await open();
      const seen = events(store);
      const { id, token } = await store.provision({ ...ALICE, expires: NOW + 60 });
      breakDisk({ unlink: fail('EROFS') });
      seconds += 60;
      await assert.rejects(store.redeem(token, { findUser }), { name: 'InvalidToken' });
      assert.deepEqual(await store.list(), []);
      assert.deepEqual(seen, [`added ${id}`, `removed ${id} expired`]);
      assert.deepEqual(logged, [
        `token ${id} expired, but its file is still there: the token store cannot be written: EROFS`,
      ]);
      mendDisk();
      assert.deepEqual(await ids(await open()), []);
      assert.deepEqual(await fs.readdir(path), []);
    });

    it('without keeping the process alive', () => {
      const script = `
        import { TokenStore } from ${JSON.stringify(join(import.meta.dirname, '../../src/token-store/token-store.ts'))};
        const store = await TokenStore.open(${JSON.stringify(path)});
        const expires = Math.floor(Date.now() / 1000) + 3600;
        await store.provision({ ...${JSON.stringify(ALICE)}, expires });
        console.log('done');`;
      const output = execFileSync(process.execPath, ['--import', 'tsx', '--input-type=module', '-e', script], {
        encoding: 'utf8',
        timeout: 15_000,
      });
      assert.equal(output, 'done\n');
    });
  });

  describe('reads a directory', () => {
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
        () => fs.rename(file(other), join(path, 'elsewhere')).then(() => fs.symlink('elsewhere', file(other))),
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
        const names = await fs.readdir(path);
        const store = await open();
        assert.deepEqual(await ids(store), [good]);
        assert.equal(logged.length, 1);
        const [, reason] = /^token file badbadbadb\.json is skipped: (.*)$/.exec(String(logged[0])) ?? [];
        if (typeof cause === 'string') assert.equal(reason, cause);
        else assert.match(String(reason), cause);
        assert.deepEqual(await fs.readdir(path), names);
      });
    }

    it("skips another user's file", async () => {
      if (process.geteuid?.() === 0) await fs.chown(file(other), 1234, 0);
      else breakDisk({ open: await openAs(1234) });
      assert.deepEqual(await ids(await open()), [good]);
      assert.deepEqual(logged, [`token file ${other}.json is skipped: it belongs to uid 1234`]);
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
      for (const name of names) await fs.writeFile(join(path, name), 'whatever');
      await fs.mkdir(join(path, 'lost+found'));
      const before = await fs.readdir(path);
      const store = await open();
      await store.revoke(good);
      await store.revoke(other);
      assert.deepEqual(
        await fs.readdir(path),
        before.filter((name) => ![`${good}.json`, `${other}.json`].includes(name)),
      );
      assert.deepEqual(logged, []);
    });

    it('removes what a crash left half-written', async () => {
      await fs.writeFile(join(path, `.${good}.0123456789abcdef.tmp`), '{"for');
      assert.deepEqual((await ids(await open())).sort(), [other, good]);
      assert.deepEqual((await fs.readdir(path)).sort(), [`${other}.json`, `${good}.json`]);
    });

    it('closes it to everybody else', async () => {
      await fs.chmod(path, 0o755);
      await open();
      assert.equal((await fs.stat(path)).mode & 0o7777, 0o700);
    });
  });

  describe('on a failing disk', () => {
    for (const [code, name] of [
      ['ENOSPC', 'Busy'],
      ['EDQUOT', 'Busy'],
      ['EIO', 'Busy'],
      ['EROFS', 'NotSupported'],
    ] as const) {
      it(`answers ${name} for ${code}, and everything is as before`, async () => {
        const store = await open();
        const limited = await store.provision({ ...ALICE, uses: 2 });
        const before = await store.list();
        const seen = events(store);
        breakDisk({ ...fullDisk(code), unlink: code === 'EROFS' ? fail(code) : original.unlink });
        const refused = { name, message: `the token store cannot be written: ${code}` };
        await assert.rejects(store.provision(ALICE), refused);
        await assert.rejects(store.redeem(limited.token, { findUser }), refused);
        if (code === 'EROFS') await assert.rejects(store.revoke(limited.id), refused);
        assert.deepEqual(await store.list(), before);
        assert.deepEqual(seen, []);
        mendDisk();
        assert.deepEqual(await (await open()).list(), before);
        await store.redeem(limited.token, { findUser });
        await store.redeem(limited.token, { findUser });
        assert.deepEqual(seen, [`removed ${limited.id} used-up`]);
      });
    }

    it('still lets in who has a token that need not be counted', async () => {
      const store = await open();
      const { id, token } = await store.provision(ALICE);
      breakDisk(fullDisk('ENOSPC'));
      assert.equal((await store.redeem(token, { findUser })).id, id);
      assert.deepEqual(logged, [`the use of token ${id} is not noted: the token store cannot be written: ENOSPC`]);
      mendDisk();
      assert.deepEqual(await (await open()).list(), await store.list());
      assert.deepEqual(await fs.readdir(path), [`${id}.json`]);
    });

    it('does not count the last use as made if the file cannot be removed', async () => {
      const store = await open();
      const { id, token } = await store.provision({ ...ALICE, uses: 1 });
      breakDisk({ unlink: fail('EIO') });
      await assert.rejects(store.redeem(token, { findUser }), { name: 'Busy' });
      mendDisk();
      assert.equal((await store.redeem(token, { findUser })).id, id);
    });

    it('does not take a token for revoked because its file cannot be read just now', async () => {
      const store = await open();
      const seen = events(store);
      const { id, token } = await store.provision(ALICE);
      breakDisk({ open: fail('EMFILE') });
      assert.equal((await store.redeem(token, { findUser })).id, id);
      mendDisk();
      assert.deepEqual(seen, [`added ${id}`]);
      assert.deepEqual(await ids(store), [id]);
    });

    it('leaves the old file whole after a crash between writing and renaming', async () => {
      const store = await open();
      const { id, token } = await store.provision({ ...ALICE, uses: 5 });
      const before = await fs.readFile(file(id), 'utf8');
      const crashed = new Promise<void>((resolve) =>
        breakDisk({
          rename: () => {
            resolve();
            return new Promise(() => {});
          },
        }),
      );
      void store.redeem(token, { findUser });
      await crashed;
      const left = (await fs.readdir(path)).filter((name) => name.endsWith('.tmp'));
      assert.equal(left.length, 1);
      assert.equal((await fs.stat(join(path, String(left[0])))).mode & 0o7777, 0o600);
      mendDisk();
      const restarted = await open();
      assert.deepEqual(await fs.readdir(path), [`${id}.json`]);
      assert.equal(await fs.readFile(file(id), 'utf8'), before);
      assert.equal((await restarted.redeem(token, { findUser })).uses, 5);
    });

    it('refuses a directory that is gone, or not one', async () => {
      const store = await open();
      await fs.rm(path, { recursive: true });
      await assert.rejects(store.provision(ALICE), {
        name: 'Busy',
        message: 'the token store cannot be written: ENOENT',
      });
      assert.deepEqual(await store.list(), []);
      await fs.writeFile(path, '');
      await assert.rejects(open(), { name: 'Busy', message: 'the token store cannot be opened: EEXIST' });
    });
  });

  it('never logs a secret', async () => {
    const store = await open();
    const { token } = await store.provision(ALICE);
    breakDisk(fullDisk('ENOSPC'));
    await store.redeem(token, { findUser });
    const secret = token.slice(-64);
    assert(logged.length > 0);
    for (const line of logged) assert(!line.includes(secret) && !line.includes(hashSecret(secret).toString('hex')));
  });
});
