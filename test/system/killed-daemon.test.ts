import assert from 'node:assert/strict';
import { closeSync, readdirSync, readlinkSync, utimesSync, watch } from 'node:fs';
import { setTimeout as delay } from 'node:timers/promises';
import type { Monitor } from '../../src/bus/generated/dictionaries.js';
import { socketPair } from '../../src/bus/native/descriptors.js';
import type { Tool } from '../../src/tool/tool.js';
import { SeededRandom } from '../unit/seeded-random.js';
import { mainPid, Owners, property, setUp, UNIT } from './daemon.js';
import { endSessions, installDesktop, objects, provision, run, toolAs, uidOf, unitEnded } from './fixture.js';

const WORKERS = '/run/remote-access/sessions';
const TOKENS = '/var/lib/remote-access/tokens';

/** What a tool does, from its login to the session's end. The daemon is killed after each of them, */
const STAGES = ['begun', 'worker', 'PAM', 'logged in', 'connected', 'laid out', 'offered', 'terminated'] as const;
type Stage = (typeof STAGES)[number];

/** at once, and once within each of these times in milliseconds: a session starts in some hundreds. */
const WITHIN = [1, 12, 150];

const LAYOUT: Monitor[] = [{ id: 'kept', size: [640, 480], position: [0, 0], scale: 1, primary: true }];

