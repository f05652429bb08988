import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { promisify } from 'node:util';
import { DOMParser, type Element } from '@xmldom/xmldom';
import type { ArgumentDescriptor, InterfaceDescriptor } from '../../src/bus/descriptor.js';
import { agent } from '../../src/bus/generated/agent.js';
import { agents } from '../../src/bus/generated/agents.js';
import { capture } from '../../src/bus/generated/capture.js';
import { clipboard } from '../../src/bus/generated/clipboard.js';
import { connection } from '../../src/bus/generated/connection.js';
import { type DictionaryName, dictionaries } from '../../src/bus/generated/dictionaries.js';
import { handover } from '../../src/bus/generated/handover.js';
import { input } from '../../src/bus/generated/input.js';
import { login } from '../../src/bus/generated/login.js';
import { monitors } from '../../src/bus/generated/monitors.js';
import { remoteAccess } from '../../src/bus/generated/remote-access.js';
import { session } from '../../src/bus/generated/session.js';
import { tokens } from '../../src/bus/generated/tokens.js';
import * as validators from '../../src/bus/generated/validators.js';

const ours: InterfaceDescriptor[] = [
  ...[remoteAccess, tokens, login, session, handover],
  ...[connection, monitors, capture, input, clipboard, agents, agent],
];

/** What programs of other people rely on. A change here breaks them: add members, never change one. */
const CONTRACT: Record<string, string[]> = {
  'org.freedesktop.RemoteAccess': [
    'version u',
    'AuthMethods as',
    'OpenLogin(a{sv} options) → (o login)',
    'CreateSession(s user, a{sv} options) → (o session)',
    'ListSessions() → (a(ssuso) sessions)',
    'GetSession(s id) → (o session)',
    'ListDesktops() → (aa{sv} desktops)',
    'ReloadConfiguration() → ()',
    'signal SessionNew(s id, o path)',
    'signal SessionRemoved(s id, o path)',
  ],
  'org.freedesktop.RemoteAccess.Tokens': [
    'version u',
    'Provision(s user, a{sv} options) → (s id, s token)',
    'Revoke(s id) → ()',
    'List(a{sv} filter) → (aa{sv} tokens)',
    'signal TokenAdded(s id)',
    'signal TokenRemoved(s id, s reason)',
  ],
  'org.freedesktop.RemoteAccess.Login': [
    'version u',
    'State s',
    'Methods as',
    'Session o',
    'GreeterSession o',
    'Begin(s method, a{sv} parameters) → ()',
    'Respond(u id, s answer) → ()',
    'Step(ay input) → (ay output)',
    'Cancel() → ()',
    'signal Prompt(u id, s style, s message)',
    'signal Completed(o session)',
    'signal Failed(s error, s message, b may_retry)',
  ],
  'org.freedesktop.RemoteAccess.Session': [
    'version u',
    'Id s',
    'Class s',
    'User (us)',
    'State s',
    'Desktop s',
    'Compositor s',
    'LogindSession s',
    'Created t',
    'Locked b',
    'Client a{sv}',
    'LastClient a{sv}',
    'Connect(a{sv} options) → (o connection)',
    'Lock() → ()',
    'Unlock() → ()',
    'Disconnect() → ()',
    'Terminate() → ()',
    'signal HandedOver(o session)',
  ],
  'org.freedesktop.RemoteAccess.Handover': [
    'version u',
    'Offer(h connection, a{sv} metadata) → ()',
    'Take() → (h connection, a{sv} metadata)',
    'signal Waiting()',
  ],
  'org.freedesktop.RemoteAccess.Connection': [
    'version u',
    'Session o',
    'Grants as',
    'PortalToken(s app_id) → (s restore_token)',
    'Close() → ()',
    'signal Closed(s reason)',
  ],
  'org.freedesktop.RemoteAccess.Monitors': [
    'version u',
    'GetLayout() → (u serial, aa{sv} monitors)',
    'SetLayout(u serial, aa{sv} monitors) → (u new_serial)',
    'signal LayoutChanged(u serial)',
  ],
  'org.freedesktop.RemoteAccess.Capture': [
    'version u',
    'Streams a(ua{sv})',
    'CursorModes as',
    'OpenPipeWireRemote(a{sv} options) → (h remote)',
  ],
  'org.freedesktop.RemoteAccess.Input': ['version u', 'Devices as', 'ConnectToEIS(a{sv} options) → (h eis)'],
  'org.freedesktop.RemoteAccess.Clipboard': [
    'version u',
    'MimeTypes as',
    'SetSelection(as mime_types) → ()',
    'SelectionRead(s mime) → (h data)',
    'SelectionWrite(u serial) → (h data)',
    'SelectionWriteDone(u serial, b success) → ()',
    'signal SelectionOwnerChanged(as mime_types, b is_owner)',
    'signal SelectionTransfer(s mime, u serial)',
  ],
};

