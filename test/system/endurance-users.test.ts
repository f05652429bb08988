import assert from 'node:assert/strict';
import { mkdirSync, writeFileSync } from 'node:fs';
import type { Tool } from '../../src/tool/tool.js';
import { Census } from './census.js';
import { endSessions, objects, run, toolAs } from './fixture.js';
import { PassingTool } from './passing-tool.js';
import { provision } from './remote-tool.js';

/** By hand there may be more. */
const USERS = Number(process.env.ENDURANCE_USERS ?? 20);

describe(`${USERS} users at once`, function () {
  this.timeout(60_000 + USERS * 10_000);
  const users = Array.from({ length: USERS }, (_, index) => `user${index}`);
  let admin: Tool;

  before(async () => {
    for (const user of users) run('useradd', '--create-home', user);
    // What belongs to a user ends with their last session, and not ten seconds later.
    mkdirSync('/run/systemd/logind.conf.d', { recursive: true });
    writeFileSync('/run/systemd/logind.conf.d/now.conf', '[Login]\nUserStopDelaySec=0\n');
    run('systemctl', 'restart', 'systemd-logind.service');
    admin = await toolAs('root');
  });

  after(() => endSessions(admin));

  it('have a session each, see only their own, and leave nothing', async () => {
    const { root, session } = objects(admin.bus);
    // What the daemon makes once and keeps is there after the first time.
    await root.methods.createSession('alice', { desktop: 'mutter' });
    await endSessions(admin);
    const before = Census.take();
    // Half of the sessions are asked for twice, by an administrator and by whoever logs in.
    const created = users.filter((_, index) => index % 2 === 0);
    const [paths, tools] = await Promise.all([
      Promise.all(created.map((user) => root.methods.createSession(user, { desktop: 'mutter' }))),
      Promise.all(users.map((user) => PassingTool.start(provision(user)))),
    ]);
    assert.equal(new Set(tools.map((tool) => tool.session)).size, USERS);
    assert.deepEqual(
      paths,
      tools.filter((_, index) => index % 2 === 0).map((tool) => tool.session),
    );
    assert.equal((await root.methods.listSessions()).length, USERS);
    for (const [index, user] of users.entries()) {
      await using own = await toolAs(user);
      const seen = await objects(own.bus).root.methods.listSessions();
      assert.deepEqual(
        seen.map(([, , , name, path]) => [name, path]),
        [[user, tools[index]?.session]],
      );
    }
    await Promise.all([
      // None calls any more: its connection ends with the session.
      ...tools.map((tool, index) => tool.leave(index % 2 === 0 ? 'drop' : 'kill')),
      ...tools.map((tool) => session(tool.session).methods.terminate()),
    ]);
    assert.deepEqual(before.leftOver(), []);
    assert.deepEqual(await root.methods.listSessions(), []);
  });
});
