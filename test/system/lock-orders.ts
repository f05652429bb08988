import assert from 'node:assert/strict';
import type { Tool } from '../../src/tool/tool.js';
import { run } from './fixture.js';

export const LOGIND = 'org.freedesktop.login1';

/** What logind tells a session's desktop about its screen, in order. */
export class Orders {
  readonly heard: string[] = [];
  /** logind's object of the session. */
  readonly path: string;
  #wake: () => void = () => {};

  private constructor(path: string) {
    this.path = path;
  }

  static async listen(tool: Tool, logindSession: string): Promise<Orders> {
    const manager = [LOGIND, '/org/freedesktop/login1', `${LOGIND}.Manager`];
    const found = run('busctl', '--json=short', 'call', ...manager, 'GetSession', 's', logindSession);
    const orders = new Orders(String(JSON.parse(found).data[0]));
    const at = { sender: LOGIND, interface: `${LOGIND}.Session`, path: orders.path };
    for (const member of ['Lock', 'Unlock'])
      await tool.bus.subscriptions.subscribe({ ...at, member }, () => {
        orders.heard.push(member);
        orders.#wake();
      });
    return orders;
  }

  async are(...expected: string[]): Promise<void> {
    while (this.heard.length < expected.length)
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    assert.deepEqual(this.heard, expected);
  }
}
