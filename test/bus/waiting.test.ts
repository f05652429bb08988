import assert from 'node:assert/strict';
import { Bus } from '../../src/bus/bus.js';
import { DRIVER } from '../../src/bus/driver.js';
import { closeFds } from '../../src/bus/message.js';
import { pipe } from '../../src/bus/native/descriptors.js';
import { RemoteObject } from '../../src/bus/remote-object.js';
import { PrivateBus } from './private-bus.js';
import { SampleService, sample } from './sample.js';

describe('a service that begins or leaves', () => {
  let daemon: PrivateBus;
  let bus: Bus;
  let client: Bus;
  let service: SampleService;

  before(async () => {
    daemon = await PrivateBus.start();
    bus = await Bus.connect(daemon.address);
    client = await Bus.connect(daemon.address);
    service = new SampleService(bus);
  });

  after(async () => {
    await client[Symbol.asyncDispose]();
    await bus[Symbol.asyncDispose]();
    await daemon[Symbol.asyncDispose]();
  });

  const at = (path: string) => new RemoteObject(client, sample, bus.name, path).methods;

  /** What the client sent before has reached the service then. */
  async function arrived(): Promise<void> {
    await client.call({ ...DRIVER, member: 'GetId' });
    await bus.call({ ...DRIVER, member: 'GetId' });
  }

  it('lets calls wait, all or all but those to one object, and loses none', async () => {
    service.tree.hold();
    const answered: string[] = [];
    const echo = (path: string, text: string) =>
      at(path)
        .echo(text, new Map())
        .then(() => answered.push(text));
    const first = [echo('/sample', 'one'), echo('/sample/other', 'two')];
    await arrived();
    assert.deepEqual([answered, service.tree.idle], [[], false]);
    service.tree.serve('/sample/other');
    await first[1];
    const later = [echo('/sample', 'three'), echo('/sample/other', 'four')];
    await later[1];
    assert.deepEqual(answered, ['two', 'four']);
    service.tree.serve();
    await Promise.all([...first, ...later]);
    assert.deepEqual(answered, ['two', 'four', 'one', 'three']);
  });

  it('knows when every call has its answer', async () => {
    await service.tree.answered();
    const { calls } = service.tree;
    const fds = pipe();
    const waiting = at('/sample').wait(fds[0]);
    await service.waiting;
    const failing = at('/sample')
      .fail('named')
      .catch(() => {});
    let all = false;
    const answered = service.tree.answered().then(() => {
      all = true;
    });
    await failing;
    await arrived();
    assert.deepEqual([service.tree.calls, service.tree.idle, all], [calls + 2, false, false]);
    service.release();
    await Promise.all([waiting, answered]);
    assert.equal(service.tree.idle, true);
    closeFds({ fds });
  });
});
