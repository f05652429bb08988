import assert from 'node:assert/strict';
import type { Tool } from '../../src/tool/tool.js';
import { endSessions, installDesktop, objects, provision, toolAs } from './fixture.js';
import { children, daemonPid, type Vitals, vitalsOf } from './vitals.js';

const WRONG = `ra1-abcdefghij-${'0'.repeat(64)}`;
const ATTEMPTS = 10_000;
/** Enough for what is limited in the same way. */
const FEW_ATTEMPTS = 2000;
/** More than the 4096 client addresses that are remembered. */
const MANY_ADDRESSES = 6000;
/** Attempts on their way at once. */
const WINDOW = 50;
/** As the README says: wrong tokens within a minute, logins open at once, opened within a minute. */
const [MOST_FAILURES, MOST_OPEN, MOST_OPENED] = [10, 32, 240];
/** What the daemon may grow by, in kB: garbage is not collected at every moment. 10 000 logins would take more. */
const GROWTH = 40_000;

/** How often each answer came. */
type Answers = Record<string, number>;

describe('a flood of wrong tokens', function () {
  this.timeout(120_000);
  let admin: Tool;
  let token = '';

  before(async () => {
    installDesktop('fake');
    admin = await toolAs('root');
    ({ token } = await provision(admin, 'alice'));
    await admin.logIn('token', { token });
  });

  after(() => endSessions(admin));

  /**
   * Opens logins, tries a wrong token on each, and maybe cancels them, so often and until others are done. How often
   * each answer came to OpenLogin and to Begin, and how many minutes were begun: the limits are for each.
   */
  async function flood(
    tool: Tool,
    attempts: number,
    { others, cancel, from }: { others: Promise<unknown>; cancel: boolean; from?: (count: number) => string },
  ): Promise<[opened: Answers, begun: Answers, minutes: number]> {
    const { root, login } = objects(tool.bus);
    const [opened, begun]: [Answers, Answers] = [{}, {}];
    let done = false;
    void others.finally(() => {
      done = true;
    });
    let count = 0;
    const started = performance.now();
    const attacker = async () => {
      let last = '/';
      while (count < attempts || !done) {
        const options = from === undefined ? {} : { 'client-address': from(count) };
        count++;
        const path = await answer(opened, root.methods.openLogin(options));
        last = path ?? last;
        await answer(begun, login(last).methods.begin('token', { token: WRONG }));
        if (cancel && path !== undefined) await login(path).methods.cancel();
      }
    };
    await Promise.all(Array.from({ length: WINDOW }, attacker));
    return [opened, begun, 1 + Math.floor((performance.now() - started) / 60_000)];
  }

  async function answer<Value>(answers: Answers, call: Promise<Value>): Promise<Value | undefined> {
    let name = 'done';
    try {
      return await call;
    } catch (error) {
      const { dbusName = String(error), text = '' } = error as { dbusName?: string; text?: string };
      name = dbusName.slice(dbusName.lastIndexOf('.') + 1);
      if (name === 'TooManyAttempts') assert.match(text, /: try again in ([1-9]|[1-5]\d|60) s$/);
    } finally {
      answers[name] = (answers[name] ?? 0) + 1;
    }
  }

  /** Logins of others, while the flood goes on: another uid, and root for another client. */
  async function others(): Promise<void> {
    await using tool = await toolAs('bob');
    for (let count = 0; count < 3; count++) {
      await tool.logIn('token', { token });
      await admin.logIn('token', { token }, { 'client-address': '198.51.100.1' });
      await admin.logIn('token', { token });
    }
  }

  /** The daemon is the one it was, has not grown, and holds the admin's logins. */
  async function bounded(before: Vitals): Promise<void> {
    const now = vitalsOf(daemonPid());
    assert.equal(now.pid, before.pid);
    assert.ok(now.kilobytes - before.kilobytes < GROWTH, `from ${before.kilobytes} to ${now.kilobytes} kB`);
    const logins = (await children(admin.bus, 'login')).length;
    assert.ok(logins < 200, `${logins} logins`);
  }

  /** Once all of what is allowed, and no more than that in each minute. */
  function limited(count = 0, most: number, minutes: number): void {
    assert.ok(count >= most && count <= most * minutes, `${count} in ${minutes} minutes`);
  }

  it('by one uid is limited, and others get in meanwhile', async () => {
    await using nobody = await toolAs('nobody');
    const before = vitalsOf(daemonPid());
    const [opened, begun, minutes] = await flood(nobody, ATTEMPTS, { others: others(), cancel: false });
    limited(opened.done, MOST_OPEN, 1);
    limited(begun.AuthenticationFailed, MOST_FAILURES, minutes);
    assert.deepEqual(Object.keys(opened).sort(), ['Busy', 'done']);
    await bounded(before);
  });

  it('by one uid that cancels each login is limited, too', async () => {
    // Somebody who has opened none lately.
    await using fresh = await toolAs('daemon');
    const before = vitalsOf(daemonPid());
    const [opened, begun, minutes] = await flood(fresh, FEW_ATTEMPTS, { others: others(), cancel: true });
    limited(opened.done, MOST_OPENED, minutes);
    assert.deepEqual(
      Object.keys(opened).sort(),
      ['Busy', 'TooManyAttempts', 'done'].filter((name) => name in opened),
    );
    limited(begun.AuthenticationFailed, MOST_FAILURES, minutes);
    await bounded(before);
  });

  for (const cancel of [false, true])
    it(`from one client address is limited behind root, which ${cancel ? 'cancels' : 'keeps'} the logins`, async () => {
      const from = cancel ? () => '203.0.113.1' : (count: number) => `2001:db8:7::${count.toString(16)}`;
      const before = vitalsOf(daemonPid());
      await using gateway = await toolAs('root');
      const [opened, begun, minutes] = await flood(gateway, FEW_ATTEMPTS, { others: others(), cancel, from });
      limited(opened.done, cancel ? MOST_OPENED : MOST_OPEN, cancel ? minutes : 1);
      limited(begun.AuthenticationFailed, MOST_FAILURES, minutes);
      await bounded(before);
    });

  it('from as many client addresses is remembered in a table that does not grow', async () => {
    await using gateway = await toolAs('root');
    const from = (count: number) => `10.1.${count >> 8}.${count & 255}`;
    const before = vitalsOf(daemonPid());
    const [opened, begun] = await flood(gateway, MANY_ADDRESSES, { others: others(), cancel: true, from });
    assert.deepEqual(Object.keys(opened), ['done']);
    assert.deepEqual(Object.keys(begun), ['AuthenticationFailed']);
    await bounded(before);
  });

  it('is no worse with names that somebody makes up: others are looked up meanwhile', async () => {
    await using nobody = await toolAs('nobody');
    const { root } = objects(nobody.bus);
    const answers: Answers = {};
    let [count, done] = [0, false];
    const attacker = async () => {
      while (count < 2000 || !done) await answer(answers, root.methods.createSession(`user${count++}`, {}));
    };
    const flood = Promise.all(Array.from({ length: WINDOW }, attacker));
    try {
      await others();
    } finally {
      done = true;
      await flood;
    }
    assert.deepEqual(Object.keys(answers).sort(), ['Busy', 'NotAuthorized']);
  });
});
