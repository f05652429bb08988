import assert from 'node:assert/strict';
import { openSync } from 'node:fs';
import { codecFor } from '../../src/bus/codec.js';
import type { InterfaceDescriptor } from '../../src/bus/descriptor.js';
import { agent } from '../../src/bus/generated/agent.js';
import { agents } from '../../src/bus/generated/agents.js';
import { capture } from '../../src/bus/generated/capture.js';
import { clipboard } from '../../src/bus/generated/clipboard.js';
import { connection } from '../../src/bus/generated/connection.js';
import { handover } from '../../src/bus/generated/handover.js';
import { input } from '../../src/bus/generated/input.js';
import { login } from '../../src/bus/generated/login.js';
import { monitors } from '../../src/bus/generated/monitors.js';
import { remoteAccess } from '../../src/bus/generated/remote-access.js';
import { session } from '../../src/bus/generated/session.js';
import { tokens } from '../../src/bus/generated/tokens.js';
import { RemoteObject } from '../../src/bus/remote-object.js';
import { Variant } from '../../src/bus/variant.js';
import type { Tool } from '../../src/tool/tool.js';
import { findAgent } from './find-agent.js';
import { endSessions, Heard, installDesktop, objects, provision, ROOT, refuses, SERVICE, toolAs } from './fixture.js';
import { type Place, RIGHTS, ROLES, type Role } from './rights-table.js';
import { agentPid } from './vitals.js';

const INTERFACES = [
  ...[remoteAccess, tokens, login, session, handover, connection, monitors, capture, input, clipboard, agents, agent],
] as unknown as InterfaceDescriptor[];

const ACCESS_DENIED = 'org.freedesktop.DBus.Error.AccessDenied';
const NO_CONNECTION = 4_000_000_000;

/** What an agent is asked about no connection alone. */
const ABOUT_ALL = ['Resume', 'RunHooks', 'IdleTime'];

