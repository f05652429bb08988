import { execFileSync } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';
import type { BeginParameters } from '../../src/bus/generated/dictionaries.js';
import { login } from '../../src/bus/generated/login.js';
import { remoteAccess } from '../../src/bus/generated/remote-access.js';
import { RemoteObject } from '../../src/bus/remote-object.js';
import { launchWorker } from '../../src/login/launch.js';
import { Systemd } from '../../src/service/systemd.js';
import { Tool } from '../../src/tool/tool.js';
import { provision } from '../../test/system/remote-tool.js';
import { endSessions } from '../container/end-sessions.js';
import { alternate } from '../container/rounds.js';
import { type Figure, quantiles } from '../figure.js';
import { distance } from './distance.js';

/** What strangers can tell from the time that failures take, and what a login takes. */

const SERVICE = 'org.freedesktop.RemoteAccess';
const TRIES = 200;
/** Tries of each kind at the same time: each takes two seconds, mostly waiting. */
const LANES = 4;
const WORKERS = '/run/bench-workers';
const PASSWORD = 'alice-password';

/** Who fails, and how. */
const KINDS = {
  'unknown user': { user: 'nobody-here', password: PASSWORD },
  'wrong password': { user: 'alice', password: 'wrong' },
  'locked account': { user: 'locked', password: 'locked-password' },
} as const;
type Kind = keyof typeof KINDS;
const kinds = Object.keys(KINDS) as Kind[];
const reference: Kind = 'unknown user';

execFileSync('useradd', ['--create-home', '--shell=/bin/bash', 'locked']);
execFileSync('sh', ['-c', 'echo locked:locked-password | chpasswd; passwd --quiet --lock locked']);
mkdirSync(WORKERS, { recursive: true, mode: 0o700 });
mkdirSync('/etc/remote-access/desktops', { recursive: true });
const keys = ['Type=Application', 'Name=fake', 'Exec=sleep infinity', 'X-RemoteAccess-HeadlessExec=sleep infinity'];
writeFileSync(
  '/etc/remote-access/desktops/fake.desktop',
  `${['[Desktop Entry]', ...keys, 'X-RemoteAccess-Compositor=fake'].join('\n')}\n`,
);
const admin = await Tool.start();
const root = new RemoteObject(admin.bus, remoteAccess, SERVICE, '/org/freedesktop/RemoteAccess');

const figures = [
  ...compare('PAM itself, ', await measure(30, 1, verdict)),
  ...compare('Begin → AuthenticationFailed, ', await measure(TRIES, LANES, refusal)),
  ...compare('Begin → first Prompt, ', await measure(TRIES, LANES, firstPrompt)),
  await loginFigure(),
];
process.stdout.write(`${JSON.stringify(figures)}\n`);
process.exit(0);

/** Measures the kinds side by side, so that what else the machine does meets all of them alike. */
async function measure(
  tries: number,
  lanes: number,
  one: (kind: Kind) => Promise<number>,
): Promise<Map<Kind, number[]>> {
  const samples = new Map<Kind, number[]>(kinds.map((kind) => [kind, []]));
  const lane = async () => {
    for (let left = tries / lanes; left > 0; left--)
      // In one order and then in the other.
      await Promise.all(
        (left % 2 === 0 ? kinds : kinds.toReversed()).map(async (kind) => samples.get(kind)?.push(await one(kind))),
      );
  };
  for (const kind of kinds) await one(kind);
  await Promise.all(Array.from({ length: lanes }, lane));
  return samples;
}

function compare(what: string, samples: Map<Kind, number[]>): Figure[] {
  const known = samples.get(reference) ?? [];
  const beside = { name: reference, ...quantiles(known) };
  return kinds
    .filter((kind) => kind !== reference)
    .flatMap((kind): Figure[] => {
      const own = samples.get(kind) ?? [];
      const apart = distance(own, known);
      return [
        { name: `${what}${kind}`, unit: 'ms', ours: quantiles(own), reference: beside },
        { name: '  distance of the distributions', unit: 'share', ours: { p50: apart, p95: apart, p99: apart } },
      ];
    });
}

/** What the worker would tell, without libpam's delay and before ours. */
async function verdict(kind: Kind): Promise<number> {
  const { user, password } = KINDS[kind];
  const id = `bench-${Math.random().toString(36).slice(2, 10)}`;
  const worker = await launchWorker({ id, directory: WORKERS, systemd: new Systemd(admin.bus) });
  worker.on('prompt', () => worker.answer(password));
  const started = performance.now();
  await worker.authenticate({ user, rhost: '192.0.2.1' }).catch(() => {});
  return performance.now() - started;
}

function refusal(kind: Kind): Promise<number> {
  return attempt('password', KINDS[kind]);
}

function firstPrompt(kind: Kind): Promise<number> {
  return attempt('pam', { user: KINDS[kind].user });
}

/** Milliseconds from Begin to its answer. */
async function attempt(method: string, parameters: BeginParameters): Promise<number> {
  const path = await root.methods.openLogin({});
  const { methods } = new RemoteObject(admin.bus, login, SERVICE, path);
  const started = performance.now();
  await methods.begin(method, parameters).catch(() => {});
  const took = performance.now() - started;
  await methods.cancel();
  return took;
}

/** To a session of nothing but a command, by turns with a token. */
async function loginFigure(): Promise<Figure> {
  const token = provision();
  const way = (method: string, parameters: BeginParameters) => async () => {
    const started = performance.now();
    await admin.logIn(method, parameters, { desktop: 'fake' });
    const took = performance.now() - started;
    await endSessions(admin);
    return took;
  };
  const { password, byToken } = await alternate(
    { password: way('password', { user: 'alice', password: PASSWORD }), byToken: way('token', { token }) },
    { most: 50, seconds: 60 },
  );
  return {
    name: 'password → Completed, nothing drawn',
    unit: 'ms',
    ours: quantiles(password),
    reference: { name: 'token', ...quantiles(byToken) },
  };
}
