import { Bus } from '../bus/bus.js';
import type { BeginParameters, ConnectOptions, OpenLoginOptions } from '../bus/generated/dictionaries.js';
import { login } from '../bus/generated/login.js';
import { remoteAccess } from '../bus/generated/remote-access.js';
import { session } from '../bus/generated/session.js';
import { RemoteObject } from '../bus/remote-object.js';
import { RemoteAccessError } from '../errors.js';
import { ToolConnection } from './tool-connection.js';

const SERVICE = 'org.freedesktop.RemoteAccess';

/** The login ended with one of the service's named errors. */
export class LoginFailed extends RemoteAccessError {
  override readonly name = 'LoginFailed';
  readonly dbusName: string;

  constructor(dbusName: string, message: string) {
    super(message);
    this.dbusName = dbusName;
  }
}

/** Answers what a login asks, in a style of `Prompt`; undefined to what is only said, which needs no answer. */
export type Answer = (style: string, message: string) => Promise<string | undefined>;

/** A remote desktop tool: logs in and connects, through nothing but the public D-Bus API. */
export class Tool implements AsyncDisposable {
  readonly bus: Bus;

  /** Owns the bus connection. */
  constructor(bus: Bus) {
    this.bus = bus;
  }

  static async start(): Promise<Tool> {
    return new Tool(await Bus.system());
  }

  /**
   * Logs in and resolves with the session's path. Fails with LoginFailed, with what Begin answers, or with what `answer`
   * throws; a question that nobody answers waits until the login's time is over.
   */
  async logIn(
    method: string,
    parameters: BeginParameters = {},
    options: OpenLoginOptions = {},
    answer?: Answer,
  ): Promise<string> {
    const root = new RemoteObject(this.bus, remoteAccess, SERVICE, '/org/freedesktop/RemoteAccess');
    const path = await root.methods.openLogin(options);
    const object = new RemoteObject(this.bus, login, SERVICE, path);
    const subscriptions: AsyncDisposable[] = [];
    try {
      let settle: { resolve: (path: string) => void; reject: (error: Error) => void } | undefined;
      const completed = new Promise<string>((resolve, reject) => {
        settle = { resolve, reject };
      });
      completed.catch(() => {});
      subscriptions.push(
        await object.subscribe('Completed', (path) => settle?.resolve(path)),
        await object.subscribe('Failed', (error, message) => settle?.reject(new LoginFailed(error, message))),
        await object.subscribe('Prompt', async (id, style, message) => {
          try {
            const text = await answer?.(style, message);
            if (text !== undefined) await object.methods.respond(id, text);
          } catch (error) {
            settle?.reject(error as Error);
          }
        }),
      );
      await object.methods.begin(method, parameters);
      return await completed;
    } finally {
      for (const subscription of subscriptions) await subscription[Symbol.asyncDispose]();
    }
  }

  async connect(path: string, options: ConnectOptions = {}): Promise<ToolConnection> {
    const connection = await new RemoteObject(this.bus, session, SERVICE, path).methods.connect(options);
    return new ToolConnection(this.bus, connection);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.bus[Symbol.asyncDispose]();
  }
}
