import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, readdirSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Tool } from '../../src/tool/tool.js';
import { command, objectsIn } from './command.js';
import { setUp } from './daemon.js';
import { endSessions, Heard, installDesktop, objects, run, toolAs } from './fixture.js';
import { fails, succeeded } from './scene.js';

const WANTED = '/etc/systemd/system/multi-user.target.wants';
const ours = (folder: string) => readdirSync(folder).filter((name) => name.startsWith('remote-access'));

describe('remoteaccessctl autostart', function () {
  this.timeout(30_000);
  let admin: Tool;

  before(async () => {
    installDesktop('fake');
    setUp('[Session]\nDefaultDesktop=fake\n');
    admin = await toolAs('root');
    // Names that systemd writes in another way.
    for (const [name, uid] of [
      ['user@REALM', 2001],
      ['Weird-Name.x', 2002],
    ] as const)
      run('useradd', '--badname', '--create-home', '--shell=/bin/bash', `--uid=${uid}`, name);
  });

  afterEach(() => endSessions(admin));

  it('lists, adds and removes users', async () => {
    assert.equal(succeeded(await command(['autostart'])), 'No users.\n');
    succeeded(await command(['autostart', 'alice', 'user@REALM', 'Weird-Name.x']));
    succeeded(await command(['autostart', 'alice']));
    const listed = objectsIn(succeeded(await command(['autostart', '--json'], { user: 'bob' })));
    assert.deepEqual(listed.map(({ user }) => user).sort(), ['Weird-Name.x', 'alice', 'user@REALM']);
    succeeded(await command(['autostart', '--remove', 'alice', 'user@REALM', 'Weird-Name.x']));
    assert.deepEqual(ours(WANTED), []);
    succeeded(await command(['autostart', '--remove', 'alice']));
  });

  it('says what is wrong', async () => {
    await fails(command(['autostart', 'nobody-has-this-name']), 3, "there is no user 'nobody-has-this-name'");
    await fails(
      command(['autostart', 'alice'], { user: 'bob' }),
      4,
      'only root may choose whose sessions start at boot',
    );
    await fails(command(['autostart', '--remove']), 2, /--remove needs the name of a user\n/);
    await fails(command(['autostart', '--', '--now']), 3, "there is no user '--now'");
    assert.deepEqual(ours(WANTED), []);
  });

  it('starts the session of whoever was chosen', async () => {
    const started = await Heard.listen(objects(admin.bus).root, 'SessionNew');
    for (const user of ['alice', 'user@REALM']) {
      succeeded(await command(['autostart', user]));
      run('systemctl', 'daemon-reload');
      const unit = run('systemd-escape', '--template=remote-access-autostart@.service', user);
      // As the boot does.
      assert.equal(run('systemctl', 'is-enabled', unit), 'enabled');
      run('systemctl', 'start', unit);
      const [, path] = await started.next();
      assert.equal((await objects(admin.bus).session(path).property('User'))[1], user);
      // Which waits until it can be used.
      await (await admin.connect(path)).connection.methods.close();
      succeeded(await command(['autostart', '--remove', user]));
    }
  });

  it('does it for an image', async () => {
    const root = mkdtempSync(join(tmpdir(), 'image-'));
    mkdirSync(join(root, 'etc'));
    mkdirSync(join(root, 'usr/lib/systemd/system'), { recursive: true });
    writeFileSync(join(root, 'etc/passwd'), 'kiosk:x:1234:1234::/home/kiosk:/bin/bash\n');
    run('cp', '/usr/lib/systemd/system/remote-access-autostart@.service', join(root, 'usr/lib/systemd/system'));
    await fails(command(['autostart', '--root', root, 'alice']), 3, "there is no user 'alice'");
    succeeded(await command(['autostart', '--root', root, 'kiosk']));
    assert.deepEqual(ours(join(root, WANTED)), ['remote-access-autostart@kiosk.service']);
    assert.equal(succeeded(await command(['autostart', '--root', root, '--no-legend'])), 'kiosk\n');
    assert.deepEqual(ours(WANTED), []);
  });
});
