import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { closeSync, writeFileSync } from 'node:fs';
import { isDeepStrictEqual } from 'node:util';
import type { Monitor } from '../../src/bus/generated/dictionaries.js';
import { EiSender } from './ei-sender.js';
import { runAsUser, Window } from './in-session.js';
import { grab, photograph } from './pictures.js';
import { provision, type RemoteConnection, RemoteTool } from './remote-tool.js';
import { pidOf as victim } from './victims.js';

/** Kills a service of the user's, which is started again however often it was before. */
function kill(unit: string): void {
  runAsUser('alice', 'systemctl', '--user', 'reset-failed', unit);
  runAsUser('alice', 'systemctl', '--user', 'kill', '--signal=KILL', unit);
}

const agentOf = (session: string) => `remote-access-agent@${session.slice(session.lastIndexOf('/') + 1)}.service`;
const pidOf = (name: string) => Number(execFileSync('pgrep', ['--exact', '--uid=alice', name], { encoding: 'utf8' }));

/** The background of clients/window.py. */
const RED = [0xc0, 0x30, 0x20];

describe('failures in a mutter session', function () {
  this.timeout(60_000);
  let tool: RemoteTool;

  before(() => {
    tool = RemoteTool.start();
  });

  after(() => tool?.[Symbol.asyncDispose]());

  for (const [what, pid] of [
    ['compositor', () => pidOf('mutter')],
    ["user's systemd", (session: string) => victim("user's systemd", 'alice', session)],
    ["user's bus", (session: string) => victim("user's bus", 'alice', session)],
  ] as const)
    it(`end the session when the ${what} dies, and the next login starts a new one`, async () => {
      const session = await tool.logIn(provision(), { desktop: 'mutter' });
      const connection = await tool.connect(session);
      process.kill(pid(session), 'SIGKILL');
      assert.deepEqual(await connection.signal('Closed'), ['session-ended']);
      assert.deepEqual((await tool.signal('SessionRemoved'))[1], session);
      // systemd 257 whose bus dies may wait for an answer of it for 90 s (manager_recheck_dbus, sd_bus_flush), if it runs
      // services of Type=dbus. That is not about us.
      if (what === "user's bus") process.kill(victim("user's systemd", 'alice', session), 'SIGKILL');
      const next = await tool.logIn(provision(), { desktop: 'mutter' });
      assert.notEqual(next, session);
      assert.deepEqual((await photograph(await tool.connect(next), 'default')).size, [1280, 720]);
      await tool.ask({ do: 'call', path: next, part: 'session', method: 'terminate', args: [] });
      assert.deepEqual((await tool.signal('SessionRemoved'))[1], next);
    });

  it('leave pictures as they are when the daemon dies', async () => {
    const session = await tool.logIn(provision(), { desktop: 'mutter' });
    const connection = await tool.connect(session);
    const streams = await connection.streams();
    const fd = await connection.capture.openPipeWireRemote({});
    execFileSync('systemctl', ['kill', '--signal=KILL', 'remote-accessd.service']);
    assert.deepEqual((await grab(fd, streams[0]?.[0] ?? 0))?.size, [1280, 720]);
    assert.equal((await connection.monitors.getLayout())[1].length, 1);
    assert.deepEqual(await connection.streams(), streams);
    assert.deepEqual((await grab(fd, streams[0]?.[0] ?? 0))?.size, [1280, 720]);
    assert.deepEqual(connection.heard('Closed'), []);
    closeSync(fd);
    await connection.connection.close();
  });

  for (const [what, unit, notes] of [
    ['the agent dies', '', undefined],
    ['the agent dies and left nothing but rubbish', '', '{"holder":'],
    ['PipeWire dies', 'pipewire.service', undefined],
  ] as const) {
    it(`close connections and keep the session with its layout when ${what}`, async () => {
      const session = await tool.logIn(provision(), { desktop: 'mutter' });
      const connection = await tool.connect(session);
      await connection.layOut([{ id: 'wide', size: [1600, 600], position: [0, 0], scale: 1 }]);
      if (notes !== undefined) {
        const id = session.slice(session.lastIndexOf('/') + 1);
        const folder = runAsUser('alice', 'printenv', 'XDG_RUNTIME_DIR').trimEnd();
        writeFileSync(`${folder}/remote-access/${id}.anchor.json`, notes);
      }
      kill(unit || agentOf(session));
      assert.deepEqual(await connection.signal('Closed'), ['session-ended']);
      // Which waits until there is an agent again.
      const again = await tool.connect(session);
      const [, [monitor, ...more]] = await again.monitors.getLayout();
      assert.deepEqual([monitor?.id, monitor?.size, more], ['wide', [1600, 600], []]);
      assert.deepEqual((await photograph(again, 'wide')).size, [1600, 600]);
      await again.connection.close();
    });
  }

  for (const desktop of ['mutter', 'gnome'])
    it(`leave windows on the monitors they were on when the agent dies, however often: ${desktop}`, async () => {
      const session = await tool.logIn(provision(), { desktop });
      let connection = await tool.connect(session);
      /** Looked at where the pointer is not. */
      const isRed = async (monitor: string) =>
        isDeepStrictEqual((await photograph(connection, monitor)).at(100, 200), RED);
      const layout: Monitor[] = [
        { id: 'first', size: [1024, 768], position: [0, 0], scale: 1, primary: true },
        { id: 'second', size: [800, 600], position: [1024, 0], scale: 1 },
      ];
      await connection.layOut(layout);
      await using window = await windowOn(connection, [1024, 0, 800, 600]);
      const { answer: where } = await window.ask({ do: 'monitor' });
      // GNOME Shell takes its time, here and below, until its overview is out of the way.
      while (!(await isRed('second')));
      for (let round = 1; round <= 3; round++) {
        window.take((line) => line.event === 'monitor');
        kill(agentOf(session));
        assert.deepEqual(await connection.signal('Closed'), ['session-ended']);
        connection = await tool.connect(session);
        assert.deepEqual((await window.ask({ do: 'monitor' })).answer, where);
        assert.deepEqual(
          window.take((line) => line.event === 'monitor'),
          [],
        );
        assert.deepEqual([await isRed('first'), await isRed('second')], [false, true]);
      }
      // What an agent took over it can change and remove.
      await connection.layOut([{ ...layout[0], id: 'first', size: [640, 480], position: [0, 0], scale: 1 }]);
      while (!(await isRed('first')));
      await tool.ask({ do: 'call', path: session, part: 'session', method: 'terminate', args: [] });
      while ((await tool.signal('SessionRemoved'))[1] !== session);
    });

  /** A window in full screen on the monitor with that area: a new one is where the pointer was seen last. */
  async function windowOn(connection: RemoteConnection, area: readonly [number, number, number, number]) {
    await using sender = await EiSender.start(connection);
    await sender.devices(({ capabilities }) => (capabilities as string[]).includes('absolute'));
    for (;;) {
      await sender.do('move-to', { x: area[0] + area[2] / 2, y: area[1] + area[3] / 2 });
      const window = await Window.open();
      const { answer } = await window.ask({ do: 'monitor' });
      if (isDeepStrictEqual((answer as { area: number[] }).area, area)) return window;
      await window[Symbol.asyncDispose]();
    }
  }
});
