import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, readFileSync, writeFileSync } from 'node:fs';
import { buffer } from 'node:stream/consumers';
import type { Person } from '../container/person.js';
import { userGone } from '../container/user-manager.js';
import { type Colour, dumpShows, type Screen } from './screen.js';

/** The peer: xrdp as Debian installs it, with its Xorg session and twm as the user's window manager. */

const DEBS = '/var/lib/debs/xrdp';
const SETTINGS = '/etc/xrdp/xrdp.ini';
/** Which the session gives its screen before twm starts: its picture, as far as this is about it. */
const BACKGROUND: Colour = [0x33, 0x66, 0x99];
const BLACK: Colour = [0, 0, 0];
/** xrdp's first one. */
const DISPLAY = ':10';
const DEADLINE_MS = 20_000;

export function installXrdp({ name }: Person): void {
  const install = `DEBIAN_FRONTEND=noninteractive dpkg --force-unsafe-io --install ${DEBS}/*.deb`;
  execFileSync('sh', ['-c', install], { stdio: 'ignore' });
  // twm's usual fonts are not installed, and without one it ends.
  const fonts = ['Title', 'Menu', 'Icon', 'Resize', 'IconManager'].map((what) => `${what}Font "fixed"\n`);
  writeFileSync(`/home/${name}/.twmrc`, fonts.join(''));
  const start = `/home/${name}/startwm.sh`;
  const colour = BACKGROUND.map((value) => value.toString(16)).join('');
  writeFileSync(start, `#!/bin/sh\nxsetroot -solid '#${colour}' &\nLC_ALL=C exec twm\n`);
  chmodSync(start, 0o755);
}

/** Each connection reads it anew. Without channels there is no sound, no clipboard, and no H.264 or RemoteFX. */
export function allowChannels(allowed: boolean): void {
  const settings = readFileSync(SETTINGS, 'utf8');
  writeFileSync(SETTINGS, settings.replace(/^allow_channels=.*$/m, `allow_channels=${allowed}`));
}

/** A new session, shown by a client; it is gone when this returns. All times are as performance.now() counts. */
export async function throughClient(
  user: Person,
  password: string,
  screen: Screen,
): Promise<{ started: number; asked: number; seen: number }> {
  await screen.shows(BLACK);
  const started = performance.now();
  const options = ['/v:127.0.0.1', `/u:${user.name}`, `/p:${password}`, '/cert:ignore', '/log-level:OFF'];
  const client = spawn('xfreerdp3', [...options, '/size:1280x720', '-decorations', '-clipboard'], {
    env: { PATH: '/usr/bin', HOME: '/root', DISPLAY: screen.display },
    stdio: 'ignore',
  });
  const exited = once(client, 'exit');
  try {
    const seen = await screen.shows(BACKGROUND);
    return { started, asked: lastLoginRequest(), seen };
  } finally {
    end(user);
    client.kill();
    await exited;
  }
}

/** A new session without any client, until xwd sees its picture; it is gone when this returns. In milliseconds. */
export async function withoutClient(user: Person, password: string): Promise<number> {
  const started = performance.now();
  try {
    const run = spawn('xrdp-sesrun', ['-t', 'Xorg', '-g', '1280x720', '-F', '0', user.name], {
      stdio: ['pipe', 'ignore', 'inherit'],
    });
    run.stdin.end(`${password}\n`);
    await once(run, 'exit');
    for (const late = started + DEADLINE_MS; performance.now() < late; )
      if (await xwdSees(user, BACKGROUND)) return performance.now() - started;
    throw new Error('xrdp-sesrun started no session with a picture');
  } finally {
    end(user);
  }
}

async function xwdSees({ uid, gid }: Person, colour: Colour): Promise<boolean> {
  const xwd = spawn('xwd', ['-root', '-silent', '-display', DISPLAY], {
    uid,
    gid,
    stdio: ['ignore', 'pipe', 'ignore'],
  });
  const [dump] = await Promise.all([buffer(xwd.stdout), once(xwd, 'exit')]);
  return dump.length > 0 && dumpShows(dump, colour);
}

/** When xrdp last had a user's name and password and asked its session manager. */
function lastLoginRequest(): number {
  const which = ['--identifier=xrdp-sesman', '--grep=Received system login request', '--lines=1'];
  const line = execFileSync('journalctl', [...which, '--output=json'], { encoding: 'utf8' });
  const { _SOURCE_REALTIME_TIMESTAMP: time } = JSON.parse(line) as { _SOURCE_REALTIME_TIMESTAMP: string };
  return Number(time) / 1000 - performance.timeOrigin;
}

/** Its window manager ends, and with it the session; returns when nothing of it is left. */
function end(user: Person): void {
  execFileSync('sh', ['-c', `pkill --uid ${user.uid} --exact twm || true`]);
  userGone(user);
  const left = `pgrep --uid ${user.uid} || pgrep --exact xrdp-sesexec || test -e /tmp/.X11-unix/X${DISPLAY.slice(1)}`;
  execFileSync('sh', ['-c', `while { ${left}; } >/dev/null; do sleep 0.05; done`]);
}