describe('rights', () => {
  const tools = {} as Record<Role, Tool>;
  let token = '';
  let path = '';

  before(async () => {
    installDesktop('fake');
    const who = { stranger: 'nobody', other: 'bob', user: 'alice', login: 'bob', owner: 'bob', root: 'root' } as const;
    for (const role of ROLES) tools[role] = await toolAs(who[role]);
    ({ token } = await provision(tools.root, 'alice'));
    await logIn();
  });

  after(() => endSessions(tools.root));

  async function logIn(): Promise<void> {
    for (const role of ['login', 'owner'] as const) path = await tools[role].logIn('token', { token });
  }

  /** Objects that serve until a call removes them. */
  const made = new Map<string, string>();
  const kept = async (what: string, make: () => Promise<string>) => {
    const at = made.get(what) ?? (await make());
    made.set(what, at);
    return { at };
  };

  /** Where an object is: one that is there, whatever the calls before did to it. */
  const places: Record<Place, () => Promise<{ at: string; of?: string }>> = {
    root: async () => ({ at: ROOT }),
    agents: async () => ({ at: `${ROOT}/Agents` }),
    agent: async () => ({ at: `${ROOT}/Agent`, of: await agentName() }),
    login: () => kept('login', () => objects(tools.owner.bus).root.methods.openLogin({})),
    connection: () =>
      kept('connection', async () => (await tools.owner.connect(path, { 'on-conflict': 'share' })).path),
    session: async () => {
      const running = await objects(tools.root.bus).root.methods.listSessions();
      if (!running.some(([, , , , at]) => at === path)) await logIn();
      return { at: path };
    },
  };

  let known: Promise<string> | undefined;
  const agentName = () => {
    known ??= findAgent(tools.root.bus, agentPid('alice', path.split('/').at(-1) ?? ''));
    return known;
  };

  const screen = { id: 'a', size: [800, 600], position: [0, 0], scale: 0, primary: true };
  const file = openSync('/dev/null', 'r');
  /** Arguments for those methods that have any; one for each call where a call uses them up. */
  const args: Record<string, () => unknown[] | Promise<unknown[]>> = {
    OpenLogin: () => [{}],
    CreateSession: () => ['alice', {}],
    GetSession: () => [path.split('/').at(-1)],
    Provision: () => ['alice', { label: 'by the table' }],
    Revoke: async () => [(await provision(tools.root, 'alice')).id],
    List: () => [{ user: 'alice' }],
    Begin: () => ['password', {}],
    Respond: () => [1, ''],
    Step: () => [Buffer.alloc(0)],
    Connect: () => [{ 'on-conflict': 'share' }],
    Offer: () => [file, new Map()],
    PortalToken: () => [''],
    SetLayout: () => [1, [screen]],
    OpenPipeWireRemote: () => [{}],
    ConnectToEIS: () => [{}],
    SetSelection: () => [['text/plain']],
    SelectionRead: () => ['image/x-none'],
    SelectionWrite: () => [1],
    SelectionWriteDone: () => [1, true],
    Register: () => [path.split('/').at(-1)],
    Fail: () => [`${SERVICE}.Error.SessionFailed`, 'it did not'],
    Open: () => [{ grants: [], cursor: 'hidden' }],
    Resume: () => [[]],
    RunHooks: () => [
      {
        ...{ event: 'connected', connection: 1, connections: 1, first: true },
        ...{ name: '', address: '', reason: '', timeout: 1000 },
      },
    ],
  };

  it('are written down for every member there is', () => {
    const members = INTERFACES.map(({ name, methods, properties }) => [
      name,
      Object.keys(methods).sort(),
      Object.keys(properties).sort(),
    ]);
    const rows = Object.entries(RIGHTS).map(([name, { methods, properties }]) => [
      name,
      Object.keys(methods).sort(),
      Object.keys(properties).sort(),
    ]);
    assert.deepEqual(rows, members);
  });

  for (const [name, rights] of Object.entries(RIGHTS)) {
    const descriptor = INTERFACES.find((each) => each.name === name);
    const denied = (role: Role) => (rights.at === 'agent' && role !== 'root' ? ACCESS_DENIED : 'NotAuthorized');

    const objectAs = async (role: Role) => {
      assert.ok(descriptor !== undefined);
      const { at, of = SERVICE } = await places[rights.at]();
      return new RemoteObject(tools[role].bus, descriptor, of, at);
    };

    for (const [method, { may, ends }] of Object.entries(rights.methods))
      it(`${name}.${method} is for ${may.join(', ') || 'no tool'}`, async () => {
        for (const role of ROLES) {
          const object = await objectAs(role);
          const call = (object.methods as Record<string, (...args: unknown[]) => Promise<unknown>>)[
            `${method.charAt(0).toLowerCase()}${method.slice(1)}`
          ];
          assert.ok(call !== undefined);
          const number = rights.at === 'agent' && !ABOUT_ALL.includes(method) ? [NO_CONNECTION] : [];
          const result = call(...number, ...((await args[method]?.()) ?? []));
          const end = typeof ends === 'object' ? ends[role] : ends;
          if (!may.includes(role)) await refuses(denied(role), result);
          else if (end !== undefined) await refuses(end, result);
          else await result;
          if ((method === 'Cancel' || method === 'Close') && role === 'owner') made.delete(rights.at);
          if (rights.at === 'agent' && method === 'Open' && role === 'root')
            await new RemoteObject(tools.root.bus, agent, object.destination, object.path).methods.close(NO_CONNECTION);
          if (method === 'Terminate' && may.includes(role)) await ended(path);
        }
      });

    it(`the properties of ${name} are for those who may read them, and for nobody to set`, async () => {
      for (const role of ROLES) {
        const object = await objectAs(role);
        const call = (member: string, signature: string, body: unknown[]) =>
          tools[role].bus.call({
            destination: object.destination,
            path: object.path,
            interface: 'org.freedesktop.DBus.Properties',
            member,
            signature,
            body,
          });
        for (const [property, may] of Object.entries(rights.properties)) {
          const read = object.property(property);
          const set = call('Set', 'ssv', [name, property, codecFor('v').encode(new Variant('s', 'x'), { fds: [] })]);
          if (may.includes(role)) {
            await read;
            await refuses('org.freedesktop.DBus.Error.PropertyReadOnly', set);
          } else {
            await refuses(denied(role), read);
            await refuses(denied(role), set);
          }
        }
        const all = call('GetAll', 's', [name]);
        if (Object.values(rights.properties).every((may) => may.includes(role))) await all;
        else await refuses(denied(role), all);
      }
    });
  }

  /** Waits until the session is gone. */
  async function ended(gone: string): Promise<void> {
    await using removed = await Heard.listen(objects(tools.root.bus).root, 'SessionRemoved');
    const running = await objects(tools.root.bus).root.methods.listSessions();
    if (running.some(([, , , , at]) => at === gone)) await removed.next((_id, at) => at === gone);
    known = undefined;
  }
});
