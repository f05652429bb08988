import { createReadStream, readFileSync, writeFileSync } from 'node:fs';
import { text } from 'node:stream/consumers';
import type { Monitor } from '../../src/bus/generated/dictionaries.js';
import { Keyboard } from '../../src/tool/keyboard.js';
import { takePicture } from '../../src/tool/picture.js';
import { encodePng } from '../../src/tool/png.js';
import { Tool } from '../../src/tool/tool.js';
import type { ToolConnection } from '../../src/tool/tool-connection.js';
import { ScreenWatch } from './screen-watch.js';

/** A remote desktop tool: no right but the token that it reads from standard input, no way but the D-Bus API. */

const LINE = 'Hello from RemoteAccess! Nobody sits at this desktop.';
const MONITORS: Monitor[] = [
  { id: 'left', size: [1280, 720], position: [0, 0], scale: 1, primary: true },
  { id: 'right', size: [1024, 720], position: [1280, 0], scale: 1 },
];

const picture = process.argv[2];
if (picture === undefined) throw new Error('usage: tool.ts PICTURE');
const token = readFileSync(0, 'utf8').trim();

async function step<T>(name: string, work: () => Promise<T>): Promise<T> {
  const started = performance.now();
  const result = await work();
  console.log(JSON.stringify({ name, ms: Math.round(performance.now() - started) }));
  return result;
}

async function nodeOf(connection: ToolConnection, id: string): Promise<number> {
  const [, layout] = await connection.monitors.methods.getLayout();
  const node = layout.find((monitor) => monitor.id === id)?.node;
  if (node === undefined) throw new Error(`monitor '${id}' has no stream`);
  return node;
}

/** What the session's clipboard holds. The offer may still be on its way. */
async function clipboardText(connection: ToolConnection, copy: () => Promise<void>): Promise<string> {
  const type = 'text/plain;charset=utf-8';
  let offered: () => void = () => {};
  const offer = new Promise<void>((resolve, reject) => {
    offered = resolve;
    setTimeout(() => reject(new Error('nothing was copied')), 10_000).unref();
  });
  await using _subscription = await connection.clipboard.subscribe('SelectionOwnerChanged', (types, isOwner) => {
    if (!isOwner && types.includes(type)) offered();
  });
  await copy();
  await offer;
  const fd = await connection.clipboard.methods.selectionRead(type);
  return text(createReadStream('', { fd }));
}

const tool = await Tool.start();
const session = await step('log in with the token: a headless GNOME session starts', () =>
  tool.logIn('token', { token }, { desktop: 'gnome', 'client-name': 'demo', 'client-address': '192.0.2.1' }),
);
const connection = await step('connect to the session', () => tool.connect(session, { cursor: 'hidden' }));
await step('lay out two monitors', () => connection.layOut(MONITORS));

const fd = await connection.capture.methods.openPipeWireRemote({});
using screen = new ScreenWatch(fd, await nodeOf(connection, 'left'));
using keyboard = await Keyboard.open(await connection.input.methods.connectToEIS({}));

const desktop = await step('wait until the desktop has come to rest', () => screen.settled(1000));
const dialog = await step('press Alt+F2', async () => {
  await keyboard.press('alt+F2');
  return screen.settled(300, { unlike: [desktop] });
});
await step('open a text editor by typing its name', async () => {
  await keyboard.type('gnome-text-editor\n');
  return screen.settled(1000, { unlike: [desktop, dialog] });
});
await step('type a line, and read it back over the clipboard', async () => {
  await keyboard.type(LINE);
  const copied = await clipboardText(connection, () => keyboard.press('ctrl+a', 'ctrl+c'));
  if (copied !== LINE) throw new Error(`typed "${LINE}", but the editor has "${copied}"`);
  await keyboard.press('End');
  await screen.settled(500);
});
await step('take a picture of both monitors', async () => {
  writeFileSync(picture, await encodePng(await takePicture(connection)));
});
process.exit(0);
