import { Bus } from '../bus/bus.js';
import type { BeginParameters, ConnectOptions, OpenLoginOptions } from '../bus/generated/dictionaries.js';
import { session } from '../bus/generated/session.js';
import { RemoteObject } from '../bus/remote-object.js';
import { ToolConnection } from './tool-connection.js';
import { type Means, ToolLogin } from './tool-login.js';

const SERVICE = 'org.freedesktop.RemoteAccess';

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

  /** A login for several methods or attempts, until disposed. */
  openLogin(options: OpenLoginOptions = {}): Promise<ToolLogin> {
    return ToolLogin.open(this.bus, options);
  }

  /** Logs in with one attempt and resolves with the session's path; fails as ToolLogin.begin does. */
  async logIn(
    method: string,
    parameters: BeginParameters = {},
    options: OpenLoginOptions = {},
    means: Means = {},
  ): Promise<string> {
    await using login = await this.openLogin(options);
    return await login.begin(method, parameters, means);
  }

  async connect(path: string, options: ConnectOptions = {}): Promise<ToolConnection> {
    const connection = await new RemoteObject(this.bus, session, SERVICE, path).methods.connect(options);
    return new ToolConnection(this.bus, connection);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.bus[Symbol.asyncDispose]();
  }
}
