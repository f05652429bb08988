import type { Bus } from '../bus/bus.js';
import { type Capture, capture } from '../bus/generated/capture.js';
import { type Clipboard, clipboard } from '../bus/generated/clipboard.js';
import { type Connection, connection } from '../bus/generated/connection.js';
import type { Monitor } from '../bus/generated/dictionaries.js';
import { type Input, input } from '../bus/generated/input.js';
import { type Monitors, monitors } from '../bus/generated/monitors.js';
import { RemoteObject } from '../bus/remote-object.js';

const SERVICE = 'org.freedesktop.RemoteAccess';

/** A remote desktop tool's connection to a session, through nothing but the public D-Bus API. */
export class ToolConnection {
  readonly path: string;
  readonly #bus: Bus;
  readonly connection: RemoteObject<Connection>;
  readonly monitors: RemoteObject<Monitors>;
  readonly capture: RemoteObject<Capture>;
  readonly input: RemoteObject<Input>;
  readonly clipboard: RemoteObject<Clipboard>;

  constructor(bus: Bus, path: string) {
    this.path = path;
    this.#bus = bus;
    this.connection = new RemoteObject(bus, connection, SERVICE, path);
    this.monitors = new RemoteObject(bus, monitors, SERVICE, path);
    this.capture = new RemoteObject(bus, capture, SERVICE, path);
    this.input = new RemoteObject(bus, input, SERVICE, path);
    this.clipboard = new RemoteObject(bus, clipboard, SERVICE, path);
  }

  /** Replaces the layout, whatever it is now, and returns the new serial. */
  async layOut(layout: readonly Monitor[]): Promise<number> {
    const [serial] = await this.monitors.methods.getLayout();
    return this.monitors.methods.setLayout(serial, [...layout]);
  }

  /** Resolves when the connection is gone, with the reason: that of `Closed`, or `service-ended`. */
  closed(): Promise<string> {
    return new Promise((resolve, reject) => {
      this.connection.subscribe('Closed', resolve).catch(reject);
      const gone = (owner: string) => owner === '' && resolve('service-ended');
      this.#bus.subscriptions.watchOwner(SERVICE, gone).catch(reject);
      this.#bus.closed.then(() => resolve('service-ended'));
    });
  }
}
