/**
 * A remote desktop tool that wants to watch, for as long as it may: logs in with the token from standard input, says
 * `watching SESSION` when it has a picture, and begins again whenever the service that let it in is gone.
 */
import { spawnSync } from 'node:child_process';
import { closeSync, readFileSync } from 'node:fs';
import { Tool } from '../../src/tool/tool.js';

const token = readFileSync(0, 'utf8').trim();
const tool = await Tool.start();

/** Wakes whoever waits for the next owner of the service's name. */
let changed: () => void = () => {};
await tool.bus.subscriptions.watchOwner('org.freedesktop.RemoteAccess', () => changed());

for (;;) {
  const session = await tool.logIn('token', { token });
  const gone = new Promise<void>((resolve) => {
    changed = resolve;
  });
  const { capture } = await tool.connect(session);
  const [stream] = await capture.property('Streams');
  const fd = await capture.methods.openPipeWireRemote({});
  const elements = `pipewiresrc fd=3 path=${stream?.[0]} num-buffers=1 ! videoconvert ! fakesink`;
  const { status } = spawnSync('gst-launch-1.0', ['-q', ...elements.split(' ')], { stdio: ['ignore', 2, 2, fd] });
  closeSync(fd);
  if (status !== 0) throw new Error('no picture');
  console.log(`watching ${session}`);
  await gone;
}
