import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { closeSync } from 'node:fs';
import { EiSender } from './ei-sender.js';
import { asUser, runAsUser } from './in-session.js';
import { grab, type Picture, photograph } from './pictures.js';
import { asNobody, provision, type RemoteConnection, RemoteTool } from './remote-tool.js';

/** A first frame takes 0.1 s; this much longer, no frame comes. */
const LONG_ENOUGH = 3;

describe('capture in a mutter session', function () {
  this.timeout(60_000);
  let tool: RemoteTool;
  let session: string;
  let first: RemoteConnection;

  before(async () => {
    tool = RemoteTool.start();
    session = await tool.logIn(provision(), { desktop: 'mutter' });
  });

  beforeEach(async () => {
    first = await tool.connect(session);
  });

  after(() => tool?.[Symbol.asyncDispose]());

  const share = { 'on-conflict': 'share' } as const;
  const nodeOf = async (connection: RemoteConnection) => (await connection.streams())[0]?.[0] ?? 0;

  it('shows the monitors of the connection, and not those of another', async () => {
    const second = await tool.connect(session, share);
    const fd = await first.capture.openPipeWireRemote({});
    assert.equal(await grab(fd, await nodeOf(second), LONG_ENOUGH), undefined);
    closeSync(fd);
    const own = await first.capture.openPipeWireRemote({});
    assert.deepEqual((await grab(own, await nodeOf(first)))?.size, [1280, 720]);
    closeSync(own);
    await second.connection.close();
  });

  it('does not reach a microphone', async () => {
    const properties =
      '{ factory.name=support.null-audio-sink node.name=microphone media.class=Audio/Source/Virtual ' +
      'object.linger=true audio.position=[FL FR] }';
    runAsUser('alice', 'pw-cli', 'create-node', 'adapter', properties);
    let microphone: number | undefined;
    while (microphone === undefined) {
      const objects: { id: number; info?: { props?: Record<string, unknown> } }[] = JSON.parse(
        runAsUser('alice', 'pw-dump'),
      );
      microphone = objects.find(({ info }) => info?.props?.['node.name'] === 'microphone')?.id;
    }
    const fd = await first.capture.openPipeWireRemote({});
    const listen = ['pipewiresrc', `path=${microphone}`, 'num-buffers=1', '!', 'audio/x-raw', '!', 'fdsink', 'fd=1'];
    const heard = async ([program, args]: [string, string[]], ...more: string[]) => {
      const child = spawn(
        program,
        [...args, 'timeout', String(LONG_ENOUGH), 'gst-launch-1.0', '-q', ...listen, ...more],
        {
          stdio: ['ignore', 'pipe', 'ignore', fd],
        },
      );
      let bytes = 0;
      child.stdout?.on('data', (part: Buffer) => {
        bytes += part.length;
      });
      await once(child, 'close');
      return bytes;
    };
    listen.splice(1, 0, 'fd=3');
    assert.equal(await heard(asNobody([])), 0);
    listen.splice(1, 1);
    assert.ok((await heard(asUser('alice', []))) > 0);
    closeSync(fd);
  });

  for (const [how, end] of [
    ['closes', () => first.connection.close()],
    ['is displaced', () => tool.connect(session)],
  ] as const) {
    it(`ends for good when the connection ${how}`, async () => {
      const fd = await first.capture.openPipeWireRemote({});
      const node = await nodeOf(first);
      assert.ok(await grab(fd, node));
      await end();
      await first.signal('Closed');
      // Another stream may have the same number, but not for this descriptor.
      const next = await tool.connect(session);
      const numbers = [...new Set([node, await nodeOf(next)])];
      const pictures = await Promise.all(numbers.map((number) => grab(fd, number, LONG_ENOUGH)));
      assert.deepEqual(
        pictures,
        numbers.map(() => undefined),
      );
      assert.deepEqual((await photograph(next, 'default')).size, [1280, 720]);
      closeSync(fd);
    });
  }

  it('shows the pointer as asked', async () => {
    await using sender = await EiSender.start(first);
    await sender.devices(({ capabilities }) => (capabilities as string[]).includes('absolute'));
    await sender.do('move-to', { x: 200, y: 300 });
    /** The arrow's black and white, which the background has not. */
    const arrow = (picture: Picture) =>
      Array.from({ length: 24 * 24 }, (_, at) => picture.at(200 + (at % 24), 300 + Math.floor(at / 24))).some(
        (colour) => colour.every((part) => part > 240),
      );
    while (!arrow(await photograph(first, 'default')));
    for (const cursor of ['hidden', 'metadata'] as const) {
      const other = await tool.connect(session, { ...share, cursor });
      assert.equal(arrow(await photograph(other, 'default')), false, cursor);
      await other.connection.close();
    }
  });
});
