import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { isInstalled } from '../../desktops/desktops.js';
import { type Check, exists, type Finding, unlessWrong, warning } from './finding.js';

/** What the commands that take pictures call; remote desktop tools do not need it. */
export const pictures: Check = {
  name: 'screenshots',
  async look() {
    const wrong: Finding[] = [];
    if (!(await isInstalled('gst-launch-1.0', process.env.PATH ?? '/usr/bin')))
      wrong.push(warning('gst-launch-1.0 is missing', 'apt install gstreamer1.0-tools'));
    const folders = (await readdir('/usr/lib').catch(() => [])).filter((name) => name.includes('-linux-'));
    const plugin = folders.map((name) => join('/usr/lib', name, 'gstreamer-1.0/libgstpipewire.so'));
    if (!(await Promise.all(plugin.map(exists))).includes(true))
      wrong.push(warning("GStreamer's plugin for PipeWire is missing", 'apt install gstreamer1.0-pipewire'));
    return unlessWrong(wrong, 'GStreamer is there for screenshot and record');
  },
};