/** Who may do what, where it is not the interface's default. */
const ACCESS: Record<string, string[]> = {
  'org.freedesktop.RemoteAccess': ['anyone'],
  'org.freedesktop.RemoteAccess.CreateSession': ['user', 'polkit:org.freedesktop.RemoteAccess.create-session'],
  'org.freedesktop.RemoteAccess.ReloadConfiguration': ['root'],
  'org.freedesktop.RemoteAccess.Tokens': ['user', 'polkit:org.freedesktop.RemoteAccess.manage-tokens'],
  'org.freedesktop.RemoteAccess.Tokens.version': ['anyone'],
  'org.freedesktop.RemoteAccess.Tokens.Provision': ['user', 'polkit:org.freedesktop.RemoteAccess.provision-token'],
  'org.freedesktop.RemoteAccess.Login': ['owner'],
  'org.freedesktop.RemoteAccess.Session': ['user', 'login', 'polkit:org.freedesktop.RemoteAccess.manage-sessions'],
  'org.freedesktop.RemoteAccess.Session.Connect': ['user', 'login'],
  'org.freedesktop.RemoteAccess.Handover.version': ['user', 'login'],
  'org.freedesktop.RemoteAccess.Handover.Offer': ['login', 'user'],
  'org.freedesktop.RemoteAccess.Handover.Take': ['session'],
  'org.freedesktop.RemoteAccess.Connection': ['owner'],
  'org.freedesktop.RemoteAccess.Monitors': ['owner'],
  'org.freedesktop.RemoteAccess.Capture': ['owner'],
  'org.freedesktop.RemoteAccess.Input': ['owner'],
  'org.freedesktop.RemoteAccess.Clipboard': ['owner'],
  'org.freedesktop.RemoteAccess.Agents': ['agent'],
  'org.freedesktop.RemoteAccess.Agent': ['root'],
};

function members({ methods, properties, signals }: InterfaceDescriptor): string[] {
  const list = (args: readonly ArgumentDescriptor[]) => args.map(({ type, name }) => `${type} ${name}`).join(', ');
  return [
    ...Object.values(properties).map(({ name, type }) => `${name} ${type}`),
    ...Object.values(methods).map((method) => `${method.name}(${list(method.in)}) → (${list(method.out)})`),
    ...Object.values(signals).map(({ name, args }) => `signal ${name}(${list(args)})`),
  ];
}

