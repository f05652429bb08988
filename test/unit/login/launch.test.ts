import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { existsSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { InvalidArgs, SessionFailed } from '../../../src/errors.js';
import { launchWorker, type Systemd, type UnitProperty } from '../../../src/login/launch.js';
import { livingWorkers } from '../../../src/login/scan.js';
import { FakeWorker, SocketDirectory } from './fake-worker.js';

const NEW = ['hello 1', 'state new'];

const killUnit = () => assert.fail('must not kill');

describe('launching a worker', () => {
  let directory: SocketDirectory;

  beforeEach(() => {
    directory = new SocketDirectory();
  });

  afterEach(async () => {
    await directory[Symbol.asyncDispose]();
  });

  it('starts a unit of its own and connects as soon as the worker listens', async () => {
    const units: [string, readonly UnitProperty[]][] = [];
    const fakes: FakeWorker[] = [];
    const systemd: Systemd = {
      killUnit,
      startTransientUnit: async (name, properties) => {
        units.push([name, properties]);
        // The job is accepted long before the worker listens.
        setImmediate(async () => fakes.push(await FakeWorker.listen(join(directory.path, 'abc-1'), NEW)));
      },
    };
    const worker = await launchWorker({ id: 'abc-1', directory: directory.path, systemd, program: '/w' });
    assert.equal(worker.session, undefined);
    worker.close();
    const socket = join(directory.path, 'abc-1');
    assert.equal(units[0]?.[0], 'remote-access-session-abc-1.service');
    const properties = new Map(units[0]?.[1].map(([name, signature, value]) => [name, [signature, value]]));
    assert.deepEqual(properties.get('ExecStart'), ['a(sasb)', [['/w', ['/w', socket], false]]]);
    assert.deepEqual(properties.get('ExecStopPost'), ['a(sasb)', [['/w', ['/w', '--sweep', socket], true]]]);
    for (const fake of fakes) await fake[Symbol.asyncDispose]();
  });

  it('says why systemd refused', async () => {
    const systemd: Systemd = { killUnit, startTransientUnit: () => Promise.reject(new Error('Unit exists')) };
    const error = new SessionFailed('The worker could not be started: Unit exists');
    await assert.rejects(launchWorker({ id: 'a', directory: directory.path, systemd }), error);
  });

  it('stops waiting when it is told to', async () => {
    const given = new AbortController();
    const systemd: Systemd = { killUnit, startTransientUnit: async () => given.abort(new SessionFailed('no more')) };
    const launching = launchWorker({ id: 'a', directory: directory.path, systemd, signal: given.signal });
    await assert.rejects(launching, new SessionFailed('no more'));
  });

  for (const id of ['', '../x', 'A', 'a.b', 'x'.repeat(65)]) {
    it(`refuses the id '${id.slice(0, 8)}'`, async () => {
      const systemd: Systemd = { killUnit, startTransientUnit: () => assert.fail('must not start') };
      await assert.rejects(launchWorker({ id, directory: directory.path, systemd }), InvalidArgs);
    });
  }
});

describe('the scan for workers', () => {
  let directory: SocketDirectory;

  beforeEach(() => {
    directory = new SocketDirectory();
  });

  afterEach(async () => {
    await directory[Symbol.asyncDispose]();
  });

  it('yields those that live and removes the sockets of the others', async () => {
    const at = (name: string) => join(directory.path, name);
    await using _one = await FakeWorker.listen(at('one'), NEW);
    await using _two = await FakeWorker.listen(at('two'), [
      'hello 1',
      'record r',
      'state running',
      'opened c1 1',
      'started 2',
    ]);
    execFileSync('python3', ['-c', 'import socket,sys; socket.socket(socket.AF_UNIX).bind(sys.argv[1])', at('dead')]);
    writeFileSync(at('two.session'), 'a note');
    const found = new Map<string, string>();
    for await (const { id, worker } of livingWorkers(directory.path)) {
      found.set(id, worker.record);
      worker.close();
    }
    assert.deepEqual([...found].sort(), [
      ['one', ''],
      ['two', 'r'],
    ]);
    assert.equal(existsSync(at('dead')), false);
    assert.equal(existsSync(at('two')), true);
    assert.equal(existsSync(at('two.session')), true);
  });

  it('leaves a worker alone that does not answer', async () => {
    const path = join(directory.path, 'busy');
    await using _busy = await FakeWorker.listen(path, []);
    const scan = livingWorkers(directory.path, { signal: AbortSignal.timeout(1) });
    await assert.rejects(scan.next(), { name: 'TimeoutError' });
    assert.equal(existsSync(path), true);
  });
});
