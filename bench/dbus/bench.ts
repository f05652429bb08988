import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { copyFileSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { availableParallelism, tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';
import { socketNames } from '../../src/bus/address.js';
import { codecFor } from '../../src/bus/codec.js';
import { Variant } from '../../src/bus/variant.js';
import { encodeMessage } from '../../src/bus/wire.js';
import { PrivateBus } from '../../test/bus/private-bus.js';
import { type Figure, quantiles } from '../figure.js';

/** Those of the service's unit. */
const NODE_FLAGS = /^ExecStart=\S+node((?: --\S+)*)/m
  .exec(readFileSync(new URL('../../data/remote-accessd.service', import.meta.url), 'utf8'))?.[1]
  ?.split(' ')
  .filter(Boolean) as string[];

const ROUNDS = 6;

const options = codecFor('a{sv}').encode(
  new Map<string, Variant>([
    ['client-name', new Variant('s', 'A remote desktop tool')],
    ['client-address', new Variant('s', '192.0.2.7')],
    ['grants', new Variant('as', ['monitors', 'capture', 'keyboard', 'pointer'])],
    ['on-conflict', new Variant('s', 'displace')],
  ]),
  { fds: [] },
);

type Case = {
  name: string;
  aim: string;
  member: string;
  signature: string;
  body: unknown[];
  calls: number;
  inFlight: number;
  fds?: number[];
};

const CASES: readonly Case[] = [
  {
    name: 'method call with options',
    aim: 'p50 ≤ 0.6, p99 ≤ 2',
    member: 'Echo',
    signature: 'sa{sv}',
    body: ['alice', options],
    calls: 5000,
    inFlight: 1,
  },
  {
    name: 'method call, 64 in flight',
    aim: 'p50 ≤ 0.6, p99 ≤ 2',
    member: 'Echo',
    signature: 'sa{sv}',
    body: ['alice', options],
    calls: 20000,
    inFlight: 64,
  },
  {
    name: '1 MiB there and back',
    aim: 'p50 ≤ 1.3',
    member: 'Payload',
    signature: 'ay',
    body: [Buffer.alloc(2 ** 20, 7)],
    calls: 200,
    inFlight: 1,
  },
  {
    name: 'descriptor there and back',
    aim: 'p50 ≤ 0.6, p99 ≤ 2',
    member: 'PassDescriptor',
    signature: 'h',
    body: [0],
    calls: 5000,
    inFlight: 1,
    fds: [0],
  },
];

/**
 * What a service of ours takes to answer beside the same service written with GDBus. Bus, services and load share one
 * processor: on a virtual machine a wake-up across processors takes as long as the rest of a call, and which of them
 * are needed is the scheduler's choice, call by call.
 */
export async function run(): Promise<Figure[]> {
  const directory = mkdtempSync(join(tmpdir(), 'bench-dbus-'));
  const services: ChildProcess[] = [];
  try {
    await compile(directory);
    processors('0');
    await using bus = await PrivateBus.start();
    const socket = String(socketNames(bus.address)[0]);
    const start = async (name: string, command: string, args: string[]): Promise<string> => {
      const service = spawn(command, [...args, bus.address, name], { stdio: ['ignore', 'pipe', 'inherit'] });
      services.push(service);
      await once(createInterface(service.stdout), 'line');
      return name;
    };
    const gdbus = await start('org.example.Gdbus', join(directory, 'gdbus-service'), []);
    const ours = await start('org.example.Ours', process.execPath, [...NODE_FLAGS, join(directory, 'service.mjs')]);
    return CASES.map((one) => {
      const samples = { [gdbus]: [] as number[], [ours]: [] as number[] };
      // The first round warms up: caches, the just-in-time compiler, the identity of the caller.
      for (let round = 0; round <= ROUNDS; round++)
        for (const name of [gdbus, ours]) {
          const times = load(directory, socket, name, one);
          if (round > 0) samples[name]?.push(...times);
        }
      return {
        name: one.name,
        unit: 'µs',
        ours: quantiles(samples[ours] ?? []),
        reference: { name: 'GDBus in C', ...quantiles(samples[gdbus] ?? []) },
        aim: one.aim,
      };
    });
  } finally {
    for (const service of services) service.kill();
    processors(`0-${availableParallelism() - 1}`);
    rmSync(directory, { recursive: true });
  }
}

/** Has this process and those that it starts from now on use these processors alone. */
function processors(list: string): void {
  execFileSync('taskset', ['--all-tasks', '--cpu-list', '--pid', list, String(process.pid)]);
}

/** Calls the case's method of a service as often as it says; how long each call took, in microseconds. */
function load(directory: string, socket: string, destination: string, one: Case): number[] {
  const { member, signature, body, calls, inFlight, fds } = one;
  const message = { type: 1, serial: 1, path: '/bench', interface: 'org.example.Bench', destination, member };
  const file = join(directory, 'message');
  writeFileSync(file, Buffer.concat(encodeMessage({ ...message, signature, body, ...(fds && { fds }) })));
  const args = [socket, file, String(calls), String(inFlight), ...(fds ? ['fd'] : [])];
  const times = execFileSync(join(directory, 'load'), args, { maxBuffer: 2 ** 24 });
  return Array.from({ length: calls }, (_, i) => Number(times.readBigInt64LE(8 * i)) / 1000);
}

async function compile(directory: string): Promise<void> {
  const here = (path: string): string => fileURLToPath(new URL(path, import.meta.url));
  const flags = ['-std=gnu11', '-O2', '-Wall', '-Wextra', '-Werror'];
  const modules = ['gio-2.0', 'gio-unix-2.0'];
  const pkgConfig = execFileSync('pkg-config', ['--cflags', '--libs', ...modules], { encoding: 'utf8' });
  execFileSync('gcc', [...flags, '-o', join(directory, 'load'), here('./load.c')], { stdio: 'inherit' });
  execFileSync(
    'gcc',
    [...flags, '-o', join(directory, 'gdbus-service'), here('./gdbus-service.c'), ...pkgConfig.trim().split(/\s+/)],
    { stdio: 'inherit' },
  );
  await build({
    entryPoints: [here('./service.ts')],
    outfile: join(directory, 'service.mjs'),
    bundle: true,
    format: 'esm',
    platform: 'node',
    target: 'node20.19',
    logLevel: 'warning',
    banner: {
      js: "import { createRequire as bannerRequire } from 'node:module';\nconst require = bannerRequire(import.meta.url);",
    },
  });
  mkdirSync(join(directory, 'native'));
  copyFileSync(here('../../dist/native/descriptors.node'), join(directory, 'native/descriptors.node'));
}
