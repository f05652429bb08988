import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { connection } from '../../src/bus/generated/connection.js';
import { dbus } from '../../src/bus/generated/dbus.js';
import { RemoteObject } from '../../src/bus/remote-object.js';
import type { Tool } from '../../src/tool/tool.js';
import {
  endSessions,
  Heard,
  installDesktop,
  managed,
  objects,
  type PropertiesChanged,
  ROOT,
  refuses,
  run,
  SERVICE,
  toolAs,
} from './fixture.js';

describe('the service on the bus', () => {
  let admin: Tool;
  let alice: Tool;
  let path = '';

  before(async () => {
    installDesktop('fake');
    admin = await toolAs('root');
    alice = await toolAs('alice');
  });

  after(() => endSessions(admin));

  const call = (tool: Tool, at: string, member: string, signature = '', body: unknown[] = []) => {
    const [iface = '', name = ''] = member.split('/');
    const target = { destination: SERVICE, path: at, interface: `org.freedesktop.DBus.${iface}`, member: name };
    return tool.bus.call(signature === '' ? target : { ...target, signature, body });
  };
  const introspect = async (at: string) => String((await call(alice, at, 'Introspectable/Introspect')).body?.[0]);

  it('is started by whoever calls it', async () => {
    assert.equal(run('systemctl', 'show', '--value', '--property=ActiveState', 'remote-accessd.service'), 'inactive');
    const driver = new RemoteObject(alice.bus, dbus, 'org.freedesktop.DBus', '/org/freedesktop/DBus');
    await refuses('org.freedesktop.DBus.Error.NameHasNoOwner', driver.methods.getNameOwner(SERVICE));
    assert.equal(await objects(alice.bus).root.property('version'), 1);
    assert.match(await driver.methods.getNameOwner(SERVICE), /^:/);
    assert.equal(run('systemctl', 'show', '--value', '--property=ActiveState', 'remote-accessd.service'), 'active');
  });

  it('describes every object to everybody, with its documentation', async () => {
    path = await objects(admin.bus).root.methods.createSession('alice', { desktop: 'fake' });
    const attached = await alice.connect(path);
    const login = await objects(alice.bus).root.methods.openLogin({});
    const expected = [
      [ROOT, ['', '.Tokens']],
      [login, ['.Login']],
      [path, ['.Session', '.Handover']],
      [attached.path, ['.Connection', '.Monitors', '.Capture', '.Input', '.Clipboard']],
      [`${ROOT}/Agents`, ['.Agents']],
    ] as const;
    for (const [at, interfaces] of expected) {
      const xml = await introspect(at);
      const names = [...xml.matchAll(/<interface name="([^"]+)"/g)].map(([, name = '']) => name);
      assert.deepEqual(
        new Set(names.filter((name) => !name.startsWith('org.freedesktop.DBus.'))),
        new Set(interfaces.map((name) => `${SERVICE}${name}`)),
      );
      for (const standard of ['Peer', 'Introspectable', 'Properties'])
        assert.ok(names.includes(`org.freedesktop.DBus.${standard}`), `${at} ${standard}`);
      assert.equal(names.includes('org.freedesktop.DBus.ObjectManager'), at === ROOT);
      // Each interface, and each of its members.
      for (const [body] of xml.matchAll(/<interface name="org\.freedesktop\.RemoteAccess[\s\S]*?<\/interface>/g)) {
        const members = body.match(/<(interface|method|signal|property) /g)?.length ?? 0;
        const documented = body.match(/org\.gtk\.GDBus\.DocString/g)?.length ?? 0;
        assert.ok(documented >= members, `${at}: ${documented} of ${members} in ${body.slice(0, 80)}`);
      }
      assert.match(
        run('gdbus', 'introspect', '--system', '--dest', SERVICE, '--object-path', at),
        /readonly u version/,
      );
    }
    assert.match(await introspect(ROOT), /<node name="session"/);
    assert.match(run('busctl', 'tree', '--list', SERVICE), new RegExp(path));
    await attached.connection.methods.close();
    await objects(alice.bus).login(login).methods.cancel();
  });

  it('answers Peer', async () => {
    await call(alice, path, 'Peer/Ping');
    const { body } = await call(alice, '/anything', 'Peer/GetMachineId');
    assert.equal(body?.[0], readFileSync('/etc/machine-id', 'utf8').trim());
  });

  it('names what is not there', async () => {
    const errors = 'org.freedesktop.DBus.Error';
    const get = (iface: string, name: string, at = path) => call(alice, at, 'Properties/Get', 'ss', [iface, name]);
    await refuses(`${errors}.UnknownObject`, get(`${SERVICE}.Session`, 'Id', `${ROOT}/session/none`));
    await refuses(`${errors}.UnknownInterface`, get(`${SERVICE}.Nothing`, 'Id'));
    await refuses(`${errors}.UnknownProperty`, get(`${SERVICE}.Session`, 'Nothing'));
    await refuses(`${errors}.UnknownMethod`, call(alice, ROOT, 'ObjectManager/Nothing'));
    await refuses(`${errors}.UnknownMethod`, call(alice, path, 'Properties/Nothing'));
    await refuses(`${errors}.InvalidArgs`, call(alice, path, 'Properties/Get', 's', ['x']));
    const { body } = await call(alice, path, 'Properties/GetAll', 's', [`${SERVICE}.Session`]);
    const [properties = []] = (body ?? []) as [string][][];
    assert.ok(properties.some(([name]) => name === 'LogindSession'));
  });

  it('shows its objects to those whose they are', async () => {
    await using other = await toolAs('alice');
    await using stranger = await toolAs('nobody');
    await using added = await Heard.standard<[string, [string, unknown[]][]]>(alice.bus, ROOT, 'InterfacesAdded');
    await using foreign = await Heard.standard<[string, [string, unknown[]][]]>(other.bus, ROOT, 'InterfacesAdded');
    await using removed = await Heard.standard<[string, string[]]>(alice.bus, ROOT, 'InterfacesRemoved');
    const login = await objects(alice.bus).root.methods.openLogin({});
    const [announced, [described] = []] = await added.next();
    assert.equal(announced, login);
    assert.ok(described?.[0] === `${SERVICE}.Login` && described[1].length > 0);
    const attached = await alice.connect(path);
    assert.equal((await added.next())[0], attached.path);
    assert.deepEqual((await managed(alice.bus, ROOT)).sort(), [attached.path, login, path].sort());
    assert.deepEqual(await managed(other.bus, ROOT), [path]);
    assert.deepEqual(await managed(stranger.bus, ROOT), []);
    assert.deepEqual(await managed(admin.bus, ROOT), [path]);
    await attached.connection.methods.close();
    const [gone, interfaces] = await removed.next();
    assert.deepEqual([gone, interfaces[0]], [attached.path, `${SERVICE}.Connection`]);
    await objects(alice.bus).login(login).methods.cancel();
    assert.equal((await removed.next())[0], login);
    assert.deepEqual(foreign.all, []);
  });

  it('tells of changes: the values to owners, of what many may read the names alone', async () => {
    await using told = await Heard.standard<PropertiesChanged>(admin.bus, path, 'PropertiesChanged');
    const attached = await alice.connect(path);
    const [iface, values, names] = await told.next();
    assert.deepEqual([iface, values, names.sort()], [`${SERVICE}.Session`, [], ['Client', 'State']]);
    await using own = await Heard.standard<PropertiesChanged>(alice.bus, attached.path, 'PropertiesChanged');
    await attached.layOut([{ id: 'one', size: [640, 480], position: [0, 0], scale: 1, primary: true }]);
    const [, [streams]] = await own.next();
    assert.deepEqual(streams?.[0], 'Streams');
    assert.deepEqual(await new RemoteObject(alice.bus, connection, SERVICE, attached.path).property('Session'), path);
  });

  it('announces sessions to everybody by name', async () => {
    await using stranger = await toolAs('nobody');
    await using added = await Heard.standard<[string, [string, unknown[]][]]>(stranger.bus, ROOT, 'InterfacesAdded');
    await using news = await Heard.listen(objects(stranger.bus).root, 'SessionNew');
    await using ended = await Heard.listen(objects(stranger.bus).root, 'SessionRemoved');
    await endSessions(admin);
    assert.equal((await ended.next())[1], path);
    path = await objects(admin.bus).root.methods.createSession('alice', { desktop: 'fake' });
    assert.equal((await news.next())[1], path);
    const [at, interfaces] = await added.next();
    assert.deepEqual([at, interfaces.map(([, properties]) => properties)], [path, [[], []]]);
  });
});
