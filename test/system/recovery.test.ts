import assert from 'node:assert/strict';
import { rmSync } from 'node:fs';
import type { ProvisionOptions } from '../../src/bus/generated/dictionaries.js';
import type { Tool } from '../../src/tool/tool.js';
import type { ToolConnection } from '../../src/tool/tool-connection.js';
import { endSessions, Heard, installDesktop, objects, provision, refuses, run, SERVICE, toolAs } from './fixture.js';

const UNIT = 'remote-accessd.service';
const KILL = ['systemctl', 'kill', '--signal=KILL', UNIT] as const;
const RESTART = ['systemctl', 'restart', UNIT] as const;
const UNKNOWN_OBJECT = 'org.freedesktop.DBus.Error.UnknownObject';

describe('a connection', () => {
  let admin: Tool;
  let path = '';

  before(async () => {
    installDesktop('fake');
    admin = await toolAs('root');
    path = await objects(admin.bus).root.methods.createSession('alice', { desktop: 'fake' });
  });

  after(() => endSessions(admin));

  type Attached = { tool: Tool; id: string; attached: ToolConnection; closed: Heard<[string]> };

  /** User bob, let in by a token of alice's. */
  async function attach(options: ProvisionOptions = {}): Promise<Attached> {
    const { id, token } = await provision(admin, 'alice', options);
    const tool = await toolAs('bob');
    const attached = await tool.connect(await tool.logIn('token', { token }), {
      'client-name': id,
      'client-address': '192.0.2.7',
      'on-conflict': 'share',
    });
    return { tool, id, attached, closed: await Heard.listen(attached.connection, 'Closed') };
  }

  /** Resolves when there is another daemon. */
  async function daemonChanges(command: readonly string[], meanwhile: () => Promise<void> = async () => {}) {
    let first = '';
    let changed: () => void = () => {};
    const another = new Promise<void>((resolve) => {
      changed = resolve;
    });
    await using _watch = await admin.bus.subscriptions.watchOwner(SERVICE, (owner) => {
      first ||= owner;
      if (owner !== '' && owner !== first) changed();
    });
    run('systemctl', 'reset-failed', UNIT);
    run(...command);
    await meanwhile();
    if (command.includes('stop')) void objects(admin.bus).root.methods.listSessions();
    await another;
  }

  for (const [how, command] of [
    ['is killed', KILL],
    ['is restarted', RESTART],
  ] as const)
    it(`goes on as it was when the daemon ${how}, and so does the right to it`, async () => {
      const { tool, id, attached, closed } = await attach({ grants: ['monitors', 'capture'] });
      const { attached: other } = await attach();
      const serial = await attached.layOut([{ id: 'kept', size: [640, 480], position: [0, 0], scale: 1 }]);
      const layout = await attached.monitors.methods.getLayout();
      const streams = await attached.capture.property('Streams');
      for (let round = 1; round <= 3; round++) {
        await daemonChanges(command);
        assert.deepEqual(await attached.monitors.methods.getLayout(), layout);
        assert.deepEqual(await attached.capture.property('Streams'), streams);
        assert.deepEqual(await attached.connection.property('Grants'), ['monitors', 'capture']);
        await refuses('GrantMissing', attached.input.methods.connectToEIS({}));
      }
      assert.deepEqual(closed.all, []);
      assert.equal(layout[0], serial);
      const changed = await Heard.listen(attached.monitors, 'LayoutChanged');
      await other.layOut([{ id: 'new', size: [800, 600], position: [0, 0], scale: 1 }]);
      await changed.next();
      // Numbers are not used twice, and a new connection still displaces the old ones.
      const next = await tool.connect(path, { grants: ['capture'] });
      assert.deepEqual(await closed.next(), ['displaced']);
      assert.notEqual(next.path, attached.path);
      assert.notEqual(next.path, other.path);
      await refuses('GrantMissing', tool.connect(path, { grants: ['keyboard'] }));
      await objects(admin.bus).tokens.methods.revoke(id);
    });

  it('is shown with its client by the next daemon, which announces the session', async () => {
    const { root, session } = objects(admin.bus);
    const { id, attached } = await attach();
    const before = await session(path).allProperties();
    const { since, ...client } = before.Client;
    assert.deepEqual(client, { name: id, address: '192.0.2.7' });
    assert.ok(since !== undefined && since > 0);
    for (const command of [KILL, RESTART]) {
      await using announced = await Heard.listen(root, 'SessionNew');
      await daemonChanges(command);
      assert.deepEqual(await announced.next(), [path.split('/').at(-1), path]);
      assert.deepEqual(await session(path).allProperties(), before);
    }
    await attached.connection.methods.close();
  });

  it('ends with its token, also if that was deleted while there was no daemon', async () => {
    const gone = await attach();
    const stays = await attach();
    const usedUp = await attach({ uses: 1 });
    await daemonChanges(['systemctl', 'stop', UNIT], async () => {
      rmSync(`/var/lib/remote-access/tokens/${gone.id}.json`);
    });
    assert.deepEqual(await gone.closed.next(), ['revoked']);
    await refuses('NotAuthorized', gone.tool.connect(path));
    for (const { attached, closed } of [stays, usedUp]) {
      await attached.monitors.methods.getLayout();
      assert.deepEqual(closed.all, []);
    }
    await objects(admin.bus).tokens.methods.revoke(stays.id);
    assert.deepEqual(await stays.closed.next(), ['revoked']);
    await refuses('NotAuthorized', stays.tool.connect(path));
    await usedUp.attached.connection.methods.close();
  });

  it('stays good when its token is used up by others', async () => {
    const { token, id } = await provision(admin, 'alice', { uses: 2 });
    const tools = [await toolAs('bob'), await toolAs('bob')] as const;
    for (const tool of tools) await tool.logIn('token', { token });
    await refuses('NoSuchToken', objects(admin.bus).tokens.methods.revoke(id));
    await daemonChanges(KILL);
    for (const tool of tools) await (await tool.connect(path, { 'on-conflict': 'share' })).connection.methods.close();
  });

  it('ends with its owner, also if that left while there was no daemon', async () => {
    const { tool, attached } = await attach();
    await daemonChanges(['systemctl', 'stop', UNIT], () => tool[Symbol.asyncDispose]());
    const next = await admin.connect(path, { 'on-conflict': 'fail' });
    await refuses(
      UNKNOWN_OBJECT,
      admin.bus.call({
        destination: SERVICE,
        path: attached.path,
        interface: `${SERVICE}.Connection`,
        member: 'Close',
      }),
    );
    await next.connection.methods.close();
  });

  it('ends with the agent, also if the daemon dies at the same time', async () => {
    const { tool, attached, closed } = await attach();
    const agent = `remote-access-agent@${path.split('/').at(-1)}.service`;
    await daemonChanges(KILL, async () => {
      run('systemctl', '--user', '--machine=alice@.host', 'kill', '--signal=KILL', agent);
    });
    assert.deepEqual(await closed.next(), ['session-ended']);
    const next = await tool.connect(path);
    assert.notEqual(next.path, attached.path);
    assert.equal((await next.monitors.methods.getLayout())[1].length, 1);
  });
});
