import { CallError } from '../../bus/call-error.js';
import { dbus } from '../../bus/generated/dbus.js';
import { RemoteObject } from '../../bus/remote-object.js';
import type { Context } from '../context.js';
import { EXIT } from '../exit-code.js';
import { reportFailure } from '../failure.js';
import { BUS_NAME, type Service } from '../service.js';
import { listSessions } from '../session-info.js';
import { VERSION } from '../version.js';

type Found = 'running' | 'activatable' | 'missing';

export async function run({ output, connect }: Context): Promise<number | void> {
  const service = await connect();
  const found = await find(service);
  const state = await ask(service).catch((error) => {
    reportFailure(error, { json: output.json });
    return undefined;
  });
  const { sessions = [], tokens = 0, desktops = [], methods = [], version = 0, pid = 0 } = state ?? {};
  const connected = sessions.filter((session) => session.state === 'connected').length;
  if (output.json)
    output.object({
      service: found,
      pid,
      'api-version': version,
      'auth-methods': methods,
      sessions: sessions.length,
      connected,
      tokens,
      desktops,
    });
  else
    output.fields(`${BUS_NAME} - ${MEANING[found]}`, [
      ...(state === undefined
        ? []
        : ([
            ['Process', `${pid} (remote-accessd.service)`],
            ['API', `version ${version}`],
            ['Logins by', methods.join(', ')],
            ['Desktops', desktops.join(', ') || 'none: no session can be started'],
            ['Sessions', `${sessions.length}, ${connected} of them connected`],
            ['Tokens', `${tokens}`],
            ['Limits', 'one session a user; 1000 tokens a user; 16 monitors a session'],
          ] as const)),
      ['Program', `remoteaccessctl ${VERSION}`],
    ]);
  return state === undefined ? EXIT.unavailable : EXIT.ok;
}

const MEANING: Record<Found, string> = {
  running: 'running',
  activatable: 'was not running, starts when it is called',
  missing: 'not installed: the bus does not know it',
};

/** Without starting it. */
async function find({ bus }: Service): Promise<Found> {
  const driver = new RemoteObject(bus, dbus, 'org.freedesktop.DBus', '/org/freedesktop/DBus');
  if (await driver.methods.nameHasOwner(BUS_NAME)) return 'running';
  return (await driver.methods.listActivatableNames()).includes(BUS_NAME) ? 'activatable' : 'missing';
}

async function ask(service: Service) {
  const driver = new RemoteObject(service.bus, dbus, 'org.freedesktop.DBus', '/org/freedesktop/DBus');
  const { version, AuthMethods: methods } = await service.root.allProperties();
  const [desktops, tokens, sessions, pid] = await Promise.all([
    service.root.methods.listDesktops(),
    service.tokens.methods.list({}),
    listSessions(service),
    // It may have gone to sleep again.
    driver.methods.getConnectionUnixProcessID(BUS_NAME).catch((error) => {
      if (error instanceof CallError) return 0;
      throw error;
    }),
  ]);
  return { version, methods, desktops: desktops.map(({ id }) => id), tokens: tokens.length, sessions, pid };
}
