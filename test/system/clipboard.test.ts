import assert from 'node:assert/strict';
import { createReadStream, writeFileSync } from 'node:fs';
import { text } from 'node:stream/consumers';
import { closeFd } from '../../src/bus/message.js';
import type { Tool } from '../../src/tool/tool.js';
import type { ToolConnection } from '../../src/tool/tool-connection.js';
import { endSessions, Heard, INVALID_ARGS, installDesktop, objects, refuses, toolAs } from './fixture.js';

const TEXT = 'text/plain;charset=utf-8';

describe('the clipboard between two connections of a session', () => {
  let admin: Tool;
  let alice: Tool;
  let path = '';
  let giver: ToolConnection;
  let taker: ToolConnection;

  before(async () => {
    installDesktop('fake');
    admin = await toolAs('root');
    alice = await toolAs('alice');
    path = await objects(admin.bus).root.methods.createSession('alice', { desktop: 'fake' });
  });

  beforeEach(async () => {
    giver = await alice.connect(path);
    taker = await admin.connect(path, { 'on-conflict': 'share' });
  });

  after(() => endSessions(admin));

  const reading = (fd: number) => text(createReadStream('', { fd }));

  it('gives what one has to the other', async () => {
    const [owners, own] = [
      await Heard.listen(taker.clipboard, 'SelectionOwnerChanged'),
      await Heard.listen(giver.clipboard, 'SelectionOwnerChanged'),
    ];
    const transfers = await Heard.listen(giver.clipboard, 'SelectionTransfer');
    await giver.clipboard.methods.setSelection([TEXT, 'image/png']);
    assert.deepEqual(await owners.next(), [[TEXT, 'image/png'], false]);
    assert.deepEqual(await own.next(), [[TEXT, 'image/png'], true]);
    const read = reading(await taker.clipboard.methods.selectionRead(TEXT));
    const [type, serial] = await transfers.next();
    assert.equal(type, TEXT);
    const fd = await giver.clipboard.methods.selectionWrite(serial);
    writeFileSync(fd, 'grüße');
    closeFd(fd);
    await giver.clipboard.methods.selectionWriteDone(serial, true);
    assert.equal(await read, 'grüße');
    await refuses('StaleSerial', giver.clipboard.methods.selectionWriteDone(serial, true));
    await refuses('StaleSerial', giver.clipboard.methods.selectionWrite(serial));
    await giver.clipboard.methods.setSelection([]);
    assert.deepEqual(await owners.next(), [[], false]);
    assert.deepEqual(await own.next(), [[], false]);
    await refuses('NotSupported', taker.clipboard.methods.selectionRead(TEXT));
  });

  it('gives nothing that is not offered, or to oneself', async () => {
    await giver.clipboard.methods.setSelection([TEXT]);
    await refuses('NotSupported', taker.clipboard.methods.selectionRead('image/png'));
    await refuses('NotSupported', giver.clipboard.methods.selectionRead(TEXT));
  });

  it('ends empty where the owner refuses or leaves', async () => {
    const transfers = await Heard.listen(giver.clipboard, 'SelectionTransfer');
    await giver.clipboard.methods.setSelection([TEXT]);
    const refused = reading(await taker.clipboard.methods.selectionRead(TEXT));
    const [, serial] = await transfers.next();
    await giver.clipboard.methods.selectionWriteDone(serial, false);
    assert.equal(await refused, '');
    const left = reading(await taker.clipboard.methods.selectionRead(TEXT));
    await transfers.next();
    const owners = await Heard.listen(taker.clipboard, 'SelectionOwnerChanged');
    await giver.connection.methods.close();
    assert.equal(await left, '');
    assert.deepEqual(await owners.next(), [[], false]);
  });

  it('answers transfers to their owner alone', async () => {
    const transfers = await Heard.listen(giver.clipboard, 'SelectionTransfer');
    await giver.clipboard.methods.setSelection([TEXT]);
    const read = reading(await taker.clipboard.methods.selectionRead(TEXT));
    const [, serial] = await transfers.next();
    await refuses('StaleSerial', taker.clipboard.methods.selectionWrite(serial));
    await refuses('StaleSerial', taker.clipboard.methods.selectionWriteDone(serial, true));
    await refuses('StaleSerial', giver.clipboard.methods.selectionWrite(serial + 1));
    closeFd(await giver.clipboard.methods.selectionWrite(serial));
    await refuses('StaleSerial', giver.clipboard.methods.selectionWrite(serial));
    await giver.clipboard.methods.selectionWriteDone(serial, true);
    assert.equal(await read, '');
  });

  it('is told to a connection that comes later', async () => {
    await giver.clipboard.methods.setSelection([TEXT]);
    const late = await admin.connect(path, { 'on-conflict': 'share' });
    assert.deepEqual(await late.clipboard.property('MimeTypes'), [TEXT]);
    const writer = await admin.connect(path, { 'on-conflict': 'share', grants: ['clipboard-write'] });
    assert.deepEqual(await writer.clipboard.property('MimeTypes'), []);
  });

  it('has limits', async () => {
    const types = Array.from({ length: 257 }, (_, index) => `text/x-${index}`);
    await giver.clipboard.methods.setSelection(types.slice(1));
    await refuses(INVALID_ARGS, giver.clipboard.methods.setSelection(types));
    await refuses(INVALID_ARGS, giver.clipboard.methods.setSelection(['x'.repeat(4097)]));
    // A refusal changes nothing.
    const fd = await taker.clipboard.methods.selectionRead('text/x-256');
    closeFd(fd);
    const held = await Promise.all(Array.from({ length: 63 }, () => taker.clipboard.methods.selectionRead('text/x-1')));
    await refuses('NotSupported', taker.clipboard.methods.selectionRead('text/x-1'));
    for (const each of held) closeFd(each);
  });
});
