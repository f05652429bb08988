import assert from 'node:assert/strict';
import { randomFillSync } from 'node:crypto';
import { createReadStream, createWriteStream, readFileSync, writeFileSync } from 'node:fs';
import { buffer } from 'node:stream/consumers';
import { finished } from 'node:stream/promises';
import { deflateSync } from 'node:zlib';
import { Window } from './in-session.js';
import { provision, type RemoteConnection, RemoteTool } from './remote-tool.js';

const TEXT = 'text/plain;charset=utf-8';
const PNG = 'image/png';
const words = Buffer.from('Grüße, κόσμε, 世界 🖥️\n');

/** Bytes that look like a PNG file from outside and do not shrink: more than 1 MiB. */
const image = Buffer.concat([
  Buffer.from('89504e470d0a1a0a', 'hex'),
  deflateSync(randomFillSync(Buffer.alloc(1_500_000))),
]);

describe('the clipboard of a mutter session', function () {
  this.timeout(60_000);
  let tool: RemoteTool;
  let first: RemoteConnection;
  let second: RemoteConnection;
  let window: Window;
  /** What either connection answers a transfer with. */
  let offered = words;

  before(async () => {
    tool = RemoteTool.start();
    const session = await tool.logIn(provision(), { desktop: 'mutter' });
    first = await tool.connect(session);
    second = await tool.connect(session, { 'on-conflict': 'share' });
    window = await Window.open();
    for (const connection of [first, second]) serve(connection).catch(() => {});
  });

  after(async () => {
    await window?.kill();
    await tool?.[Symbol.asyncDispose]();
  });

  async function copyInSession(type: string, data: Buffer) {
    writeFileSync('/run/copied', data, { mode: 0o644 });
    assert.equal((await window.ask({ do: 'copy', type, path: '/run/copied' })).answer, true);
    for (const connection of [first, second])
      await connection.signal('SelectionOwnerChanged', ([types, own]) => (types as string[]).includes(type) && !own);
  }

  async function read(connection: RemoteConnection, type: string): Promise<Buffer> {
    return buffer(createReadStream('', { fd: await connection.clipboard.selectionRead(type) }));
  }

  async function offer(connection: RemoteConnection, ...types: string[]) {
    await connection.clipboard.setSelection(types);
    for (const one of [first, second])
      await one.signal(
        'SelectionOwnerChanged',
        ([offered, own]) => JSON.stringify(offered) === JSON.stringify(types) && own === (one === connection),
      );
  }

  /**
   * Answers every transfer of that connection, until its process ends: besides applications mutter itself asks, to keep
   * what is on the clipboard.
   */
  async function serve(connection: RemoteConnection) {
    for (;;) {
      const [, serial] = (await connection.signal('SelectionTransfer')) as [string, number];
      // Each on its own: who asked may have lost interest, and closes the pipe.
      answer(connection, serial).catch(() => {});
    }
  }

  async function answer(connection: RemoteConnection, serial: number) {
    const stream = createWriteStream('', { fd: await connection.clipboard.selectionWrite(serial) });
    stream.end(offered);
    const success = await finished(stream).then(
      () => true,
      () => false,
    );
    await connection.clipboard.selectionWriteDone(serial, success);
  }

  async function pasteInSession(type: string): Promise<Buffer> {
    await window.next(
      (line) => line.event === 'clipboard' && line.own === false && (line.types as string[]).includes(type),
      `an offer of ${type}`,
    );
    assert.equal((await window.ask({ do: 'paste', type, path: '/tmp/pasted' })).answer, type);
    return readFileSync('/tmp/pasted');
  }

  for (const [what, type, data] of [
    ['text', TEXT, words],
    ['an image', PNG, image],
  ] as const) {
    it(`brings ${what} out of the session`, async () => {
      await copyInSession(type, data);
      for (const connection of [first, second]) assert.ok(data.equals(await read(connection, type)));
    });

    it(`brings ${what} into the session`, async () => {
      window.take((line) => line.event === 'clipboard');
      offered = data;
      await offer(first, type);
      assert.ok(data.equals(await pasteInSession(type)));
    });

    it(`brings ${what} from one connection to another`, async () => {
      offered = data;
      await offer(second, type);
      assert.ok(data.equals(await read(first, type)));
    });
  }

  it('reads only what is on offer, and not what one offered oneself', async () => {
    const notSupported = { dbusName: 'org.freedesktop.RemoteAccess.Error.NotSupported' };
    await assert.rejects(first.clipboard.selectionRead(TEXT), notSupported);
    await assert.rejects(second.clipboard.selectionRead(PNG), notSupported);
    await copyInSession(TEXT, words);
    await assert.rejects(first.clipboard.selectionRead(PNG), notSupported);
    await assert.rejects(first.clipboard.selectionWrite(4711), {
      dbusName: 'org.freedesktop.RemoteAccess.Error.StaleSerial',
    });
  });

  it('stays as a copy when its owner goes', async () => {
    offered = words;
    window.take((line) => line.event === 'clipboard');
    await offer(second, TEXT);
    // mutter asked first.
    assert.ok(words.equals(await pasteInSession(TEXT)));
    await second.connection.close();
    await first.signal('SelectionOwnerChanged', ([types, own]) => (types as string[]).length === 0 && own === false);
    await first.signal('SelectionOwnerChanged', ([types, own]) => (types as string[]).includes(TEXT) && own === false);
    assert.ok(words.equals(await read(first, TEXT)));
  });
});
