import assert from 'node:assert/strict';
import type { Tool } from '../../src/tool/tool.js';
import { endSessions, Heard, installDesktop, objects, run, toolAs, unitEnded } from './fixture.js';

describe('a session ends', () => {
  let admin: Tool;

  before(async () => {
    installDesktop('fake');
    admin = await toolAs('root');
  });

  after(() => endSessions(admin));

  const log = (identifier: string) =>
    run('sh', '-c', `journalctl --sync; journalctl --boot --output=cat --identifier=${identifier}`);
  const closings = () => log('remote-access-worker').split('session closed for user alice').length - 1;

  for (const [what, property, reason] of [
    ['worker', 'MainPID', 'its worker was killed'],
    ['desktop', 'Leader', 'its desktop was killed by signal 9'],
  ] as const)
    it(`when its ${what} is killed, and no other`, async () => {
      const { root, session } = objects(admin.bus);
      const other = await root.methods.createSession('bob', { desktop: 'fake' });
      const path = await root.methods.createSession('alice', { desktop: 'fake' });
      const id = path.split('/').at(-1) ?? '';
      const unit = `remote-access-session-${id}.service`;
      const logind = await session(path).property('LogindSession');
      const closed = await Heard.listen((await admin.connect(path)).connection, 'Closed');
      const otherClosed = await Heard.listen((await admin.connect(other)).connection, 'Closed');
      const removed = await Heard.listen(root, 'SessionRemoved');
      const before = closings();
      if (property === 'MainPID') run('systemctl', 'kill', '--kill-whom=main', '--signal=KILL', unit);
      else
        run(
          'pkill',
          '--signal=KILL',
          '--parent',
          run('loginctl', 'show-session', logind, '--value', '--property=Leader'),
        );
      assert.deepEqual(await closed.next(), ['session-ended']);
      assert.deepEqual(await removed.next(), [id, path]);
      unitEnded(id);
      assert.ok(log('remote-accessd').includes(`session-ended user="alice" session="${id}" reason="${reason}"`));
      assert.equal(closings(), before + 1);
      // Asked for anew, it is another one.
      const next = await root.methods.createSession('alice', { desktop: 'fake' });
      assert.notEqual(next, path);
      await (await admin.connect(next)).connection.methods.close();
      assert.equal(await session(other).property('State'), 'connected');
      assert.deepEqual(otherClosed.all, []);
      await endSessions(admin);
    });
});
