import { Bus } from '../bus/bus.js';
import { type RemoteAccess, remoteAccess } from '../bus/generated/remote-access.js';
import { type Session, session } from '../bus/generated/session.js';
import { type Tokens, tokens } from '../bus/generated/tokens.js';
import { RemoteObject } from '../bus/remote-object.js';

export const BUS_NAME = 'org.freedesktop.RemoteAccess';
export const ROOT_PATH = '/org/freedesktop/RemoteAccess';

/** Milliseconds: a desktop may take a minute to come up, and the service says so itself when it does not. */
export const START_DEADLINE = 620_000;

/** The service on the system bus, which starts it when it is first called. */
export class Service {
  readonly bus: Bus;
  readonly root: RemoteObject<RemoteAccess>;
  readonly tokens: RemoteObject<Tokens>;

  private constructor(bus: Bus) {
    this.bus = bus;
    this.root = new RemoteObject(bus, remoteAccess, BUS_NAME, ROOT_PATH);
    this.tokens = new RemoteObject(bus, tokens, BUS_NAME, ROOT_PATH);
  }

  static async connect(): Promise<Service> {
    return new Service(await Bus.system());
  }

  session(path: string): RemoteObject<Session> {
    return new RemoteObject(this.bus, session, BUS_NAME, path);
  }
}
