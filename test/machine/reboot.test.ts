import assert from 'node:assert/strict';
import { Container } from '../../scripts/container.js';

const ROOT = '/org/freedesktop/RemoteAccess';
const SERVICE = 'org.freedesktop.RemoteAccess';

describe('a reboot', () => {
  it('keeps provisioned tokens, and nothing of sessions', async () => {
    await using container = await Container.boot();
    const call = async (member: string, ...args: string[]) => {
      const interfaceName = member === 'CreateSession' || member === 'ListSessions' ? SERVICE : `${SERVICE}.Tokens`;
      const command = ['busctl', '--json=short', 'call', SERVICE, ROOT, interfaceName, member, ...args];
      const { status, stdout, stderr } = await container.run(command);
      assert.equal(status, 0, stderr);
      return JSON.parse(stdout).data;
    };
    const [id] = await call('Provision', 'sa{sv}', 'alice', '1', 'label', 's', 'kept');
    const [before] = await call('List', 'a{sv}', '0');
    await call('CreateSession', 'sa{sv}', 'alice', '1', 'desktop', 's', 'mutter');
    await container.reboot();
    const [after] = await call('List', 'a{sv}', '0');
    assert.deepEqual(after, before);
    assert.equal(after[0].id.data, id);
    assert.deepEqual(await call('ListSessions'), [[]]);
    const { stdout } = await container.run(['ls', '-A', '/run/remote-access/sessions']);
    assert.equal(stdout, '');
  });

  it('ends sessions in order, and starts those of chosen users', async () => {
    await using container = await Container.boot();
    const run = async (...command: string[]) => {
      const { status, stdout, stderr } = await container.run(command);
      assert.equal(status, 0, `${command.join(' ')}: ${stderr}`);
      return stdout.trimEnd();
    };
    const shell = (script: string) => run('sh', '-c', script);
    const entry = '[Desktop Entry]\\nType=Application\\nName=Slow\\nX-RemoteAccess-Compositor=fake\\n';
    const desktop = 'X-RemoteAccess-HeadlessExec=/usr/local/bin/slow\\n';
    await shell(
      `mkdir -p /etc/remote-access/desktops && printf '${entry}${desktop}' >/etc/remote-access/desktops/slow.desktop`,
    );
    // It has something to save, with what the session gave it: its bus.
    const saves = 'busctl --user status >/dev/null && date >$HOME/saved; exit 0';
    await shell(
      `cat >/usr/local/bin/slow <<'EOF'\n#!/bin/sh\ntrap '' HUP; trap '${saves}' TERM\nwhile :; do sleep infinity & wait $!; done\nEOF`,
    );
    await shell('chmod +x /usr/local/bin/slow; mkdir -p /var/log/journal; systemctl restart systemd-journald');
    await run('remoteaccessctl', 'create', 'alice', '--desktop=slow');
    await run('remoteaccessctl', 'create', 'bob', '--desktop=mutter');
    await run('remoteaccessctl', 'autostart', 'bob');
    await container.reboot();
    await run('test', '-s', '/home/alice/saved');
    const before = await run('journalctl', '--boot=-1', '--no-pager', '--quiet', '--output=cat');
    for (const user of ['alice', 'bob'])
      assert.match(before, new RegExp(`pam_unix\\(remote-access:session\\): session closed for user ${user}`));
    const disorder = /remote-access.*(timed out|Killing|Failed with result)/;
    assert.deepEqual(
      before.split('\n').filter((line) => disorder.test(line)),
      [],
    );

    // What create prints when the session can be used.
    const journal = 'journalctl --boot --follow --lines=all --output=cat --identifier=remote-access-autostart';
    const id = await shell(`${journal} | grep --max-count=1 --extended-regexp '^[0-9a-f]{8}$'`);
    const sessions = await run('remoteaccessctl', 'sessions', '--no-legend');
    assert.match(sessions, new RegExp(`^${id} +\\d+ bob +disconnected`));
    assert.equal(sessions.split('\n').length, 1);
  }).timeout(120_000);
});
