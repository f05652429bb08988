import assert from 'node:assert/strict';
import { closeSync } from 'node:fs';
import { Bus } from '../../src/bus/bus.js';
import type { InterfaceDescriptor } from '../../src/bus/descriptor.js';
import { pipe } from '../../src/bus/native/descriptors.js';
import { decodeMessage, encodeMessage, messageLength, PREFIX, ProtocolError } from '../../src/bus/wire.js';
import { Attacker, newTally } from '../fuzz/attacker.js';
import { RandomCalls } from '../fuzz/calls.js';
import { mutate } from '../fuzz/mutation.js';
import { chosenSeed } from '../fuzz/seed.js';
import { SeededRandom } from '../unit/seeded-random.js';
import { descriptorsOpen } from './descriptors-open.js';
import { PrivateBus } from './private-bus.js';
import { RawPeer } from './raw-peer.js';
import { SampleService, sample } from './sample.js';

const { seed, messages } = chosenSeed(20_000);

describe(`random messages on a bus (seed ${seed})`, function () {
  this.timeout(60_000 + messages * 5);
  const [reading, writing] = pipe();
  const descriptor = sample as unknown as InterfaceDescriptor;
  // They do on purpose what nobody else may.
  const budget = { Wait: 0, Fail: 0, PassDescriptors: 0 };

  after(() => {
    for (const fd of [reading, writing]) closeSync(fd);
  });

  const callsTo = (destination: string, random: SeededRandom) =>
    new RandomCalls(random, {
      targets: ['/sample', '/sample/other'].map((path) => ({ destination, path, interfaces: [descriptor] })),
      texts: ['hush', 'owner'],
      fds: [reading, writing],
      budget,
    });

  it('are answered as documented or not at all, and leave nothing behind', async () => {
    await using daemon = await PrivateBus.start();
    await using bus = await Bus.connect(daemon.address);
    const service = new SampleService(bus);
    const random = new SeededRandom(seed);
    const tally = newTally();
    const attack = async (garbled: boolean) => {
      using attacker = new Attacker(await RawPeer.connect(daemon.address), tally);
      const calls = callsTo(bus.name, random);
      if (garbled) await attacker.garble(calls, random, 50);
      else await attacker.attack(calls, 250);
      service.calls.length = 0;
    };
    for (const garbled of [true, false]) await attack(garbled);
    const before = descriptorsOpen();
    while (tally.sent < messages) await attack(random.below(6) > 0);
    const last = await RawPeer.connect(daemon.address);
    const to = { destination: bus.name, path: '/sample', interface: sample.name };
    await last.ask({ type: 1, ...to, member: 'WhoAmI' });
    last[Symbol.dispose]();
    assert.deepEqual([...new Set(tally.wrong)], []);
    assert.equal(descriptorsOpen(), before);
  });

  it('are taken apart without harm wherever their bytes were changed', () => {
    const random = new SeededRandom(seed);
    const calls = callsTo(':1.7', random);
    let refused = 0;
    for (let count = 0; count < messages; count++) {
      const bytes = mutate(random, Buffer.concat(encodeMessage({ ...calls.next().message, serial: 7 })), false);
      if (bytes.length < PREFIX) continue;
      try {
        const length = messageLength(bytes, 0);
        if (length > bytes.length) continue;
        decodeMessage(bytes, 0, length, false, (wanted) => Array(Math.min(wanted, 16)).fill(0));
      } catch (error) {
        assert.ok(error instanceof ProtocolError, String((error as Error).stack));
        refused++;
      }
    }
    assert.ok(refused > 0);
  });
});
