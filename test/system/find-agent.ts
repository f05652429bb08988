import type { Bus } from '../../src/bus/bus.js';

const driver = {
  destination: 'org.freedesktop.DBus',
  path: '/org/freedesktop/DBus',
  interface: 'org.freedesktop.DBus',
};

/** The bus name of a process that has no other name there: a session's agent. */
export async function findAgent(bus: Bus, pid: number): Promise<string> {
  const { body } = await bus.call({ ...driver, member: 'ListNames' });
  for (const name of ((body ?? []) as string[][])[0] ?? []) {
    if (!name.startsWith(':')) continue;
    const call = { ...driver, member: 'GetConnectionUnixProcessID', signature: 's', body: [name] };
    const reply = await bus.call(call).catch(() => undefined);
    if (reply?.body?.[0] === pid) return name;
  }
  throw new Error(`process ${pid} is not on the bus`);
}
