import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';

/**
 * The part of ./demo inside the container, as root: provisions a token as a machine's set-up script would, and hands
 * it to a remote desktop tool of another user, which prints each finished step as a line of JSON, as this does.
 */

const picture = process.argv[2];
if (picture === undefined) throw new Error('usage: main.ts PICTURE');
const picturePath = '/tmp/demo.png';

const started = performance.now();
const answer = execFileSync(
  'busctl',
  [
    'call',
    'org.freedesktop.RemoteAccess',
    '/org/freedesktop/RemoteAccess',
    'org.freedesktop.RemoteAccess.Tokens',
    'Provision',
    'sa{sv}',
    'alice',
    '0',
  ],
  { encoding: 'utf8' },
);
const token = /"(ra1-[^"]+)"/.exec(answer)?.[1];
if (token === undefined) throw new Error('no token was provisioned');
console.log(JSON.stringify({ name: 'provision a token for alice', ms: Math.round(performance.now() - started) }));

const identity = ['--reuid=nobody', '--regid=nogroup', '--clear-groups', '--reset-env'];
const tool = spawn(
  'setpriv',
  [...identity, 'env', 'HOME=/tmp', process.execPath, '--import', 'tsx', 'scripts/demo/tool.ts', picturePath],
  { stdio: ['pipe', 'inherit', 'inherit'] },
);
tool.stdin.end(token);
const [status] = (await once(tool, 'exit')) as [number | null];
if (status !== 0) process.exit(1);
execFileSync('install', ['--mode=644', picturePath, picture]);