describe('interfaces', () => {
  it('and what is generated from them agree', async () => {
    const { stdout } = await promisify(execFile)(process.execPath, [
      '--import',
      'tsx',
      'scripts/generate.ts',
      '--check',
    ]);
    assert.equal(stdout, '');
  });

  for (const [name, contract] of Object.entries(CONTRACT))
    it(`${name} keeps its contract`, () => {
      const descriptor = ours.find((one) => one.name === name);
      assert.ok(descriptor);
      assert.deepEqual(members(descriptor).sort(), [...contract].sort());
    });

  it('grant access as documented', () => {
    for (const { name, methods, properties } of ours)
      for (const member of [...Object.values(methods), ...Object.values(properties)])
        assert.deepEqual(member.access, ACCESS[`${name}.${member.name}`] ?? ACCESS[name], `${name}.${member.name}`);
  });

  it('carry their documentation in the introspection of every element', () => {
    const documented = (element: Element): boolean =>
      Array.from(element.childNodes as Iterable<Element>).some(
        (child) => child.nodeName === 'annotation' && child.getAttribute('name') === 'org.gtk.GDBus.DocString',
      );
    for (const { introspection } of ours) {
      const root = new DOMParser().parseFromString(introspection, 'text/xml').documentElement;
      assert.ok(root);
      for (const element of [root, ...Array.from(root.getElementsByTagName('*'))])
        if (element.nodeName !== 'annotation')
          assert.ok(documented(element), `${element.nodeName} ${element.getAttribute('name')}`);
    }
  });

  it('name only errors that exist', () => {
    const errors = readFileSync('src/errors.ts', 'utf8');
    for (const { name, introspection } of ours)
      for (const [, list = ''] of introspection.matchAll(/&#10;Errors: (.*?)"/g))
        for (const [, error] of list.replaceAll('&#10;', ' ').matchAll(/(?:^|; )`(\w+)`/g))
          assert.match(errors, new RegExp(`class ${error} `), `${name}: ${error}`);
  });
});

describe('dictionaries', () => {
  const byName = new Map(Object.entries(validators));
  const check = (name: DictionaryName, value: unknown) => byName.get(name)?.(value);
  const monitor = { id: 'left', size: [1280, 720], position: [0, 0], scale: 1 };

  it('have a validator each, which needs nothing else', () => {
    assert.deepEqual(Object.keys(validators), Object.keys(dictionaries));
    assert.doesNotMatch(readFileSync('src/bus/generated/validators.js', 'utf8'), /require\(|ajv\//);
  });

  it('accept what they describe', () => {
    assert.equal(check('OpenLoginOptions', {}), true);
    assert.equal(check('OpenLoginOptions', { methods: ['token', 'later-one'], monitors: [monitor] }), true);
    assert.equal(check('OpenLoginOptions', { 'client-address': 'fe80::1%eth0', 'client-name': 'Zoë’s laptop' }), true);
    assert.equal(check('BeginParameters', { user: '🙂'.repeat(256), password: '\ud800'.repeat(512) }), true);
    assert.equal(check('ProvisionOptions', { grants: ['capture'], expires: 0, uses: 1 }), true);
    assert.equal(check('Monitor', { ...monitor, primary: true, transform: 7, refresh: 59.94 }), true);
  });

  it('refuse unknown keys, wrong types and values out of range', () => {
    assert.equal(check('OpenLoginOptions', { nonsense: 1 }), false);
    assert.equal(check('OpenLoginOptions', { desktop: '../../etc/passwd' }), false);
    assert.equal(check('OpenLoginOptions', { 'client-address': '192.0.2.1\nfake log line' }), false);
    assert.equal(check('OpenLoginOptions', { monitors: [{ ...monitor, node: 1 }] }), false);
    assert.equal(check('BeginParameters', { token: 'x'.repeat(4 * 1024 * 1024) }), false);
    assert.equal(check('BeginParameters', { user: '🙂'.repeat(257) }), false);
    assert.equal(check('ProvisionOptions', { grants: ['everything'] }), false);
    assert.equal(check('ProvisionOptions', { grants: ['capture', 'capture'] }), false);
    assert.equal(check('Monitor', { ...monitor, id: 'Left' }), false);
    assert.equal(check('Monitor', { ...monitor, transform: 8 }), false);
    assert.equal(check('Monitor', { id: 'left', size: [1280, 720], position: [0, 0] }), false);
  });

  it('leave what only geometry can judge to the layout', () => {
    for (const scale of [Number.NaN, 0, -1, Number.POSITIVE_INFINITY])
      assert.equal(check('Monitor', { ...monitor, scale, refresh: scale }), true, String(scale));
    assert.equal(check('Monitor', { ...monitor, size: [0, 4294967295] }), true);
  });
});
