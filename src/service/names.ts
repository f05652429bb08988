import { setTimeout as delay } from 'node:timers/promises';
import type { Bus } from '../bus/bus.js';
import { dbus } from '../bus/generated/dbus.js';
import type { ObjectTree } from '../bus/object-tree.js';
import { RemoteObject } from '../bus/remote-object.js';
import { BUS_NAME, PROCESS_NAME } from './paths.js';

/** From org.freedesktop.DBus.RequestName: whoever comes second must not take the name, nor wait for it. */
const DO_NOT_QUEUE = 4;
const PRIMARY_OWNER = 1;

/** How long calls in work may keep us when we have to leave, in milliseconds: shorter than TimeoutStopSec= of the unit. */
const GRACE = 10_000;

/**
 * The daemon's names on the bus. One is for callers, and given up first when it leaves, so that the next call starts
 * the next daemon. The other says that this process lives: while one may still be answering, none may begin.
 */
export class Names {
  readonly #bus: Bus;
  readonly #driver;

  constructor(bus: Bus) {
    this.#bus = bus;
    this.#driver = new RemoteObject(bus, dbus, 'org.freedesktop.DBus', '/org/freedesktop/DBus');
  }

  /** Whether both names are ours now. */
  async take(): Promise<boolean> {
    for (const name of [PROCESS_NAME, BUS_NAME])
      if ((await this.#driver.methods.requestName(name, DO_NOT_QUEUE)) !== PRIMARY_OWNER) return false;
    return true;
  }

  /** Which message bus this is: it has another one when it was started anew. */
  busId(): Promise<string> {
    return this.#driver.methods.getId();
  }

  /**
   * Leaves the bus without losing a call. What was called before the name was given up reached us, and is answered;
   * what is called after it waits in the bus for our successor, whom systemd starts when we are gone. `last` is done
   * when nothing more can come, while the bus still takes what we send.
   */
  async leave(tree: ObjectTree, last: () => void): Promise<void> {
    await Promise.race([this.#drain(tree), delay(GRACE, undefined, { ref: false })]);
    last();
    await Promise.race([this.#bus[Symbol.asyncDispose](), delay(GRACE, undefined, { ref: false })]);
  }

  async #drain(tree: ObjectTree): Promise<void> {
    await this.#driver.methods.releaseName(BUS_NAME);
    // Who knows us by our unique name may call until we are gone. The bus answers in order: nothing is on its way then.
    for (let calls = -1; calls !== tree.calls; await this.#driver.methods.getId()) {
      calls = tree.calls;
      await tree.answered();
    }
  }
}
