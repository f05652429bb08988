import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, openSync } from 'node:fs';
import { Socket } from 'node:net';
import { createInterface } from 'node:readline';
import { closeFd } from '../../src/bus/message.js';
import { socketPair } from '../../src/bus/native/descriptors.js';
import { Variant } from '../../src/bus/variant.js';
import type { Tool } from '../../src/tool/tool.js';
import {
  endSessions,
  Heard,
  INVALID_ARGS,
  installDesktop,
  objects,
  provision,
  refuses,
  run,
  toolAs,
  uidOf,
} from './fixture.js';

describe('the handover of a socket', () => {
  let admin: Tool;
  let tool: Tool;
  let path = '';

  before(async () => {
    installDesktop('fake');
    admin = await toolAs('root');
    tool = await toolAs('bob');
    const { token } = await provision(admin, 'alice');
    path = await tool.logIn('token', { token });
  });

  after(() => endSessions(admin));

  /** A service of alice's systemd that takes what is offered, says what came with it, and answers on it. */
  function taker(): ChildProcess {
    const manager = ['setpriv', '--reuid=alice', '--regid=alice', '--init-groups', 'env'];
    const unit = ['systemd-run', '--user', '--quiet', '--pipe', '--wait', '--collect', '--working-directory=/src'];
    const program = ['node', '--import', 'tsx', 'test/system/clients/handover.ts', path];
    const [file = '', ...args] = [...manager, `XDG_RUNTIME_DIR=/run/user/${uidOf('alice')}`, ...unit, ...program];
    return spawn(file, args, { stdio: ['ignore', 'pipe', 'inherit'] });
  }

  const metadata = () => new Map([['protocol', new Variant('s', 'rdp')]]);

  it('brings it to a process inside the session, once', async () => {
    const child = taker();
    const lines = createInterface({ input: child.stdout as NodeJS.ReadableStream })[Symbol.asyncIterator]();
    assert.equal((await lines.next()).value, 'NotSupported');
    const [ours, theirs] = socketPair();
    const { offer } = objects(tool.bus).handover(path).methods;
    await offer(theirs, metadata());
    closeFd(theirs);
    assert.equal((await lines.next()).value, 'protocol=rdp');
    const socket = new Socket({ fd: ours });
    const [data] = (await once(socket, 'data')) as [Buffer];
    assert.equal(data.toString(), 'hello from inside');
    assert.equal((await lines.next()).value, 'NotSupported');
    socket.destroy();
    await once(child, 'exit');
  });

  it('is for the session alone', async () => {
    const [ours, theirs] = socketPair();
    await objects(tool.bus).handover(path).methods.offer(theirs, metadata());
    await using alice = await toolAs('alice');
    for (const one of [alice, admin, tool])
      await refuses('NotAuthorized', objects(one.bus).handover(path).methods.take());
    await refuses('Busy', objects(admin.bus).handover(path).methods.offer(theirs, metadata()));
    await using stranger = await toolAs('nobody');
    await refuses('NotAuthorized', objects(stranger.bus).handover(path).methods.offer(theirs, metadata()));
    closeFd(theirs);
    closeFd(ours);
    const child = taker();
    const [first] = (await once(child.stdout as NodeJS.ReadableStream, 'data')) as [Buffer];
    assert.equal(first.toString(), 'protocol=rdp\n');
    await once(child, 'exit');
  });

  it('takes sockets alone, and no more descriptors with them', async () => {
    const { offer } = objects(tool.bus).handover(path).methods;
    const file = openSync('/dev/null', 'r');
    await refuses(INVALID_ARGS, offer(file, new Map()));
    const [ours, theirs] = socketPair();
    const hidden = new Variant('v', new Variant('a{sv}', new Map([['deep', new Variant('h', file)]])));
    for (const more of [new Variant('h', file), new Variant('ah', [file]), hidden])
      await refuses(INVALID_ARGS, offer(theirs, new Map([['more', more]])));
    closeSync(file);
    closeFd(ours);
    closeFd(theirs);
  });

  it('is off when who offered leaves: the socket closes', async () => {
    await using leaving = await toolAs('alice');
    const [ours, theirs] = socketPair();
    await using waiting = await Heard.listen(objects(admin.bus).handover(path), 'Waiting');
    await objects(leaving.bus).handover(path).methods.offer(theirs, new Map());
    closeFd(theirs);
    await waiting.next();
    const socket = new Socket({ fd: ours });
    socket.resume();
    const ended = once(socket, 'end');
    await leaving[Symbol.asyncDispose]();
    await ended;
    socket.destroy();
    assert.match(run('loginctl', 'list-sessions'), /alice/);
  });
});
