/**
 * The part of a remote desktop tool that runs inside the session: takes the socket that is offered, prints what was said
 * about it, and greets on it. Before, if there is nothing yet, and afterwards it prints the error that Take gives.
 */
import { Socket } from 'node:net';
import { Bus } from '../../../src/bus/bus.js';
import { handover } from '../../../src/bus/generated/handover.js';
import { RemoteObject } from '../../../src/bus/remote-object.js';

const bus = await Bus.system();
const object = new RemoteObject(bus, handover, 'org.freedesktop.RemoteAccess', process.argv[2] ?? '');

async function take(): Promise<boolean> {
  try {
    const [fd, metadata] = await object.methods.take();
    for (const [key, { value }] of metadata) console.log(`${key}=${value}`);
    const socket = new Socket({ fd });
    await new Promise((resolve) => socket.end('hello from inside', () => resolve(undefined)));
    return true;
  } catch (error) {
    console.log(
      String((error as { dbusName?: string }).dbusName)
        .split('.')
        .at(-1),
    );
    return false;
  }
}

let offered: () => void = () => {};
const waits = new Promise<void>((resolve) => {
  offered = resolve;
});
await object.subscribe('Waiting', () => offered());
if (!(await take())) {
  await waits;
  await take();
}
await take();
await bus[Symbol.asyncDispose]();
