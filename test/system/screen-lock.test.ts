import assert from 'node:assert/strict';
import { Keyboard } from '../../src/tool/keyboard.js';
import { takePicture } from '../../src/tool/picture.js';
import type { Tool } from '../../src/tool/tool.js';
import type { ToolConnection } from '../../src/tool/tool-connection.js';
import { mainPid, Owners, reload, UNIT } from './daemon.js';
import {
  endSessions,
  Heard,
  installDesktop,
  objects,
  type PropertiesChanged,
  provision,
  refuses,
  run,
  toolAs,
} from './fixture.js';
import { runAsUser } from './in-session.js';
import { LOGIND, Orders } from './lock-orders.js';

/** What GNOME Shell says. */
function shield(): string {
  const screenSaver = ['--dest=org.gnome.ScreenSaver', '--object-path=/org/gnome/ScreenSaver'];
  const call = ['gdbus', 'call', '--session', ...screenSaver, '--method=org.gnome.ScreenSaver.GetActive'];
  return runAsUser('alice', ...call).trim();
}

describe("a session's screen", function () {
  this.timeout(60_000);
  let admin: Tool;
  let token: string;
  let path: string;
  let orders: Orders;

  before(async () => {
    installDesktop('fake');
    admin = await toolAs('root');
    ({ token } = await provision(admin, 'alice'));
  });

  beforeEach(async () => {
    path = await objects(admin.bus).root.methods.createSession('alice', { desktop: 'fake' });
    orders = await Orders.listen(admin, await objects(admin.bus).session(path).property('LogindSession'));
  });

  afterEach(() => endSessions(admin));

  /** Whatever was to come has come: what we ask for ourselves comes after it. */
  async function nothingMoreThan(...expected: string[]): Promise<void> {
    await objects(admin.bus).session(path).methods.lock();
    await orders.are(...expected, 'Lock');
  }

  async function loseAgent(tool: Tool, connection: ToolConnection): Promise<void> {
    const closed = connection.closed();
    // Whose answer comes when the bus knows what we listen to.
    await objects(tool.bus).session(path).property('State');
    const agent = `remote-access-agent@${path.slice(-8)}.service`;
    runAsUser('alice', 'systemctl', '--user', 'kill', '--signal=KILL', agent);
    assert.equal(await closed, 'session-ended');
  }

  /** Returns when the service knows that the screen is locked, or is not, and the desktop means the same. */
  async function becomes(locked: boolean, meant = () => true): Promise<void> {
    const session = objects(admin.bus).session(path);
    await using changes = await Heard.standard<PropertiesChanged>(admin.bus, path, 'PropertiesChanged');
    // What it says may be about an order before the last one: then it says more.
    while ((await session.property('Locked')) !== locked || !meant())
      await changes.next((_iface, _told, others) => others.includes('Locked'));
  }

  /** As a desktop with a locker does. */
  async function desktopSays(locked: boolean): Promise<void> {
    run('busctl', 'call', LOGIND, orders.path, `${LOGIND}.Session`, 'SetLockedHint', 'b', String(locked));
    await becomes(locked);
  }

  const loggedIn = async (user = 'bob') => {
    const tool = await toolAs(user);
    assert.equal(await tool.logIn('token', { token }), path);
    return tool;
  };

  it('is unlocked for who logged in, and locked when they close the connection', async () => {
    const connection = await (await loggedIn()).connect(path);
    await orders.are('Unlock');
    await connection.connection.methods.close();
    await orders.are('Unlock', 'Lock');
    // A desktop without a locker is never locked.
    assert.equal(await objects(admin.bus).session(path).property('Locked'), false);
  });

  it('is unlocked by every way of logging in', async () => {
    run('sh', '-c', 'echo alice:lock-test | chpasswd');
    const peer = await toolAs('alice');
    await peer.logIn('peer');
    const password = await toolAs('bob');
    await password.logIn('password', { user: 'alice', password: 'lock-test' });
    await (await peer.connect(path)).connection.methods.close();
    await (await password.connect(path)).connection.methods.close();
    await nothingMoreThan('Unlock', 'Lock', 'Unlock', 'Lock');
  });

  it('is locked when the tool dies', async () => {
    const tool = await loggedIn();
    await tool.connect(path);
    await tool[Symbol.asyncDispose]();
    await orders.are('Unlock', 'Lock');
  });

  it('stays as it is for a mere connection, however somebody comes by it', async () => {
    const owner = await toolAs('alice');
    for (const tool of [admin, owner])
      for (const conflict of ['share', 'displace'] as const)
        await (await tool.connect(path, { 'on-conflict': conflict })).connection.methods.close();
    const stranger = await toolAs('bob');
    await assert.rejects(stranger.logIn('token', { token: `${token.slice(0, -2)}00` }));
    await assert.rejects(stranger.logIn('password', { user: 'alice', password: 'wrong' }));
    await refuses('NotAuthorized', stranger.connect(path));
    await nothingMoreThan();
  });

  it('is unlocked once for a login, and not by a try to connect that fails', async () => {
    const { token: limited } = await provision(admin, 'alice', { grants: ['capture'] });
    const tool = await toolAs('bob');
    await tool.logIn('token', { token: limited });
    await refuses('GrantMissing', tool.connect(path, { grants: ['keyboard'] }));
    const other = await admin.connect(path);
    await refuses('Busy', tool.connect(path, { 'on-conflict': 'fail' }));
    await other.connection.methods.close();
    await (await tool.connect(path)).connection.methods.close();
    await orders.are('Unlock', 'Lock');
    // The same process again, but nobody has proved anything.
    await (await tool.connect(path)).connection.methods.close();
    await orders.are('Unlock', 'Lock', 'Lock');
    await tool.logIn('token', { token: limited });
    await tool.connect(path);
    await orders.are('Unlock', 'Lock', 'Lock', 'Unlock');
  });

  it('is locked when the last of several has gone, and never between one and the next', async () => {
    const first = await (await loggedIn()).connect(path);
    const closed = first.closed();
    const second = await (await loggedIn()).connect(path);
    assert.equal(await closed, 'displaced');
    const watcher = await admin.connect(path, { 'on-conflict': 'share' });
    await second.connection.methods.close();
    await watcher.connection.methods.close();
    await orders.are('Unlock', 'Unlock', 'Lock');
  });

  it('is not unlocked for a login beside somebody who did not log in', async () => {
    const watcher = await admin.connect(path);
    const tool = await loggedIn();
    const beside = await tool.connect(path, { 'on-conflict': 'share' });
    await watcher.connection.methods.close();
    await beside.connection.methods.close();
    await orders.are('Lock');
    await tool.connect(path);
    await orders.are('Lock', 'Unlock');
  });

  it('is locked when the client leaves while there is no daemon', async () => {
    const tool = await loggedIn();
    await tool.connect(path);
    run('systemctl', 'kill', '--signal=KILL', UNIT);
    await tool[Symbol.asyncDispose]();
    await orders.are('Unlock', 'Lock');
  });

  it('is neither locked nor unlocked by a new daemon', async () => {
    const tool = await loggedIn();
    const connection = await tool.connect(path);
    await using owners = await Owners.watch(admin.bus);
    const pid = mainPid();
    process.kill(pid, 'SIGKILL');
    await owners.until(({ exits, now }) => exits > 0 && now !== '');
    await connection.connection.methods.close();
    await orders.are('Unlock', 'Lock');
    // The login was used up under the daemon before.
    await (await tool.connect(path)).connection.methods.close();
    await orders.are('Unlock', 'Lock', 'Lock');
  });

  it('waits for a client that lost its agent', async () => {
    const tool = await loggedIn();
    for (const _ of [1, 2]) {
      const connection = await tool.connect(path);
      await loseAgent(tool, connection);
    }
    await tool.connect(path);
    await nothingMoreThan('Unlock');
    await tool[Symbol.asyncDispose]();
    await orders.are('Unlock', 'Lock', 'Lock');
  });

  it('is locked when that client does not come back', async () => {
    const tool = await loggedIn();
    const connection = await tool.connect(path);
    await loseAgent(tool, connection);
    await orders.are('Unlock', 'Lock');
  });

  it('is not locked again when it is locked already', async () => {
    const connection = await (await loggedIn()).connect(path);
    await desktopSays(true);
    await connection.connection.methods.close();
    await nothingMoreThan('Unlock');
  });

  it('is locked when it is unlocked by somebody who has left meanwhile', async () => {
    const connection = await (await loggedIn()).connect(path);
    await desktopSays(true);
    await connection.connection.methods.close();
    await objects(admin.bus).session(path).property('State');
    await desktopSays(false);
    await orders.are('Unlock', 'Lock');
    // It has done so, and somebody unlocks it from outside.
    await desktopSays(true);
    await objects(admin.bus).session(path).methods.unlock();
    await desktopSays(false);
    await nothingMoreThan('Unlock', 'Lock', 'Unlock');
  });

  it('is locked when the client leaves before it is unlocked', async () => {
    const tool = await loggedIn();
    await (await tool.connect(path)).connection.methods.close();
    await orders.are('Unlock', 'Lock');
    await desktopSays(true);
    await tool.logIn('token', { token });
    await (await tool.connect(path)).connection.methods.close();
    await orders.are('Unlock', 'Lock', 'Unlock', 'Lock');
  });

  it('is left alone where it is configured so', async () => {
    reload('[Session]\nLockOnDisconnect=no\n');
    await (await (await loggedIn()).connect(path)).connection.methods.close();
    await nothingMoreThan('Unlock');
    reload('');
  });

  it('of GNOME Shell is locked and unlocked', async () => {
    await endSessions(admin);
    const tool = await toolAs('bob');
    path = await tool.logIn('token', { token }, { desktop: 'gnome' });
    const shows = (locked: boolean) => becomes(locked, () => shield() === `(${locked},)`);
    let connection = await tool.connect(path);
    await connection.connection.methods.close();
    await shows(true);
    await (await admin.connect(path)).connection.methods.close();
    assert.equal(shield(), '(true,)');
    await tool.logIn('token', { token });
    connection = await tool.connect(path);
    await shows(false);
    // Faster than the shell can draw it.
    for (const _ of [1, 2, 3]) {
      await tool.logIn('token', { token });
      await connection.connection.methods.close();
      connection = await tool.connect(path);
    }
    await objects(admin.bus).session(path).methods.lock();
    await shows(true);
    await objects(admin.bus).session(path).methods.unlock();
    await shows(false);
    await tool[Symbol.asyncDispose]();
    await shows(true);
  });

  it('of GNOME Shell opens to the password, also after it had asked somebody who left', async () => {
    await endSessions(admin);
    run('sh', '-c', 'echo alice:lock-test | chpasswd');
    const tool = await toolAs('bob');
    path = await tool.logIn('token', { token }, { desktop: 'gnome' });
    await (await tool.connect(path)).connection.methods.close();
    await becomes(true);
    const type = async (connection: ToolConnection, what: (keyboard: Keyboard) => Promise<void>) => {
      using keyboard = await Keyboard.open(await connection.input.methods.connectToEIS({}));
      await what(keyboard);
    };
    // It is dark until somebody presses a key. The same process, but it did not log in again.
    const first = await tool.connect(path);
    assert.ok((await takePicture(first)).pixels.every((byte) => byte === 0));
    await type(first, (keyboard) => keyboard.press('Return'));
    while (!(await takePicture(first)).pixels.some((byte) => byte > 200));
    await first.connection.methods.close();
    assert.equal(await objects(admin.bus).session(path).property('Locked'), true);
    const second = await tool.connect(path);
    await type(second, async (keyboard) => {
      await keyboard.type('lock-test');
      await keyboard.press('Return');
    });
    await becomes(false);
    assert.equal(shield(), '(false,)');
    await second.connection.methods.close();
    await becomes(true);
  });
});
