import assert from 'node:assert/strict';
import { chmodSync, chownSync, mkdirSync, renameSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import type { Tool } from '../../src/tool/tool.js';
import { command, objectsIn } from './command.js';
import { endSessions, objects, run, toolAs } from './fixture.js';

type Finding = { check: string; state: string; message: string; remedy: string };

const DESKTOPS = ['/usr/share/wayland-sessions', '/usr/share/remote-access/desktops'];
const TOKENS = '/var/lib/remote-access/tokens';

async function findings(...args: string[]): Promise<{ code: number | null; found: Finding[] }> {
  const { code, stdout, stderr } = await command(['doctor', '--json', ...args]);
  assert.equal(stderr, '');
  return { code, found: objectsIn(stdout) as Finding[] };
}

/** Takes a file away, and puts it back. */
function without(path: string): [() => void, () => void] {
  return [() => renameSync(path, `${path}.away`), () => renameSync(`${path}.away`, path)];
}

function withFile(path: string, text: string): [() => void, () => void] {
  return [() => writeFileSync(path, text), () => rmSync(path)];
}

/** What may be wrong with a machine: how to break it and mend it, and what the doctor says. */
const AILMENTS: [name: string, change: [() => void, () => void], check: string, state: string, message: RegExp][] = [
  [
    'a mistake in the settings',
    withFile('/etc/remote-access/remote-access.conf', '[Login]\nMethods=key\n'),
    ...(['configuration', 'problem', /remote-access\.conf:2: Login\.Methods: it has to be of token/] as const),
  ],
  [
    'settings that others may change',
    [
      () => {
        writeFileSync('/etc/remote-access/remote-access.conf', '');
        chmodSync('/etc/remote-access/remote-access.conf', 0o666);
      },
      () => rmSync('/etc/remote-access/remote-access.conf'),
    ],
    ...(['configuration', 'warning', /can be changed by others/] as const),
  ],
  [
    'a missing program file',
    without('/usr/libexec/remote-access-worker'),
    ...(['program files', 'problem', /missing: \/usr\/libexec\/remote-access-worker/] as const),
  ],
  [
    'a missing bus policy',
    without('/usr/share/dbus-1/system.d/org.freedesktop.RemoteAccess.conf'),
    ...(['system bus', 'problem', /no policy/] as const),
  ],
  [
    'a missing activation file',
    without('/usr/share/dbus-1/system-services/org.freedesktop.RemoteAccess.service'),
    ...(['system bus', 'problem', /no activation/] as const),
  ],
  [
    'a masked unit',
    [
      () => run('systemctl', 'mask', '--now', '--runtime', 'remote-accessd.service'),
      () => run('systemctl', 'unmask', '--runtime', 'remote-accessd.service'),
    ],
    ...(['unit', 'problem', /is masked/] as const),
  ],
  [
    'a service that does not start',
    [
      () => {
        mkdirSync('/run/systemd/system/remote-accessd.service.d', { recursive: true });
        writeFileSync(
          '/run/systemd/system/remote-accessd.service.d/broken.conf',
          '[Service]\nExecStart=\nExecStart=/bin/false\nRestart=no\n',
        );
        run('systemctl', 'daemon-reload');
        run('systemctl', 'stop', 'remote-accessd.service');
      },
      () => {
        rmSync('/run/systemd/system/remote-accessd.service.d', { recursive: true });
        run('systemctl', 'daemon-reload');
        run('systemctl', 'reset-failed', 'remote-accessd.service');
        // The message bus still waits for the one that did not start, and would not ask for another.
        run('systemctl', 'start', 'remote-accessd.service');
      },
    ],
    ...(['service', 'problem', /does not answer/] as const),
  ],
  ['a PAM service that is gone', without('/etc/pam.d/remote-access'), 'PAM service', 'problem', /is missing/],
  [
    'a PAM module that is gone',
    [
      () => run('sed', '--in-place=.away', '$a session required pam_nowhere.so', '/etc/pam.d/common-session'),
      () => renameSync('/etc/pam.d/common-session.away', '/etc/pam.d/common-session'),
    ],
    ...(['PAM service', 'problem', /module pam_nowhere\.so is not installed/] as const),
  ],
  [
    'a PAM that does not tell logind',
    [
      () => run('sed', '--in-place=.away', '/pam_systemd/d', '/etc/pam.d/common-session'),
      () => renameSync('/etc/pam.d/common-session.away', '/etc/pam.d/common-session'),
    ],
    ...(['PAM service', 'problem', /pam_systemd\.so is not called/] as const),
  ],
  ['nologin', withFile('/etc/nologin', 'Back at ten.\n'), 'logins', 'problem', /\/etc\/nologin .*: Back at ten\.$/],
  [
    'a /run/user that is not made',
    [
      () => run('systemctl', 'mask', '--runtime', 'user-runtime-dir@.service'),
      () => run('systemctl', 'unmask', '--runtime', 'user-runtime-dir@.service'),
    ],
    ...(['logind', 'problem', /user-runtime-dir@.* is masked/] as const),
  ],
  [
    'missing polkit actions',
    without('/usr/share/polkit-1/actions/org.freedesktop.RemoteAccess.policy'),
    ...(['polkit', 'warning', /only root can act for others/] as const),
  ],
  [
    'a machine without desktops',
    [
      // Folders from below the overlay cannot be renamed, only moved.
      () => {
        for (const path of DESKTOPS) run('mv', path, `${path}.away`);
      },
      () => {
        for (const path of DESKTOPS) run('mv', `${path}.away`, path);
      },
    ],
    ...(['desktops', 'problem', /there is none/] as const),
  ],
  [
    'a desktop whose program is gone',
    withFile(
      '/usr/share/wayland-sessions/gone.desktop',
      '[Desktop Entry]\nName=Gone\nX-RemoteAccess-HeadlessExec=gone-shell\nX-RemoteAccess-Compositor=mutter\n',
    ),
    ...(['desktops', 'warning', /gone cannot start: there is no gone-shell/] as const),
  ],
  [
    'a broken desktop file',
    withFile('/usr/share/wayland-sessions/bad.desktop', '[Desktop Entry]\nName=Bad\nX-RemoteAccess-HeadlessExec=bad\n'),
    ...(['desktops', 'warning', /bad is passed over/] as const),
  ],
  ['a missing WirePlumber', without('/usr/bin/wireplumber'), 'PipeWire', 'problem', /wireplumber: .*missing/],
  [
    'a PipeWire that is masked for all',
    [
      () => {
        mkdirSync('/etc/systemd/user', { recursive: true });
        symlinkSync('/dev/null', '/etc/systemd/user/pipewire.service');
      },
      () => rmSync('/etc/systemd/user/pipewire.service'),
    ],
    ...(['PipeWire', 'problem', /pipewire\.service is masked/] as const),
  ],
  ['no GStreamer', without('/usr/bin/gst-launch-1.0'), 'pictures', 'warning', /gst-launch-1\.0 is missing/],
  [
    'a token store of somebody else',
    [() => chownSync('/var/lib/remote-access', 1000, 1000), () => chownSync('/var/lib/remote-access', 0, 0)],
    ...(['token store', 'problem', /belongs to uid 1000/] as const),
  ],
  [
    'a token store open to others',
    [() => chmodSync(TOKENS, 0o755), () => chmodSync(TOKENS, 0o700)],
    ...(['token store', 'warning', /open to others \(mode 755\)/] as const),
  ],
  ['a truncated token', withFile(`${TOKENS}/aaaaaaaaaa.json`, '{"format"'), 'token store', 'warning', /it is not JSON/],
  [
    'a full disk',
    [
      () => run('mount', '-t', 'tmpfs', '-o', 'size=64k,mode=700', 'tmpfs', '/var/lib/remote-access'),
      () => run('umount', '/var/lib/remote-access'),
    ],
    ...(['token store', 'problem', /is full/] as const),
  ],
];

describe('remoteaccessctl doctor', function () {
  this.timeout(120_000);
  let admin: Tool;

  before(async () => {
    admin = await toolAs('root');
    const [id] = await objects(admin.bus).tokens.methods.provision('alice', {});
    await objects(admin.bus).tokens.methods.revoke(id);
  });

  it('finds nothing wrong with a machine that is well', async () => {
    const { code, found } = await findings();
    assert.equal(code, 0);
    assert.deepEqual(
      found.filter(({ state }) => state !== 'ok'),
      [],
    );
    assert.ok(found.length >= 15);
    for (const one of found) assert.deepEqual(Object.keys(one), ['check', 'state', 'message', 'remedy']);
    assert.deepEqual((await findings('--quiet')).found, []);
    const { stdout } = await command(['doctor']);
    assert.match(stdout, /^ok +program files +all there\n/);
    assert.match(stdout, /\n0 problems, 0 warnings\.\n$/);
    assert.ok(stdout.split('\n').length <= 24);
  });

  for (const [name, [hurt, mend], check, state, message] of AILMENTS)
    it(`finds ${name}`, async () => {
      hurt();
      try {
        const { code, found } = await findings();
        const finding = found.find((one) => one.check === check && one.state === state);
        assert.ok(finding, JSON.stringify(found, undefined, 1));
        assert.match(finding.message, message);
        if (state !== 'ok') assert.notEqual(finding.remedy, '');
        assert.equal(code, state === 'problem' ? 1 : 0, JSON.stringify(found));
      } finally {
        mend();
      }
    });

  it('tells who has a desktop elsewhere, and not of our own sessions', async () => {
    await objects(admin.bus).root.methods.createSession('bob', { desktop: 'mutter' });
    const unit = 'elsewhere.service';
    const properties = ['PAMName=login', 'User=alice', 'WorkingDirectory=/'].map((one) => `--property=${one}`);
    const environment = ['XDG_SESSION_TYPE=wayland', 'XDG_SESSION_CLASS=user'].map((one) => `--setenv=${one}`);
    run('systemd-run', '--quiet', `--unit=${unit}`, ...properties, ...environment, 'sleep', 'infinity');
    try {
      const { code, found } = await findings('--quiet');
      assert.equal(code, 0);
      assert.equal(found.length, 1, JSON.stringify(found));
      assert.equal(found[0]?.check, 'other sessions');
      assert.match(found[0]?.message ?? '', /^alice has a desktop elsewhere \(logind session \w+\)$/);
    } finally {
      run('systemctl', 'stop', unit);
      await endSessions(admin);
    }
  });

  it('tells others than root what they may see', async () => {
    const { code, stdout } = await command(['doctor', '--json'], { user: 'bob' });
    assert.equal(code, 0, stdout);
    const found = objectsIn(stdout) as Finding[];
    assert.deepEqual([...new Set(found.map(({ state }) => state))], ['ok']);
  });

  it('works without a bus', async () => {
    const env = { DBUS_SYSTEM_BUS_ADDRESS: 'unix:path=/nowhere' };
    const { code, stdout } = await command(['doctor', '--json'], { env });
    assert.equal(code, 1);
    const found = objectsIn(stdout) as Finding[];
    assert.match(found.find(({ check }) => check === 'system bus')?.message ?? '', /cannot be reached/);
    assert.ok(found.some(({ check, state }) => check === 'desktops' && state === 'ok'));
  });
});
