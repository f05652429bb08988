/**
 * A remote desktop tool as a process of its own: obeys lines of JSON on stdin through nothing but the public API, and
 * answers each with a line of JSON; signals are lines too. Descriptors go to the other end of the socket on
 * descriptor 3, each with the number of the command that it answers as 32 bits.
 */
import { closeSync } from 'node:fs';
import { createInterface } from 'node:readline';
import { type RemoteAccess, remoteAccess } from '../../../src/bus/generated/remote-access.js';
import { type Session, session as sessionInterface } from '../../../src/bus/generated/session.js';
import { send } from '../../../src/bus/native/descriptors.js';
import { RemoteObject } from '../../../src/bus/remote-object.js';
import { Tool } from '../../../src/tool/tool.js';
import { ToolConnection } from '../../../src/tool/tool-connection.js';

/** What a tool talks to: an interface of a connection, or of the session or the root object. */
export type Part = 'connection' | 'monitors' | 'capture' | 'input' | 'clipboard' | 'session' | 'root';

export type ToolCommand =
  | { do: 'log-in'; token: string; options: object }
  | { do: 'connect'; session: string; options: object }
  | { do: 'call'; path: string; part: Part; method: string; args: unknown[] }
  | { do: 'property'; path: string; part: Part; name: string };

export type ToolEvent = { event: string; path: string; args: unknown[] };

const SERVICE = 'org.freedesktop.RemoteAccess';
const tool = await Tool.start();
const connections = new Map<string, ToolConnection>();
const root = new RemoteObject<RemoteAccess>(tool.bus, remoteAccess, SERVICE, '/org/freedesktop/RemoteAccess');

const print = (message: object) => process.stdout.write(`${JSON.stringify(message)}\n`);
const tell =
  (path: string, event: string) =>
  (...args: unknown[]) =>
    print({ event, path, args } satisfies ToolEvent);

async function connect(session: string, options: object): Promise<string> {
  const connection = await tool.connect(session, options);
  const { path } = connection;
  connections.set(path, connection);
  await connection.connection.subscribe('Closed', tell(path, 'Closed'));
  await connection.monitors.subscribe('LayoutChanged', tell(path, 'LayoutChanged'));
  await connection.clipboard.subscribe('SelectionOwnerChanged', tell(path, 'SelectionOwnerChanged'));
  await connection.clipboard.subscribe('SelectionTransfer', tell(path, 'SelectionTransfer'));
  return path;
}

/** As one that takes any arguments: they come as JSON. */
type AnyObject = {
  readonly methods: Readonly<Record<string, (...args: unknown[]) => Promise<unknown>>>;
  property(name: string): Promise<unknown>;
};

function objectOf(path: string, part: Part): AnyObject {
  const object =
    part === 'root'
      ? root
      : part === 'session'
        ? new RemoteObject<Session>(tool.bus, sessionInterface, SERVICE, path)
        : (connections.get(path) ?? new ToolConnection(tool.bus, path))[part];
  return object as unknown as AnyObject;
}

const RETURNS_DESCRIPTOR = new Set(['openPipeWireRemote', 'connectToEIS', 'selectionRead', 'selectionWrite', 'take']);

async function obey(number: number, command: ToolCommand): Promise<unknown> {
  switch (command.do) {
    case 'log-in':
      return tool.logIn('token', { token: command.token }, command.options);
    case 'connect':
      return connect(command.session, command.options);
    case 'call': {
      const { methods } = objectOf(command.path, command.part);
      const result = await methods[command.method]?.(...command.args);
      if (!RETURNS_DESCRIPTOR.has(command.method)) return result;
      const tag = Buffer.alloc(4);
      tag.writeUInt32LE(number);
      send(3, tag, [result as number]);
      closeSync(result as number);
      return 'descriptor';
    }
    case 'property':
      return objectOf(command.path, command.part).property(command.name);
  }
}

await root.subscribe('SessionRemoved', tell('', 'SessionRemoved'));
await root.subscribe('SessionNew', tell('', 'SessionNew'));
for await (const line of createInterface({ input: process.stdin })) {
  const { number, ...command } = JSON.parse(line) as ToolCommand & { number: number };
  void obey(number, command as ToolCommand).then(
    (result) => print({ number, result }),
    (error: Error & { dbusName?: string }) =>
      print({ number, error: error.dbusName ?? error.name, message: error.message }),
  );
}
process.exit(0);
