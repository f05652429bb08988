import assert from 'node:assert/strict';
import { rmSync } from 'node:fs';
import type { Tool } from '../../src/tool/tool.js';
import { Census } from './census.js';
import { mainPid, Owners, setUp, UNIT } from './daemon.js';
import { endSessions, installDesktop, run, toolAs } from './fixture.js';
import { giveKey, MACHINE, startRealm } from './kerberos-realm.js';
import { notes } from './login-conversation.js';
import { installGates, type Method, type Step, type Told, Walk } from './login-walk.js';
import type { Process } from './victims.js';

/**
 * Everything that a login consists of is killed with -9 at every step of it: what its owner is told, and whether the
 * user's next login leads into the same session or into a new one. Afterwards nothing is left over.
 */

type Victim = 'daemon' | 'tool' | Process;
/** With the method pam, if there is no other. */
type Point = Step | `${Step} by ${Method}`;
type Cell = `${Told}, ${'same' | 'new'}`;
type Row = Partial<Record<Point, Cell>>;
type Matrix = Partial<Record<Victim, Row>>;

const MATRIX: Matrix = {
  daemon: {
    opened: 'lost, new',
    begun: 'lost, new',
    asked: 'lost, new',
    answered: 'lost, new',
    'answered by password': 'lost, new',
    opening: 'lost, same',
    'opening by token': 'lost, same',
    starting: 'lost, same',
    registered: 'lost, same',
    completed: 'Connect: works, same',
    'opened again': 'lost, same',
    'begun again': 'lost, same',
    'asked again': 'lost, same',
    'answered again': 'lost, same',
    'checking by token': 'lost, same',
    rejoined: 'Connect: works, same',
    connecting: 'Connect: NoReply, same',
    connected: 'works, same',
    leaving: 'locked, same',
  },
  tool: {
    opened: 'nothing, new',
    begun: 'nothing, new',
    asked: 'nothing, new',
    answered: 'nothing, new',
    'answered by password': 'nothing, new',
    opening: 'nothing, same',
    'opening by token': 'nothing, same',
    starting: 'nothing, same',
    registered: 'nothing, same',
    completed: 'nothing, same',
    'opened again': 'nothing, same',
    'begun again': 'nothing, same',
    'asked again': 'nothing, same',
    'answered again': 'nothing, same',
    'checking by token': 'nothing, same',
    rejoined: 'nothing, same',
    connecting: 'nothing, same',
    connected: 'locked, same',
    leaving: 'locked, same',
  },
  "login's worker": {
    begun: 'AuthenticationFailed, new',
    asked: 'AuthenticationFailed, new',
    answered: 'AuthenticationFailed, new',
    'answered by password': 'AuthenticationFailed, new',
    opening: 'SessionFailed, new',
    'opening by token': 'SessionFailed, new',
    'begun again': 'AuthenticationFailed, same',
    'asked again': 'AuthenticationFailed, same',
    'answered again': 'AuthenticationFailed, same',
    'checking by token': 'SessionFailed, same',
  },
  "session's worker": {
    starting: 'SessionFailed, new',
    registered: 'SessionFailed, new',
    completed: 'Connect: UnknownObject, new',
    'asked again': 'completed, new',
    'answered again': 'completed, new',
    rejoined: 'Connect: UnknownObject, new',
    connecting: 'Connect: SessionFailed, new',
    connected: 'closed, new',
    leaving: 'nothing, new',
  },
  "session's whole unit": {
    registered: 'SessionFailed, new',
    connected: 'closed, new',
  },
  desktop: {
    starting: 'SessionFailed, new',
    registered: 'SessionFailed, new',
    completed: 'Connect: UnknownObject, new',
    'asked again': 'completed, new',
    'answered again': 'completed, new',
    rejoined: 'Connect: UnknownObject, new',
    connecting: 'Connect: SessionFailed, new',
    connected: 'closed, new',
    leaving: 'nothing, new',
  },
  agent: {
    starting: 'completed, same',
    registered: 'completed, same',
    completed: 'Connect: works, same',
    'asked again': 'completed, same',
    'answered again': 'completed, same',
    rejoined: 'Connect: works, same',
    connecting: 'Connect: works, same',
    connected: 'closed, same',
    leaving: 'locked, same',
  },
  "user's systemd": {
    opening: 'SessionFailed, new',
    starting: 'SessionFailed, new',
    registered: 'SessionFailed, new',
    completed: 'Connect: UnknownObject, new',
    'asked again': 'completed, new',
    'answered again': 'completed, new',
    rejoined: 'Connect: UnknownObject, new',
    connecting: 'Connect: SessionFailed, new',
    connected: 'closed, new',
    leaving: 'nothing, new',
  },
  "user's bus": {
    starting: 'completed, same',
    registered: 'completed, same',
    completed: 'Connect: works, same',
    'asked again': 'completed, same',
    'answered again': 'completed, same',
    rejoined: 'Connect: works, same',
    connecting: 'Connect: works, same',
    connected: 'closed, same',
    leaving: 'locked, same',
  },
};

/** Where Kerberos differs: who it is turns out in the worker, which nobody asks for a password. */
const WITH_KERBEROS: Matrix = {
  daemon: {
    'begun by kerberos': 'lost, new',
    'opening by kerberos': 'lost, same',
    'checking by kerberos': 'lost, same',
  },
  tool: {
    'begun by kerberos': 'nothing, new',
    'opening by kerberos': 'nothing, same',
    'checking by kerberos': 'nothing, same',
  },
  "login's worker": {
    'begun by kerberos': 'AuthenticationFailed, new',
    'opening by kerberos': 'SessionFailed, new',
    'checking by kerberos': 'AuthenticationFailed, same',
  },
};

