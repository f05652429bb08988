import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { closeSync } from 'node:fs';
import { createInterface } from 'node:readline';
import type { Readable } from 'node:stream';
import { receive } from '../../src/bus/native/descriptors.js';
import type { Tool } from '../../src/tool/tool.js';
import type { ToolConnection } from '../../src/tool/tool-connection.js';
import { endSessions, Heard, objects, provision, toolAs } from './fixture.js';
import { grab } from './pictures.js';
import { asNobody, type RemoteConnection, RemoteTool } from './remote-tool.js';

/** A message as busctl prints it. */
type Message = {
  type: string;
  cookie: number;
  reply_cookie?: number;
  sender: string;
  destination?: string;
  interface?: string;
  member?: string;
};

describe('a client that another one displaces', function () {
  this.timeout(60_000);
  let admin: Tool;
  let alice: Tool;
  let bob: Tool;
  let session = '';

  before(async () => {
    admin = await toolAs('root');
    alice = await toolAs('alice');
    bob = await toolAs('bob');
    session = await alice.logIn('peer', {}, { desktop: 'mutter' });
    const { token } = await provision(admin, 'alice');
    await bob.logIn('token', { token });
  });

  after(() => endSessions(admin));

  it('is told why, then loses what it had, and only then the other one is let in', async () => {
    const closed = await Heard.listen((await alice.connect(session)).connection, 'Closed');
    const messages: Message[] = [];
    const monitor = spawn('busctl', ['--json=short', 'monitor'], { stdio: ['ignore', 'pipe', 'inherit'] });
    const lines = createInterface({ input: monitor.stdout });
    lines.on('line', (line) => messages.push(JSON.parse(line)));
    const answered = ({ member: name, sender }: Partial<Message>) => {
      const call = messages.find((one) => one.member === name && (sender ?? one.sender) === one.sender);
      return messages.findIndex(
        ({ type, destination, reply_cookie: cookie }) =>
          type === 'method_return' && destination === call?.sender && cookie === call?.cookie,
      );
    };
    try {
      // It does not say when it listens.
      while (messages.length === 0) await objects(admin.bus).root.property('version');
      await bob.connect(session);
      const connected = () => answered({ member: 'Connect', sender: bob.bus.name });
      while (connected() < 0) await once(lines, 'line');
      const told = messages.findIndex(({ type, member }) => type === 'signal' && member === 'Closed');
      const dead = answered({ member: 'Close' });
      assert.ok(0 <= told && told < dead && dead < connected(), `${told}, ${dead}, ${connected()}`);
    } finally {
      monitor.kill();
    }
    assert.deepEqual(await closed.next(), ['displaced']);
  });

  it('has neither pictures nor input when the other one is connected', async () => {
    // Both are done at the same time, and one try might be lucky.
    for (let round = 1; round <= 10; round++) {
      const descriptors: number[] = [];
      const [from, to] = round % 2 === 0 ? [alice, bob] : [bob, alice];
      const first = await from.connect(session);
      const input = await first.input.methods.connectToEIS({});
      while (receive(input, Buffer.alloc(4096), []) > 0);
      assert.equal(receive(input, Buffer.alloc(1), []), -1, 'it would wait for more');
      const pictures = await first.capture.methods.openPipeWireRemote({});
      const [[node] = [0]] = await first.capture.property('Streams');
      if (round === 1) assert.ok(await grab(pictures, node));
      await to.connect(session);
      assert.equal(receive(input, Buffer.alloc(1), []), 0, 'it has ended');
      while (receive(pictures, Buffer.alloc(65_536), descriptors) > 0);
      assert.equal(receive(pictures, Buffer.alloc(1), []), 0, 'it has ended, too');
      for (const fd of descriptors) closeSync(fd);
      closeSync(input);
      closeSync(pictures);
    }
  });

  describe('and does not answer', () => {
    let tool: RemoteTool;
    let first: RemoteConnection;
    let watcher: ChildProcess;

    beforeEach(async () => {
      const { token } = await provision(admin, 'alice');
      tool = RemoteTool.start();
      first = await tool.connect(await tool.logIn(token));
      const pictures = await first.capture.openPipeWireRemote({});
      const [[node] = [0]] = await first.streams();
      const pipeline = `gst-launch-1.0 -q pipewiresrc fd=3 path=${node} ! videoconvert ! video/x-raw,format=RGB ! fdsink fd=1`;
      const [program, args] = asNobody(pipeline.split(' '));
      watcher = spawn(program, args, { stdio: ['ignore', 'pipe', 'ignore', pictures] });
      closeSync(pictures);
      await once(watcher.stdout as Readable, 'data');
      for (const stopped of [watcher, tool.lines.process]) stopped.kill('SIGSTOP');
    });

    afterEach(async () => {
      watcher.kill('SIGKILL');
      await tool[Symbol.asyncDispose]();
    });

    /** What the other one sees. */
    async function picture({ capture }: ToolConnection) {
      const [[node] = [0]] = await capture.property('Streams');
      const fd = await capture.methods.openPipeWireRemote({});
      try {
        return await grab(fd, node);
      } finally {
        closeSync(fd);
      }
    }

    it('is not waited for', async () => {
      assert.ok(await picture(await alice.connect(session)));
      tool.lines.process.kill('SIGCONT');
      assert.deepEqual(await first.signal('Closed'), ['displaced']);
    });

    it('holds up nobody beside it, not even a change of the layout', async () => {
      const second = await alice.connect(session, { 'on-conflict': 'share' });
      assert.ok(await picture(second));
      for (const size of [
        [1024, 768],
        [800, 600],
      ] as [number, number][]) {
        await second.layOut([{ id: 'default', size, position: [0, 0], scale: 1 }]);
        assert.deepEqual((await picture(second))?.size, size);
      }
      tool.lines.process.kill('SIGCONT');
      await first.signal('LayoutChanged');
      assert.deepEqual(first.heard('Closed'), []);
    });
  });
});
