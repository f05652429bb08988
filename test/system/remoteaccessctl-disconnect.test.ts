import assert from 'node:assert/strict';
import type { ConnectOptions } from '../../src/bus/generated/dictionaries.js';
import type { Tool } from '../../src/tool/tool.js';
import { command, objectsIn } from './command.js';
import { endSessions, Heard, installDesktop, objects, refuses, toolAs } from './fixture.js';

describe('remoteaccessctl disconnect', function () {
  // Each test starts processes of Node.js, which a busy machine takes its time for.
  this.timeout(120_000);
  let admin: Tool;
  let alice: Tool;
  let path = '';

  before(async () => {
    installDesktop('fake');
    admin = await toolAs('root');
    alice = await toolAs('alice');
  });

  beforeEach(async () => {
    path = await objects(admin.bus).root.methods.createSession('alice', { desktop: 'fake' });
  });

  afterEach(() => endSessions(admin));

  async function connected(tool: Tool, options: ConnectOptions = {}) {
    const attached = await tool.connect(path, options);
    return { attached, closed: await Heard.listen(attached.connection, 'Closed') };
  }

  it('sends away everybody from the own session, which goes on as it was', async () => {
    const first = await connected(alice);
    const second = await connected(admin, { 'on-conflict': 'share' });
    await first.attached.layOut([{ id: 'kept', size: [800, 600], position: [0, 0], scale: 1 }]);
    assert.deepEqual(await command(['disconnect'], { user: 'alice' }), { code: 0, stdout: '', stderr: '' });
    for (const { attached, closed } of [first, second]) {
      assert.deepEqual(await closed.next(), ['disconnected']);
      await refuses('org.freedesktop.DBus.Error.UnknownObject', attached.monitors.methods.getLayout());
    }
    assert.equal(await objects(admin.bus).session(path).property('State'), 'disconnected');
    const [, layout] = await (await alice.connect(path)).monitors.methods.getLayout();
    assert.deepEqual(
      layout.map(({ id }) => id),
      ['kept'],
    );
  });

  it('does so for root in sessions of others, and not for strangers', async () => {
    const { closed } = await connected(alice);
    const id = path.split('/').at(-1);
    const refused = await command(['--json', 'disconnect', 'alice'], { user: 'bob' });
    assert.equal(refused.code, 3, refused.stderr);
    assert.match(refused.stderr, /NoSuchSession/);
    assert.deepEqual(closed.all, []);
    const { code, stdout } = await command(['--json', 'disconnect', 'alice']);
    assert.deepEqual({ code, told: objectsIn(stdout) }, { code: 0, told: [{ id }] });
    assert.deepEqual(await closed.next(), ['disconnected']);
    // Nobody is there any more, which is well, and nobody else has been since.
    const last = await objects(admin.bus).session(path).property('LastClient');
    assert.equal((await command(['disconnect', 'alice'])).code, 0);
    assert.deepEqual(await objects(admin.bus).session(path).property('LastClient'), last);
  });
});
