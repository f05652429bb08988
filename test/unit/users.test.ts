import assert from 'node:assert/strict';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir, userInfo } from 'node:os';
import { join } from 'node:path';
import { findUser } from '../../src/service/users.js';

describe('findUser', () => {
  let directory: string;

  beforeEach(async () => {
    directory = await mkdtemp(join(tmpdir(), 'users-'));
  });
  afterEach(() => rm(directory, { recursive: true }));

  /** A getent that notes what it was asked for and then runs the script. */
  const fake = async (script: string): Promise<string> => {
    const command = join(directory, 'getent');
    const asked = join(directory, 'asked');
    await writeFile(command, `#!/bin/sh\nprintf '%s\\n' "$*" >> '${asked}'\n${script}\n`, { mode: 0o755 });
    return command;
  };
  const asked = () => readFile(join(directory, 'asked'), 'utf8').catch(() => '');

  it("finds the machine's users by name and by uid", async () => {
    const { username, uid, gid, homedir, shell } = userInfo();
    const user = await findUser(username);
    assert.deepEqual({ ...user, gecos: '' }, { name: username, uid, gid, home: homedir, shell, gecos: '' });
    assert.deepEqual(await findUser(uid), user);
  });

  it('finds nobody where there is nobody', async () => {
    assert.equal(await findUser('no-such-user-here'), undefined);
    assert.equal(await findUser(3_999_999_999), undefined);
  });

  for (const name of [
    ...['', '-h', '--help', '--service=files', 'a:b', 'a\nb', 'a\0b', 'a\x7f', 'x'.repeat(257), '\ud800'],
    // systemd has no sessions for these.
    ...['a/b', 'DOM/alice', '.', '..', ' alice', 'alice '],
    // getent(1) takes these for uids: most of them for root's.
    ...['0', '00', '+0', '1000', ' 0', '4294967296', '-1', '\t0'],
  ]) {
    it(`asks nobody for the name ${JSON.stringify(name).slice(0, 20)}`, async () => {
      assert.equal(await findUser(name, { command: await fake('echo root:x:0:0:root:/root:/bin/sh') }), undefined);
      assert.equal(await asked(), '');
    });
  }

  for (const uid of [-1, 0.5, Number.NaN, Number.POSITIVE_INFINITY, 65_535, 2 ** 32 - 1, 2 ** 32, 2 ** 53]) {
    it(`asks nobody for the uid ${uid}`, async () => {
      assert.equal(await findUser(uid, { command: await fake('echo root:x:0:0:root:/root:/bin/sh') }), undefined);
      assert.equal(await asked(), '');
    });
  }

  for (const name of ['alice@EXAMPLE.ORG', 'ALICE', 'al.ice', 'EXAMPLE\\alice', 'machine$', 'jörg', '0day', 'a b']) {
    it(`asks for the name ${name}`, async () => {
      const command = await fake(`printf '%s\\n' "$3:*:70001:70002::/home/x:"`);
      assert.deepEqual(await findUser(name, { command }), {
        name,
        uid: 70001,
        gid: 70002,
        home: '/home/x',
        shell: '',
        gecos: '',
      });
      assert.equal(await asked(), `passwd -- ${name}\n`);
    });
  }

  it('takes uids of 32 bits, and the spelling of the database', async () => {
    const command = await fake("echo 'alice:x:4294967294:2147483648:Alice, Büro,,:/home/alice:/bin/zsh'");
    assert.deepEqual(await findUser('ALICE', { command }), {
      name: 'alice',
      uid: 4_294_967_294,
      gid: 2_147_483_648,
      gecos: 'Alice, Büro,,',
      home: '/home/alice',
      shell: '/bin/zsh',
    });
  });

  it('takes no other uid than the one asked for', async () => {
    assert.equal(await findUser(1000, { command: await fake('echo bob:x:1001:1001::/home/bob:/bin/sh') }), undefined);
  });

  for (const [what, entry] of [
    ['nothing', ''],
    ['too few fields', 'alice:x:1000:1000::/home/alice'],
    ['too many fields', 'alice:x:1000:1000::/home/alice:/bin/sh:more'],
    ['no name', ':x:1000:1000::/home/alice:/bin/sh'],
    ['no uid', 'alice:x::1000::/home/alice:/bin/sh'],
    ['a negative uid', 'alice:x:-1:1000::/home/alice:/bin/sh'],
    ['the uid of nobody at all', 'alice:x:4294967295:1000::/home/alice:/bin/sh'],
    ['the uid of nobody in 16 bits', 'alice:x:65535:1000::/home/alice:/bin/sh'],
    ['a name that systemd does not take', 'EXAMPLE/alice:x:1000:1000::/home/alice:/bin/sh'],
    ['a uid of more than 32 bits', 'alice:x:4294967296:1000::/home/alice:/bin/sh'],
    ['a gid that is none', 'alice:x:1000:users::/home/alice:/bin/sh'],
    ['two entries', 'alice:x:1000:1000::/home/alice:/bin/sh\\nbob:x:0:0::/:/bin/sh'],
  ] as const) {
    it(`does not guess from an entry with ${what}`, async () => {
      assert.equal(await findUser('alice', { command: await fake(`printf '${entry}\\n'`) }), undefined);
    });
  }

  it('looks anew each time, but once for all who ask at the same time', async () => {
    const command = await fake('echo alice:x:1000:1000::/home/alice:/bin/sh');
    await Promise.all([findUser('alice', { command }), findUser('alice', { command }), findUser('bob', { command })]);
    assert.deepEqual((await asked()).split('\n').sort(), ['', 'passwd -- alice', 'passwd -- bob']);
    await writeFile(command, '#!/bin/sh\nexit 2\n');
    assert.equal(await findUser('alice', { command }), undefined);
  });

  it('asks for no more than 8 users at once for one uid, and for others meanwhile', async () => {
    const command = await fake('exit 2');
    const lookUp = (asker: number, count: number) =>
      Promise.allSettled(
        Array.from({ length: count }, (_, index) => findUser(`user${asker}.${index}`, { asker, command })),
      );
    const answered = async (results: Promise<PromiseSettledResult<unknown>[]>) =>
      (await results).map((result) => (result.status === 'fulfilled' ? 'done' : result.reason.name)).sort();
    const flood = lookUp(1000, 40);
    const others = [lookUp(1001, 8), lookUp(0, 20), Promise.allSettled([findUser('alice', { command })])];
    assert.deepEqual(await answered(flood), [...Array(32).fill('Busy'), ...Array(8).fill('done')]);
    for (const other of others) assert.deepEqual(new Set(await answered(other)), new Set(['done']));
    assert.deepEqual(await answered(lookUp(1000, 8)), Array(8).fill('done'));
  });

  it('gives a database up that does not answer', async () => {
    const command = await fake('exec sleep 600');
    await assert.rejects(findUser('alice', { command, deadline: 100 }), {
      name: 'Busy',
      message: 'the user database cannot be read: no answer within 0.1 s',
    });
  });

  it('gives up a database that fails, talks too much or is not there', async () => {
    await assert.rejects(findUser('alice', { command: await fake('exit 3') }), {
      name: 'Busy',
      message: 'the user database cannot be read: getent failed: 3',
    });
    await assert.rejects(findUser('alice', { command: await fake('yes') }), {
      name: 'Busy',
      message: /getent failed: ERR_CHILD_PROCESS_STDIO_MAXBUFFER$/,
    });
    await assert.rejects(findUser('alice', { command: join(directory, 'missing') }), {
      name: 'Busy',
      message: /getent failed: ENOENT$/,
    });
  });
});
