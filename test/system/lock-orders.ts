import assert from 'node:assert/strict';
import type { Tool } from '../../src/tool/tool.js';
import { run } from './fixture.js';

const LOGIND = 'org.freedesktop.login1';

/** What logind tells a session's desktop about its screen, in order. */
export class Orders {
  readonly heard: string[] = [];
  #wake: () => void = () => {};

  static async listen(tool: Tool, logindSession: string): Promise<Orders> {
    const orders = new Orders();
    const manager = [LOGIND, '/org/freedesktop/login1', `${LOGIND}.Manager`];
    const found = run('busctl', '--json=short', 'call', ...manager, 'GetSession', 's', logindSession);
    const at = { sender: LOGIND, interface: `${LOGIND}.Session`, path: String(JSON.parse(found).data[0]) };
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
