import assert from 'node:assert/strict';
import { fileURLToPath } from 'node:url';
import { runAsUser } from './in-session.js';
import { provision, RemoteTool } from './remote-tool.js';

const client = fileURLToPath(new URL('clients/portal.py', import.meta.url));
const PERMISSION_STORE = 'org.freedesktop.impl.portal.PermissionStore';

/** The restore tokens that the portals know. */
function tokensKnown(): string[] {
  const path = '/org/freedesktop/impl/portal/PermissionStore';
  const call = [
    '--user',
    '--json=short',
    'call',
    PERMISSION_STORE,
    path,
    PERMISSION_STORE,
    'List',
    's',
    'remote-desktop',
  ];
  return JSON.parse(runAsUser('alice', 'busctl', ...call)).data[0];
}

describe('a token for the portals', function () {
  this.timeout(60_000);
  let tool: RemoteTool;

  before(() => {
    tool = RemoteTool.start();
  });

  after(() => tool?.[Symbol.asyncDispose]());

  it('is not supported by a bare mutter', async () => {
    const session = await tool.logIn(provision(), { desktop: 'mutter' });
    const connection = await tool.connect(session);
    await assert.rejects(connection.connection.portalToken(''), {
      dbusName: 'org.freedesktop.RemoteAccess.Error.NotSupported',
    });
    await tool.ask({ do: 'call', path: session, part: 'session', method: 'terminate', args: [] });
    await tool.signal('SessionRemoved');
  });

  it('spares a program in a GNOME session the dialog, until the connection closes', async () => {
    const session = await tool.logIn(provision(), { desktop: 'gnome' });
    const connection = await tool.connect(session);
    const token = await connection.connection.portalToken('');
    assert.deepEqual(tokensKnown(), [token]);
    const started = JSON.parse(runAsUser('alice', 'python3', client, token));
    assert.deepEqual(started, { response: 0, devices: 7, streams: 1, token });
    await connection.connection.close();
    await connection.signal('Closed');
    while (tokensKnown().length > 0);
  });

  it('gives the devices of the grants only', async () => {
    const session = await tool.logIn(provision(), { desktop: 'gnome' });
    const connection = await tool.connect(session, { grants: ['keyboard', 'capture'] });
    const token = await connection.connection.portalToken('');
    const { response, devices, streams } = JSON.parse(runAsUser('alice', 'python3', client, token));
    assert.deepEqual({ response, devices, streams }, { response: 0, devices: 1, streams: 1 });
  });
});
