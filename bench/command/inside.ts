import { spawnSync } from 'node:child_process';
import { performance } from 'node:perf_hooks';
import { tokens } from '../../src/bus/generated/tokens.js';
import { RemoteObject } from '../../src/bus/remote-object.js';
import { Tool } from '../../src/tool/tool.js';
import { type Figure, quantiles } from '../figure.js';

/** How long remoteaccessctl takes from its start to its end, beside Node.js doing nothing and busctl doing the same. */

const ROUNDS = 100;
const TOKENS = 10;
const SERVICE = 'org.freedesktop.RemoteAccess';

const admin = await Tool.start();
const object = new RemoteObject(admin.bus, tokens, SERVICE, '/org/freedesktop/RemoteAccess');
for (let i = 0; i < TOKENS; i++) await object.methods.provision('alice', {});

const nothing = ['node', '--eval', '0'];
const list = ['busctl', 'call', SERVICE, '/org/freedesktop/RemoteAccess', `${SERVICE}.Tokens`, 'List', 'a{sv}', '0'];
const figures: Figure[] = [
  figure('remoteaccessctl --help', ['remoteaccessctl', '--help'], 'node -e 0', nothing),
  figure('remoteaccessctl tokens', ['remoteaccessctl', 'tokens'], 'node -e 0', nothing),
  figure('remoteaccessctl tokens', ['remoteaccessctl', 'tokens'], 'busctl', list),
];
process.stdout.write(`${JSON.stringify(figures)}\n`);
process.exit(0);

function figure(name: string, ours: readonly string[], against: string, reference: readonly string[]): Figure {
  const samples = { ours: [] as number[], reference: [] as number[] };
  for (let round = 0; round < ROUNDS; round++) {
    samples.ours.push(timed(ours));
    samples.reference.push(timed(reference));
  }
  return {
    name,
    unit: 'ms',
    ours: quantiles(samples.ours),
    reference: { name: against, ...quantiles(samples.reference) },
  };
}

function timed([program = '', ...args]: readonly string[]): number {
  const started = performance.now();
  const { status } = spawnSync(program, args, { stdio: ['ignore', 'pipe', 'inherit'] });
  if (status !== 0) throw new Error(`${program} ended with ${status}`);
  return performance.now() - started;
}
