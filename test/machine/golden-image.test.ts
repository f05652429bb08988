import assert from 'node:assert/strict';
import { rmSync } from 'node:fs';
import { resolve } from 'node:path';
import { bootImage, filesWith, folderWithPackage, generate, logIn, run, seesDesktop } from './image.js';

describe('a golden image', function () {
  this.timeout(180_000);
  let folder: string;

  before(() => {
    folder = folderWithPackage();
  });

  after(() => rmSync(folder, { recursive: true }));

  it('opens with its token on the first boot of every machine, and has the secret on none', async () => {
    const { token, hashed } = generate(folder);
    // Neither systemd nor the bus runs there, and the image's own Node.js is not needed to provision it.
    const image = `
      cp '${folder}/remote-access.deb' "$root/var/tmp"
      chroot "$root" dpkg --force-unsafe-io --install /var/tmp/remote-access.deb
      rm "$root/var/tmp/remote-access.deb"
      : >"$root/etc/machine-id"
      echo ${hashed} | '${process.execPath}' '${resolve('dist/cli/remoteaccessctl.mjs')}' \\
          provision alice --offline --root="$root" --hash-from=- --label=image --uses=2 --expires=+30d`;
    await using one = await bootImage(folder, image);
    await using other = await bootImage(folder, image);
    assert.notEqual(await run(one, 'cat', '/etc/machine-id'), await run(other, 'cat', '/etc/machine-id'));
    for (const container of [one, other]) {
      const [listed] = JSON.parse(`[${await run(container, 'remoteaccessctl', 'tokens', '--json')}]`);
      assert.deepEqual([listed.user, listed.label, listed.uses], ['alice', 'image', 2]);
      assert.ok(listed.expires > Date.now() / 1000 && listed.expires < Date.now() / 1000 + 31 * 86_400);
      await seesDesktop(container, token);
      // Every machine counts for itself.
      const third = await logIn(container, token);
      assert.equal(third.status, 4);
      assert.match(third.stderr, /the token was not accepted/);
      assert.deepEqual(await filesWith(container, token), []);
    }
  });
});
