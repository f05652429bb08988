import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import type { Container } from '../../scripts/container.js';
import { bootImage, filesWith, folderWithPackage, generate, run, seesDesktop } from './image.js';

describe('a machine that cloud-init sets up', function () {
  this.timeout(180_000);
  let folder: string;
  let checksum: string;

  before(() => {
    folder = folderWithPackage();
    checksum = createHash('sha256')
      .update(readFileSync(join(folder, 'remote-access.deb')))
      .digest('hex');
  });

  after(() => rmSync(folder, { recursive: true }));

  /** Boots a machine with an example as its user-data, its capitals replaced as it says. */
  async function boot(example: string, replaced: Record<string, string>): Promise<Container> {
    let data = readFileSync(join('examples/cloud-init', example), 'utf8');
    for (const [text, replacement] of Object.entries(replaced)) {
      assert.ok(data.includes(text), text);
      data = data.replaceAll(text, replacement);
    }
    writeFileSync(join(folder, 'user-data'), data);
    return await bootImage(folder, `${resolve('test/machine/cloud-image.sh')} '${folder}' "$root"`);
  }

  const tokens = async (container: Container) =>
    (await run(container, 'remoteaccessctl', 'tokens', '--json'))
      .split('\n')
      .filter(Boolean)
      .map((line) => JSON.parse(line));

  it('makes a token that is read once, by root', async () => {
    await using container = await boot('token.yaml', { 'SHA256-OF-THE-PACKAGE': checksum });
    assert.match(await run(container, 'cloud-init', 'status', '--wait'), /^status: done$/m);
    assert.match(
      await run(container, 'getent', 'passwd', 'alice'),
      /^alice:x:1000:1000:Alice:\/home\/alice:\/bin\/bash$/m,
    );
    assert.match(await run(container, 'passwd', '--status', 'alice'), /^alice L /);
    assert.equal(await run(container, 'stat', '--format=%U %a', '/run/alice.token'), 'root 600\n');
    const [, id = '', , token = ''] = (await run(container, 'cat', '/run/alice.token')).split('"');
    assert.deepEqual(
      (await tokens(container)).map((one) => [one.id, one.user, one.label]),
      [[id, 'alice', 'cloud-init']],
    );
    await seesDesktop(container, token);
    assert.deepEqual(await filesWith(container, token), ['/run/alice.token']);

    await container.reboot();
    assert.match(await run(container, 'cloud-init', 'status', '--wait'), /^status: done$/m);
    assert.deepEqual(await filesWith(container, token), []);
    assert.deepEqual(
      (await tokens(container)).map((one) => one.id),
      [id],
    );
    await seesDesktop(container, token);
  });

  it('takes a token that it never knows', async () => {
    const { token, hashed } = generate(folder);
    await using container = await boot('token-hash.yaml', {
      'SHA256-OF-THE-PACKAGE': checksum,
      'HASHED-TOKEN': hashed,
    });
    assert.match(await run(container, 'cloud-init', 'status', '--wait'), /^status: done$/m);
    await seesDesktop(container, token);
    assert.deepEqual(await filesWith(container, token), []);
    assert.deepEqual(
      (await tokens(container)).map((one) => one.label),
      ['cloud-init'],
    );
  });

  it('installs nothing that is not the package', async () => {
    await using container = await boot('token.yaml', { 'SHA256-OF-THE-PACKAGE': '0'.repeat(64) });
    const { status, stdout } = await container.run(['cloud-init', 'status', '--wait']);
    assert.equal(status, 1);
    assert.match(stdout, /^status: error$/m);
    assert.equal((await container.run(['dpkg', '--status', 'remote-access'])).status, 1);
    assert.equal((await container.run(['test', '-e', '/run/alice.token'])).status, 1);
  });
});