describe('a daemon that is killed at any moment', function () {
  this.timeout(240_000);
  const random = new SeededRandom(20);
  let admin: Tool;
  let owners: Owners;

  before(async () => {
    installDesktop('fake');
    run('systemctl', 'stop', UNIT);
    // Not while the tests look at what is left of it.
    setUp('[Daemon]\nIdleExit=infinity\n');
    admin = await toolAs('root');
    owners = await Owners.watch(admin.bus);
    await objects(admin.bus).root.methods.listDesktops();
  });

  after(async () => {
    await endSessions(admin);
    await owners[Symbol.asyncDispose]();
  });

  /** Kills it and waits until systemd has started the next one; a call would do so as well. */
  async function kill(): Promise<void> {
    const { exits } = owners;
    process.kill(mainPid(), 'SIGKILL');
    await owners.until(({ exits: now, now: owner }) => now > exits && owner !== '');
  }

  /** All that a tool does, as far as it gets. */
  async function whole(tool: Tool, token: string, reached: (stage: Stage) => void): Promise<void> {
    const files = watch(WORKERS);
    files.on('change', (_, name) => reached(String(name).endsWith('.session') ? 'PAM' : 'worker'));
    try {
      reached('begun');
      const path = await Promise.race([tool.logIn('token', { token }), died()]);
      reached('logged in');
      const connection = await tool.connect(path);
      reached('connected');
      const [serial] = await connection.monitors.methods.getLayout();
      reached('laid out');
      await connection.monitors.methods.setLayout(serial, LAYOUT);
      const [ours, theirs] = socketPair();
      const offering = objects(tool.bus).handover(path).methods.offer(theirs, new Map());
      reached('offered');
      await offering.finally(() => {
        closeSync(ours);
        closeSync(theirs);
      });
      const terminating = objects(admin.bus).session(path).methods.terminate();
      reached('terminated');
      await terminating;
    } finally {
      files.close();
    }
  }

  async function died(): Promise<never> {
    const { exits } = owners;
    await owners.until((now) => now.exits > exits);
    throw new Error('the daemon died');
  }

  /** The user gets a session that works, the one that there is or a new one; and there is one. */
  async function usable(): Promise<string> {
    const path = await objects(admin.bus).root.methods.createSession('alice', { desktop: 'fake' });
    const { monitors, connection } = await admin.connect(path);
    const [serial, [monitor]] = await monitors.methods.getLayout();
    assert.ok(monitor !== undefined);
    await monitors.methods.setLayout(serial, LAYOUT);
    await connection.methods.close();
    const sessions = await objects(admin.bus).root.methods.listSessions();
    assert.deepEqual(
      sessions.map(([, , uid, , one]) => [uid, one]),
      [[uidOf('alice'), path]],
    );
    return path;
  }

  /** Workers that were only just starting end when nobody speaks to them, after 15 seconds. */
  async function nothingLeft(): Promise<void> {
    await endSessions(admin);
    const change = watch(WORKERS);
    try {
      for (;;) {
        const changed = new Promise((resolve) => change.once('change', resolve));
        if (readdirSync(WORKERS).length === 0) break;
        await changed;
      }
    } finally {
      change.close();
    }
    const units = run('systemctl', 'list-units', '--all', '--no-legend', '--plain', 'remote-access-session-*');
    for (const line of units.split('\n').filter(Boolean)) unitEnded(/session-(.*)\.service/.exec(line)?.[1] ?? '');
    run('systemctl', 'stop', 'session-*.scope');
    assert.doesNotMatch(run('loginctl', 'list-sessions', '--no-legend'), /alice.*user/);
    run('systemctl', 'stop', `user@${uidOf('alice')}.service`);
    assert.equal(run('sh', '-c', 'pgrep --uid=alice --list-full || true'), '');
    assert.equal(run('sh', '-c', 'pgrep --list-full remote-access-w || true'), '');
  }

  const descriptors = () =>
    readdirSync(`/proc/${mainPid()}/fd`)
      .map((fd) => readlink(`/proc/${mainPid()}/fd/${fd}`).replace(/\d+/g, 'N'))
      .sort();

  it('goes on with every session, or ends it: no matter when', async () => {
    const { token } = await provision(admin, 'alice');
    await usable();
    await nothingLeft();
    await kill();
    await usable();
    await endSessions(admin);
    const before = descriptors();
    let points = 0;
    for (const stage of STAGES)
      for (const within of WITHIN) {
        await using tool = await toolAs('bob');
        let doing: Promise<unknown> | undefined;
        await new Promise<void>((resolve) => {
          doing = whole(tool, token, (reached) => reached === stage && resolve()).catch(() => {});
        });
        await delay(random.below(within));
        await kill();
        // Now and then the next one, too, while it finds out what there is.
        if (++points % 3 === 0) {
          await delay(random.below(100));
          await kill();
        }
        await doing;
        await usable();
        await endSessions(admin);
      }
    console.log(`      ${points} points, ${owners.exits} daemons killed`);
    await nothingLeft();
    assert.deepEqual(descriptors(), before);
  });

  it('loses no token that it told of', async () => {
    const told = new Set<string>();
    for (let round = 0; round < 5; round++) {
      const provisioning = (async () => {
        for (;;) told.add((await provision(admin, 'alice', { label: `round ${round}` })).id);
      })().catch(() => {});
      await delay(random.below(40));
      await kill();
      await provisioning;
    }
    const { tokens } = objects(admin.bus);
    const listed = new Set((await tokens.methods.list({})).map(({ id }) => id));
    assert.deepEqual(
      [...told].filter((id) => !listed.has(id)),
      [],
    );
    console.log(`      ${told.size} tokens told, ${listed.size} there`);
    for (const id of listed) await tokens.methods.revoke(id);
    // What one was writing when it was killed goes when nobody can be writing it any more.
    for (const name of readdirSync(TOKENS)) utimesSync(`${TOKENS}/${name}`, 0, 0);
    await kill();
    await tokens.methods.list({});
    assert.deepEqual(readdirSync(TOKENS), []);
  });

  it('is started however often it dies', async () => {
    for (let times = 0; times < 12; times++) await kill();
    assert.equal(property('ActiveState'), 'active');
  });

  it('leaves the right to a session with who logged in', async () => {
    const tool = await toolAs('bob');
    const { token } = await provision(admin, 'alice', { uses: 1, grants: ['monitors'] });
    const path = await tool.logIn('token', { token });
    await kill();
    const { monitors, connection } = await tool.connect(path);
    await kill();
    const [serial] = await monitors.methods.getLayout();
    assert.deepEqual(await connection.property('Grants'), ['monitors']);
    await kill();
    await monitors.methods.setLayout(serial, LAYOUT);
    await kill();
    await connection.methods.close();
    await tool.connect(path);
  });
});

function readlink(path: string): string {
  try {
    return readlinkSync(path);
  } catch {
    return '';
  }
}
