import assert from 'node:assert/strict';
import { closeSync, openSync } from 'node:fs';
import { isDeepStrictEqual } from 'node:util';
import { systemBusAddress } from '../../src/bus/address.js';
import type { InterfaceDescriptor } from '../../src/bus/descriptor.js';
import { agent } from '../../src/bus/generated/agent.js';
import { agents } from '../../src/bus/generated/agents.js';
import { capture } from '../../src/bus/generated/capture.js';
import { clipboard } from '../../src/bus/generated/clipboard.js';
import { connection } from '../../src/bus/generated/connection.js';
import { handover } from '../../src/bus/generated/handover.js';
import { input } from '../../src/bus/generated/input.js';
import { login } from '../../src/bus/generated/login.js';
import { monitors } from '../../src/bus/generated/monitors.js';
import { remoteAccess } from '../../src/bus/generated/remote-access.js';
import { session } from '../../src/bus/generated/session.js';
import { tokens } from '../../src/bus/generated/tokens.js';
import type { Message } from '../../src/bus/message.js';
import { socketPair } from '../../src/bus/native/descriptors.js';
import { Variant } from '../../src/bus/variant.js';
import type { Tool } from '../../src/tool/tool.js';
import { RawPeer } from '../bus/raw-peer.js';
import { Attacker, newTally, type Tally } from '../fuzz/attacker.js';
import { RandomCalls, type Target } from '../fuzz/calls.js';
import { chosenSeed } from '../fuzz/seed.js';
import { SeededRandom } from '../unit/seeded-random.js';
import { findAgent } from './find-agent.js';
import { as, endSessions, installDesktop, managed, objects, provision, ROOT, SERVICE, toolAs } from './fixture.js';
import { agentPid, children, daemonPid, vitalsOf } from './vitals.js';

const { seed, messages } = chosenSeed(100_000);

/** Who attacks, with a login and a connection of its own or without, and which part of the messages has changed bytes. */
const ATTACKERS = [
  { user: 'nobody', inside: false, garbled: 0.5, share: 0.2 },
  { user: 'bob', inside: true, garbled: 0.1, share: 0.3 },
  { user: 'alice', inside: false, garbled: 0.3, share: 0.2 },
  { user: 'root', inside: true, garbled: 0.3, share: 0.3 },
] as const;

/** Messages of one bus connection: one that goes on, and one that the bus may end at any of them. */
const LIFE = 1000;
const GARBLED_LIFE = 25;

/** What a process may grow by, in kB: its garbage is not collected at every moment. */
const GROWTH = 40_000;

const of = (...descriptors: unknown[]) => descriptors as InterfaceDescriptor[];
const ON_CONNECTION = of(connection, monitors, capture, input, clipboard);

