import assert from 'node:assert/strict';
import type { Tool } from '../../src/tool/tool.js';
import { endSessions, installDesktop, objects, provision, toolAs } from './fixture.js';
import { children, daemonPid, type Vitals, vitalsOf } from './vitals.js';

const WRONG = `ra1-abcdefghij-${'0'.repeat(64)}`;
const ATTEMPTS = 10_000;
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
   * each answer came to OpenLogin and to Begin.
   */
  async function flood(
    tool: Tool,
    { others, cancel, from }: { others: Promise<unknown>; cancel: boolean; from?: (count: number) => string },
  ): Promise<[opened: Answers, begun: Answers]> {
    const { root, login } = objects(tool.bus);
    const [opened, begun]: [Answers, Answers] = [{}, {}];
    let done = false;
    void others.finally(() => {
      done = true;
    });
    let count = 0;
    const attacker = async () => {
      let last = '/';
      while (count < ATTEMPTS || !done) {
        const options = from === undefined ? {} : { 'client-address': from(count) };
        count++;
        const path = await answer(opened, root.methods.openLogin(options));
        last = path ?? last;
        await answer(begun, login(last).methods.begin('token', { token: WRONG }));
        if (cancel && path !== undefined) await login(path).methods.cancel();
      }
    };
    await Promise.all(Array.from({ length: WINDOW }, attacker));
    return [opened, begun];
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
  async function others(user = 'bob'): Promise<void> {
    await using tool = await toolAs(user);
    for (let count = 0; count < 10; count++) {
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

  it('by one uid is limited, and others get in meanwhile', async () => {
    await using nobody = await toolAs('nobody');
    const before = vitalsOf(daemonPid());
    const [opened, begun] = await flood(nobody, { others: others(), cancel: false });
    assert.ok((opened.done ?? 0) <= MOST_OPEN, JSON.stringify(opened));
    assert.ok((opened.Busy ?? 0) >= ATTEMPTS - MOST_OPEN, JSON.stringify(opened));
    assert.equal(begun.AuthenticationFailed, MOST_FAILURES);
    assert.deepEqual(Object.keys(opened).sort(), ['Busy', 'done']);
    await bounded(before);
  });

  it('by one uid that cancels each login is limited, too', async () => {
    await using nobody = await toolAs('bob');
    const before = vitalsOf(daemonPid());
    const [opened, begun] = await flood(nobody, { others: others('alice'), cancel: true });
    assert.ok((opened.done ?? 0) <= MOST_OPENED, JSON.stringify(opened));
    assert.ok((opened.TooManyAttempts ?? 0) >= ATTEMPTS - MOST_OPENED - WINDOW, JSON.stringify(opened));
    assert.equal(begun.AuthenticationFailed, MOST_FAILURES);
    await bounded(before);
  });

  for (const cancel of [false, true])
    it(`from one client address is limited behind root, which ${cancel ? 'cancels' : 'keeps'} the logins`, async () => {
      const from = cancel ? () => '203.0.113.1' : (count: number) => `2001:db8:7::${count.toString(16)}`;
      const before = vitalsOf(daemonPid());
      await using gateway = await toolAs('root');
      const [opened, begun] = await flood(gateway, { others: others(), cancel, from });
      assert.ok((opened.done ?? 0) <= (cancel ? MOST_OPENED : MOST_OPEN), JSON.stringify(opened));
      assert.equal(begun.AuthenticationFailed, MOST_FAILURES);
      await bounded(before);
    });

  it('from as many client addresses is remembered in a table that does not grow', async () => {
    await using gateway = await toolAs('root');
    const from = (count: number) => `10.1.${count >> 8}.${count & 255}`;
    const before = vitalsOf(daemonPid());
    const [opened, begun] = await flood(gateway, { others: others(), cancel: true, from });
    assert.deepEqual(Object.keys(opened), ['done']);
    assert.deepEqual(Object.keys(begun), ['AuthenticationFailed']);
    await bounded(before);
  });
});
