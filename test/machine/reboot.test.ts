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
});