describe(`random messages to the service (seed ${seed})`, function () {
  this.timeout(60_000 + messages * 10);
  let admin: Tool;
  let path = '';
  let token = '';
  let ownLogin = '';
  let known = Promise.resolve('');
  let agentName = '';
  const fds: number[] = [openSync('/dev/null', 'r'), ...socketPair()];

  before(async () => {
    installDesktop('fake');
    admin = await toolAs('root');
    ({ token } = await provision(admin, 'alice'));
    path = await admin.logIn('token', { token });
    [ownLogin = ''] = await managed(admin.bus, '/login/');
    // What the attackers ask for is there, so that they start no desktops.
    await objects(admin.bus).root.methods.createSession('bob', { desktop: 'fake' });
    agentName = await findAgent(admin.bus, agentPid('alice', idOf(path)));
  });

  after(async () => {
    for (const fd of fds) closeSync(fd);
    await endSessions(admin);
  });

  const idOf = (at: string) => at.slice(at.lastIndexOf('/') + 1);

  it('are answered as documented, and leave nothing behind', async () => {
    const tally = newTally();
    const random = new SeededRandom(seed);
    const attackers = ATTACKERS.map((attacker) => ({ ...attacker, random: new SeededRandom(random.below(2 ** 31)) }));
    const attack = (count: number) =>
      Promise.all(attackers.map((attacker) => attackAs(attacker, count * attacker.share, tally)));

    await attack(messages / 10);
    const before = await settled(() => true);
    await attack((messages * 9) / 10);
    const after = await settled((now) => isDeepStrictEqual(now.counts, before.counts));

    assert.deepEqual([...new Set(tally.wrong)], []);
    assert.deepEqual(after.counts, before.counts);
    for (const [index, kilobytes] of after.memory.entries())
      assert.ok(kilobytes - (before.memory[index] ?? 0) < GROWTH, `from ${before.memory} to ${after.memory} kB`);
    console.log(`${tally.sent} messages, ${tally.cut} connections ended by the bus`, tally.answers);
    console.log(
      `the daemon and the agent took ${before.memory} kB after a tenth of them, and ${after.memory} at the end`,
    );
  });

  type Attack = (typeof ATTACKERS)[number] & { random: SeededRandom };

  async function attackAs({ user, inside, garbled, random }: Attack, count: number, tally: Tally): Promise<void> {
    for (let left = count; left > 0; ) {
      using attacker = new Attacker(await as(user, () => RawPeer.connect(systemBusAddress())), tally);
      // Of `garbled` of the messages: since such connections live short, of many more of the connections.
      const breaks = random.below(1000) < (1000 * garbled) / (garbled + ((1 - garbled) * GARBLED_LIFE) / LIFE);
      const calls = new RandomCalls(random, {
        targets: [...targets(user, await foreign()), ...(inside && !breaks ? await enter(attacker.peer) : [])],
        texts: ['alice', 'bob', 'fake', 'token', 'peer', 'text/plain', token, idOf(path)],
        fds,
        budget: budgetOf(user, random),
      });
      if (breaks) left -= await attacker.garble(calls, random, GARBLED_LIFE);
      else {
        await attacker.attack(calls, Math.min(LIFE, left));
        left -= LIFE;
      }
    }
  }

  /** A connection that is none of the attackers', who may have closed it. */
  function foreign(): Promise<string> {
    known = known.then(async (last) => {
      // A login that nobody uses for two minutes would be gone.
      await objects(admin.bus).login(ownLogin).property('State');
      const open = await children(admin.bus, 'connection');
      return open.includes(idOf(last)) ? last : (await admin.connect(path, { 'on-conflict': 'share' })).path;
    });
    return known;
  }

  /** What there is when the service and the agent are done with all that came before. */
  async function settled(done: (now: Awaited<ReturnType<typeof measure>>) => boolean) {
    for (const end = Date.now() + 10_000; ; ) {
      // One that asks both, after everybody else.
      const last = await admin.connect(path, { 'on-conflict': 'share' });
      await last.monitors.methods.getLayout();
      await last.connection.methods.close();
      await foreign();
      const now = await measure();
      if (done(now) || Date.now() > end) return now;
    }
  }

  async function measure() {
    const daemon = vitalsOf(daemonPid());
    const agent = vitalsOf(agentPid('alice', idOf(path)));
    const [logins, connections] = [await children(admin.bus, 'login'), await children(admin.bus, 'connection')];
    const { kilobytes: _, ...daemonCounts } = daemon;
    const { kilobytes: __, ...agentCounts } = agent;
    return {
      counts: { daemon: daemonCounts, agent: agentCounts, logins: logins.length, connections: connections.length },
      memory: [daemon.kilobytes, agent.kilobytes],
    };
  }

  function targets(user: string, foreign: string): Target[] {
    const at = (where: string, ...interfaces: unknown[]) => ({
      destination: SERVICE,
      path: where,
      interfaces: of(...interfaces),
    });
    return [
      at(ROOT, remoteAccess, tokens),
      at(path, session, handover),
      at(`${ROOT}/Agents`, agents),
      at(ownLogin, login),
      at(foreign, ...ON_CONNECTION),
      // The bus lets only root through to an agent; one who is stopped there is enough.
      ...(user === 'root' || user === 'nobody'
        ? [{ destination: agentName, path: `${ROOT}/Agent`, interfaces: of(agent) }]
        : []),
    ];
  }

  /** Logs in and connects on that very bus connection; what it has then. */
  async function enter(peer: RawPeer): Promise<Target[]> {
    const call = async (at: string, iface: string, member: string, signature: string, body: unknown[]) => {
      const to = { type: 1, destination: SERVICE, path: at, interface: iface, member };
      const answer = await peer.ask({ ...to, signature, body });
      assert.equal(answer.errorName, undefined, String(answer.body?.[0]));
      return String(answer.body?.[0]);
    };
    const opened = await call(ROOT, remoteAccess.name, 'OpenLogin', 'a{sv}', [[]]);
    const completed = new Promise<void>((resolve, reject) =>
      peer.on('message', ({ member, body }: Message) => {
        if (member === 'Completed') resolve();
        if (member === 'Failed') reject(new Error(String(body)));
      }),
    );
    await call(opened, login.name, 'Begin', 'sa{sv}', ['token', [['token', new Variant('s', token)]]]);
    await completed;
    const share = [['on-conflict', new Variant('s', 'share')]];
    const connected = await call(path, session.name, 'Connect', 'a{sv}', [share]);
    return [
      { destination: SERVICE, path: opened, interfaces: of(login) },
      { destination: SERVICE, path: connected, interfaces: ON_CONNECTION },
      { destination: SERVICE, path: connected, interfaces: ON_CONNECTION },
    ];
  }

  /** What costs time or ends what the others attack is done now and then; the session itself is never ended. */
  function budgetOf(user: string, random: SeededRandom): Record<string, number> {
    const now = random.below(3) === 0 ? 1 : 0;
    // Unless it says otherwise, it closes everybody's connection.
    const rarely = random.below(20) === 0 ? 1 : 0;
    const costly = { CreateSession: 4, Provision: 20, List: 50, Revoke: 50, Lock: 5, Unlock: 5, PortalToken: 5 };
    if (user === 'nobody') return costly;
    // A uid may open so many logins, and fail so often: the next one has to get in. What root opens and
    // closes at an agent behind the service's back stays so.
    const own = user === 'root' ? { Open: 0, Resume: 0 } : { OpenLogin: 2, Begin: 0 };
    return { ...costly, ...own, Terminate: 0, Connect: rarely, Close: now, Cancel: now };
  }
});
