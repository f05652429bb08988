import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { runAsUser } from './in-session.js';
import { photograph } from './pictures.js';
import { provision, RemoteTool } from './remote-tool.js';

const running = (unit: string) =>
  Number(runAsUser('alice', 'systemctl', '--user', 'show', '--value', '--property=MainPID', unit));
const pidOf = (name: string) => Number(execFileSync('pgrep', ['--exact', '--uid=alice', name], { encoding: 'utf8' }));

describe('failures in a mutter session', function () {
  this.timeout(60_000);
  let tool: RemoteTool;

  before(() => {
    tool = RemoteTool.start();
  });

  after(() => tool?.[Symbol.asyncDispose]());

  const state = async (session: string) => tool.ask({ do: 'property', path: session, part: 'session', name: 'State' });

  /** Until the session can be connected to again. */
  async function ready(session: string) {
    while ((await state(session)) !== 'disconnected');
  }

  it('end the session when the compositor dies, and the next login starts a new one', async () => {
    const session = await tool.logIn(provision(), { desktop: 'mutter' });
    const connection = await tool.connect(session);
    process.kill(pidOf('mutter'), 'SIGKILL');
    assert.deepEqual(await connection.signal('Closed'), ['session-ended']);
    assert.deepEqual((await tool.signal('SessionRemoved'))[1], session);
    const next = await tool.logIn(provision(), { desktop: 'mutter' });
    assert.notEqual(next, session);
    assert.deepEqual((await photograph(await tool.connect(next), 'default')).size, [1280, 720]);
  });

  for (const [what, unit] of [
    ['the agent dies', ''],
    ['PipeWire dies', 'pipewire.service'],
  ] as const) {
    it(`close connections and keep the session with its layout when ${what}`, async () => {
      const session = await tool.logIn(provision());
      const connection = await tool.connect(session);
      await connection.layOut([{ id: 'wide', size: [1600, 600], position: [0, 0], scale: 1 }]);
      const agent = `remote-access-agent@${session.slice(session.lastIndexOf('/') + 1)}.service`;
      process.kill(running(unit || agent), 'SIGKILL');
      assert.deepEqual(await connection.signal('Closed'), ['session-ended']);
      await ready(session);
      const again = await tool.connect(session);
      const [, [monitor, ...more]] = await again.monitors.getLayout();
      assert.deepEqual([monitor?.id, monitor?.size, more], ['wide', [1600, 600], []]);
      assert.deepEqual((await photograph(again, 'wide')).size, [1600, 600]);
      await again.connection.close();
    });
  }
});
