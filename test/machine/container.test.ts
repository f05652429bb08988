import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readFileSync } from 'node:fs';
import { createInterface } from 'node:readline';
import { setTimeout as delay } from 'node:timers/promises';
import { Container } from '../../scripts/container.js';

function ourMounts(): string[] {
  return readFileSync('/proc/mounts', 'utf8')
    .split('\n')
    .filter((line) => line.includes('remote-access'));
}

describe('a container', () => {
  it('boots without a failed unit and keeps its disk over a reboot', async () => {
    await using container = await Container.boot();
    const failed = await container.run(['systemctl', '--failed', '--no-legend', '--plain']);
    assert.deepEqual(failed, { status: 0, stdout: '', stderr: '' });
    await container.run(['sh', '-c', 'echo kept >/var/lib/kept; echo lost >/run/lost']);
    await container.reboot();
    assert.equal((await container.readFile('/var/lib/kept')).toString(), 'kept\n');
    await assert.rejects(container.readFile('/run/lost'));
  });

  it('is pristine, whatever others do to theirs', async () => {
    const [one, other] = await Promise.all([Container.boot(), Container.boot()]);
    await using _one = one;
    await using _other = other;
    await one.run(['touch', '/etc/changed']);
    await assert.rejects(other.readFile('/etc/changed'));
    // Two systems in one cgroup would stop each other's services.
    assert.equal((await one.run(['systemctl', 'restart', 'dbus.service'])).status, 0);
    assert.equal((await other.run(['systemctl', 'is-active', 'dbus.service'])).stdout, 'active\n');
  });

  it('runs commands as users, with a session, and without a network', async () => {
    await using container = await Container.boot();
    const { stdout } = await container.run(['sh', '-c', 'id -un; echo $XDG_RUNTIME_DIR; ls /sys/class/net'], {
      user: 'alice',
    });
    assert.equal(stdout, 'alice\n/run/user/1000\nlo\n');
  });

  it('gives a developer a shell with a terminal', async () => {
    const shell = spawn('script', ['-qec', 'npm run --silent container -- bob', '/dev/null'], { stdio: 'pipe' });
    let said = '';
    shell.stdout.setEncoding('utf8').on('data', (text: string) => (said += text));
    shell.stdin.write('test -t 1 && id -un; remoteaccessctl tokens --json; exit 3\n');
    const [status] = await once(shell, 'exit');
    assert.match(said, /^bob\r$/m, said);
    assert.equal(status, 3, said);
  });

  it('powers off', async () => {
    await using container = await Container.boot();
    await container.powerOff();
    assert.equal(existsSync(container.cgroup), false);
  });

  for (const signal of ['SIGINT', 'SIGTERM', 'SIGKILL'] as const) {
    it(`leaves nothing when its owner ends by ${signal}`, async () => {
      const mounts = ourMounts();
      const program = `
        const { Container } = await import('./scripts/container.ts');
        console.log((await Container.boot()).cgroup);`;
      const owner = spawn('node', ['--import', 'tsx', '--input-type=module', '--eval', program], {
        stdio: ['ignore', 'pipe', 'inherit'],
      });
      const [cgroup] = (await once(createInterface(owner.stdout), 'line')) as [string];
      assert.ok(existsSync(cgroup));
      owner.kill(signal);
      await once(owner, 'exit');
      const deadline = Date.now() + 10_000;
      while (existsSync(cgroup)) {
        assert.ok(Date.now() < deadline, 'the container is still there');
        await delay(10);
      }
      assert.deepEqual(ourMounts(), mounts);
    });
  }
});