/** How many walk at the same time: a machine has only so many processors. */
const AT_ONCE = 6;

/** How long anything may take that is to come, in milliseconds. */
const DEADLINE = 20_000;

describe('a login', function () {
  this.timeout(120_000);
  const users = Array.from({ length: 20 }, (_, index) => `walker${index}`);
  let admin: Tool;
  let owners: Owners;
  let usual: Census;

  before(async () => {
    for (const user of users) run('useradd', '--create-home', '--shell=/bin/bash', user);
    installDesktop('fake');
    installGates();
    run('systemctl', 'stop', UNIT);
    setUp('[Login]\nMaxFailuresPerMinute=1000\nMaxOpen=1000\nMaxPerMinute=10000\n[Daemon]\nIdleExit=infinity\n');
    // Users' systemd are there before and afterwards.
    run('loginctl', 'enable-linger', ...users);
    admin = await toolAs('root');
    owners = await Owners.watch(admin.bus);
    await take();
  });

  after(async () => {
    await endSessions(admin);
    await owners?.[Symbol.asyncDispose]();
  });

  /** What there is beside a login. What is made once and kept is there after the first one. */
  async function take(): Promise<void> {
    const walk = await Walk.to('connected', admin, users[0] ?? '');
    await walk[Symbol.asyncDispose]();
    await endSessions(admin);
    usual = Census.take();
  }

  async function killDaemon(): Promise<void> {
    const { exits } = owners;
    process.kill(mainPid(), 'SIGKILL');
    await owners.until(({ exits: now, now: owner }) => now > exits && owner !== '');
  }

  /** All those cells at once: each is another user's. */
  async function fill(victim: Victim, cells: readonly (readonly [Point, Cell])[]): Promise<Map<Point, string>> {
    const ends = new Map<Point, string>();
    const walks: (readonly [Walk, Point, Cell])[] = [];
    const walk = async ([point, cell]: readonly [Point, Cell], index: number) => {
      const [step, method] = point.split(' by ') as [Step, Method | undefined];
      walks.push([await Walk.to(step, admin, users[index] ?? '', method), point, cell]);
    };
    try {
      await atOnce(cells, async (cell, index) => cell[0] === 'leaving' || walk(cell, index));
      // logind is stopped in it.
      for (const [index, cell] of cells.entries()) if (cell[0] === 'leaving') await walk(cell, index);
      if (victim === 'daemon') await killDaemon();
      else for (const [each] of walks) await each.kill(victim);
      for (const [each, point] of walks) if (point === 'leaving') each.continue();
      // One that is kept by a PAM module may keep others waiting.
      await atOnce(walks, async ([each, point, cell]) => ends.set(point, await heard(each, cell)));
      await atOnce(walks, async ([each, point]) => ends.set(point, `${ends.get(point)}, ${await nextOf(each)}`));
    } finally {
      for (const [each] of walks) await each[Symbol.asyncDispose]();
    }
    await endSessions(admin);
    return ends;
  }

  function nothingIsLeft(): void {
    assert.deepEqual(usual.leftOver(), []);
    const lines = notes('sessions');
    for (const user of users)
      assert.equal(count(lines, `-${user}`), count(lines, `+${user}`), `PAM sessions of ${user}`);
  }

  for (const [victim, row] of Object.entries(MATRIX) as [Victim, Row][])
    describe(`of which the ${victim} is killed`, () => {
      const cells = Object.entries(row) as [Point, Cell][];
      let ends: Map<Point, string>;

      before(async () => {
        ends = await fill(victim, cells);
      });

      for (const [point, cell] of cells) it(`${point}: ${cell}`, () => assert.equal(ends.get(point), cell));

      it('and nothing is left', nothingIsLeft);
    });

  describe('with Kerberos', () => {
    before(async () => {
      startRealm();
      giveKey(`host/${MACHINE}`);
      run('systemctl', 'restart', UNIT);
      await take();
    });

    for (const [victim, row] of Object.entries(WITH_KERBEROS) as [Victim, Row][])
      for (const [point, cell] of Object.entries(row) as [Point, Cell][])
        it(`of which the ${victim} is killed, ${point}: ${cell}`, async () => {
          // What is noted of somebody who was there before is not of this one.
          rmSync('/run/probe/held', { force: true });
          assert.equal((await fill(victim, [[point, cell]])).get(point), cell);
        });

    it('and nothing is left', nothingIsLeft);
  });
});

/** Does it for all of them, some at the same time. */
async function atOnce<Item>(
  items: readonly Item[],
  act: (item: Item, index: number) => Promise<unknown>,
): Promise<void> {
  const left = [...items.entries()];
  await Promise.all(
    Array.from({ length: AT_ONCE }, async () => {
      for (let next = left.shift(); next !== undefined; next = left.shift()) await act(next[1], next[0]);
    }),
  );
}

/** What somebody hears who is to hear what the cell says; what went wrong, if they do not. */
async function heard(walk: Walk, cell: Cell): Promise<string> {
  const told = cell.split(', ')[0] as Told;
  return await within(walk.hears(told))
    .then(() => told, String)
    .finally(() => walk.release());
}

async function nextOf(walk: Walk): Promise<string> {
  return await within(walk.next()).then((path) => (path === walk.session ? 'same' : 'new'), String);
}

async function within<Result>(result: Promise<Result>): Promise<Result> {
  let late: NodeJS.Timeout | undefined;
  const passed = new Promise<never>((_, reject) => {
    late = setTimeout(() => reject(new Error('nothing came of it')), DEADLINE);
  });
  return await Promise.race([result, passed]).finally(() => clearTimeout(late));
}

function count(lines: readonly string[], line: string): number {
  return lines.filter((one) => one === line).length;
}
