import { remoteAccess } from '../../src/bus/generated/remote-access.js';
import { session } from '../../src/bus/generated/session.js';
import { RemoteObject } from '../../src/bus/remote-object.js';
import type { Tool } from '../../src/tool/tool.js';

const SERVICE = 'org.freedesktop.RemoteAccess';

/** Ends every session, as root, and resolves when they are gone. */
export async function endSessions({ bus }: Tool): Promise<void> {
  const root = new RemoteObject(bus, remoteAccess, SERVICE, '/org/freedesktop/RemoteAccess');
  const left = new Set<string>();
  let none: () => void = () => {};
  const gone = new Promise<void>((resolve) => {
    none = resolve;
  });
  await using _removed = await root.subscribe('SessionRemoved', (_id, path) => {
    left.delete(path);
    if (left.size === 0) none();
  });
  for (const [, , , , path] of await root.methods.listSessions()) left.add(path);
  if (left.size === 0) return;
  for (const path of [...left]) await new RemoteObject(bus, session, SERVICE, path).methods.terminate();
  await gone;
}
