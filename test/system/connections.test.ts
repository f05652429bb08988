import assert from 'node:assert/strict';
import type { ConnectOptions, Monitor } from '../../src/bus/generated/dictionaries.js';
import type { Tool } from '../../src/tool/tool.js';
import {
  endSessions,
  Heard,
  INVALID_ARGS,
  installDesktop,
  managed,
  objects,
  type PropertiesChanged,
  refuses,
  toolAs,
} from './fixture.js';

const UNKNOWN_OBJECT = 'org.freedesktop.DBus.Error.UnknownObject';

describe('connections', () => {
  let admin: Tool;
  let alice: Tool;
  let path = '';

  before(async () => {
    installDesktop('fake');
    admin = await toolAs('root');
    alice = await toolAs('alice');
    path = await objects(admin.bus).root.methods.createSession('alice', { desktop: 'fake' });
  });

  after(() => endSessions(admin));

  /** A connection, and what is heard of its end. */
  async function connected(tool: Tool, options: ConnectOptions = {}) {
    const attached = await tool.connect(path, options);
    return { attached, closed: await Heard.listen(attached.connection, 'Closed') };
  }

  const state = () => objects(admin.bus).session(path).property('State');

  it('displace each other unless they say otherwise', async () => {
    const first = await connected(admin);
    const second = await connected(alice);
    assert.deepEqual(await first.closed.next(), ['displaced']);
    await refuses(UNKNOWN_OBJECT, first.attached.monitors.methods.getLayout());
    const third = await connected(admin, { 'on-conflict': 'share' });
    await refuses('Busy', alice.connect(path, { 'on-conflict': 'fail' }));
    await second.attached.monitors.methods.getLayout();
    await connected(admin, { 'on-conflict': 'displace' });
    assert.deepEqual(await second.closed.next(), ['displaced']);
    assert.deepEqual(await third.closed.next(), ['displaced']);
  });

  it('go one by one when two ask at once', async () => {
    const last = await connected(admin);
    await last.attached.connection.methods.close();
    const both = await Promise.allSettled([
      alice.connect(path, { 'on-conflict': 'fail' }),
      admin.connect(path, { 'on-conflict': 'fail' }),
    ]);
    assert.deepEqual(both.map(({ status }) => status).sort(), ['fulfilled', 'rejected']);
    for (const one of both) if (one.status === 'rejected') await refuses('Busy', Promise.reject(one.reason));
    await Promise.all([alice.connect(path), admin.connect(path)]);
    const open = await Promise.all([alice, admin].map(async ({ bus }) => (await managed(bus, '/connection/')).length));
    assert.deepEqual(open.sort(), [0, 1]);
  });

  it('end with Close', async () => {
    const { attached, closed } = await connected(alice);
    assert.equal(await state(), 'connected');
    await attached.connection.methods.close();
    assert.deepEqual(await closed.next(), ['closed']);
    await refuses(UNKNOWN_OBJECT, attached.connection.methods.close());
    assert.equal(await state(), 'disconnected');
  });

  it('end with their owner; the session and its monitors stay', async () => {
    const leaving = await toolAs('alice');
    const attached = await leaving.connect(path);
    const monitors: Monitor[] = [
      { id: 'left', size: [800, 600], position: [0, 0], scale: 1, primary: true },
      { id: 'right', size: [800, 600], position: [800, 0], scale: 1 },
    ];
    await attached.layOut(monitors);
    const changes = await Heard.listen(objects(admin.bus).root, 'SessionRemoved');
    const told = await Heard.standard<PropertiesChanged>(admin.bus, path, 'PropertiesChanged');
    await leaving[Symbol.asyncDispose]();
    await told.next((iface, _values, names) => iface.endsWith('.Session') && names.includes('State'));
    assert.equal(await state(), 'disconnected');
    assert.deepEqual(changes.all, []);
    const [, layout] = await (await alice.connect(path)).monitors.methods.getLayout();
    assert.deepEqual(
      layout.map(({ id }) => id),
      ['left', 'right'],
    );
  });

  it('tell who is connected', async () => {
    const session = objects(admin.bus).session(path);
    const started = Math.floor(Date.now() / 1000);
    const first = await connected(alice, { 'client-name': 'first', 'client-address': '192.0.2.1' });
    const { since, ...client } = await session.property('Client');
    assert.deepEqual({ ...client }, { name: 'first', address: '192.0.2.1' });
    assert.ok(Number(since) >= started);
    const second = await connected(admin, { 'client-name': 'second', 'on-conflict': 'share' });
    assert.equal((await session.property('Client')).name, 'second');
    await second.attached.connection.methods.close();
    assert.equal((await session.property('Client')).name, 'first');
    await first.attached.connection.methods.close();
    assert.deepEqual({ ...(await session.property('Client')) }, {});
  });

  it('may do what was granted, and have no more interfaces than that', async () => {
    const { attached } = await connected(alice, { grants: ['clipboard-read'] });
    assert.deepEqual(await attached.connection.property('Grants'), ['clipboard-read']);
    await refuses('GrantMissing', attached.monitors.methods.getLayout());
    await refuses('GrantMissing', attached.capture.methods.openPipeWireRemote({}));
    await refuses('GrantMissing', attached.capture.property('Streams'));
    await refuses('GrantMissing', attached.input.methods.connectToEIS({}));
    await refuses('GrantMissing', attached.clipboard.methods.setSelection(['text/plain']));
    await refuses('GrantMissing', attached.clipboard.methods.selectionWrite(1));
    await refuses('GrantMissing', attached.clipboard.methods.selectionWriteDone(1, true));
    await refuses('NotSupported', attached.clipboard.methods.selectionRead('text/plain'));
    const writer = await connected(alice, { grants: ['clipboard-write'] });
    await refuses('GrantMissing', writer.attached.clipboard.methods.selectionRead('text/plain'));
    const none = await connected(alice, { grants: [] });
    await refuses('GrantMissing', none.attached.input.methods.connectToEIS({}));
  });

  it('refuse options that nobody knows', async () => {
    const session = objects(alice.bus).session(path);
    const message = await refuses(INVALID_ARGS, session.methods.connect({ grants: ['fly'] as never }));
    assert.match(message, /grants/);
    assert.match(
      await refuses(INVALID_ARGS, session.methods.connect({ 'on-conflict': 'kill' as never })),
      /on-conflict/,
    );
    assert.match(await refuses(INVALID_ARGS, session.methods.connect({ cursor: 'big' as never })), /cursor/);
    assert.match(await refuses(INVALID_ARGS, session.methods.connect({ 'client-name': 'a\nb' })), /client-name/);
  });

  it('end with the session', async () => {
    const { closed } = await connected(alice);
    await endSessions(admin);
    assert.deepEqual(await closed.next(), ['session-ended']);
    await refuses(UNKNOWN_OBJECT, alice.connect(path));
    // What follows has a session again.
    path = await objects(admin.bus).root.methods.createSession('alice', { desktop: 'fake' });
  });
});
