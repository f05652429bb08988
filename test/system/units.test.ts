import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';

describe('the units', () => {
  it('keep remote-accessd exposed no more than 1.0 of 10', () => {
    const args = ['security', '--no-pager', '--threshold=10', 'remote-accessd.service'];
    const { status, stdout } = spawnSync('systemd-analyze', args, { encoding: 'utf8' });
    assert.equal(status, 0, stdout);
  });

  const asAlice = ['runuser', '--user=alice', '--', 'env', 'XDG_RUNTIME_DIR=/tmp'];
  for (const command of [
    ['systemd-analyze', 'verify', 'remote-accessd.service'],
    ['systemd-analyze', 'verify', 'remote-access-sweep@1.service'],
    [...asAlice, 'systemd-analyze', '--user', 'verify', 'remote-access-agent@1.service'],
  ]) {
    it(`say only what systemd understands: ${command.at(-1)}`, () => {
      const [file = '', ...args] = command;
      const { status, stderr } = spawnSync(file, args, { encoding: 'utf8' });
      assert.deepEqual({ status, stderr }, { status: 0, stderr: '' });
    });
  }
});
