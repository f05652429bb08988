import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { isInstalled } from '../../desktops/desktops.js';
import { type Check, type Finding, unlessWrong, warning } from './finding.js';

/** What the commands screenshot and record call; remote desktop tools do not need it. */
export const pictures: Check = {
  name: 'pictures',
  async look() {
    const wrong: Finding[] = [];
    if (!(await isInstalled('gst-launch-1.0', process.env.PATH ?? '/usr/bin')))
      wrong.push(warning('gst-launch-1.0 is missing: no screenshot, no record', 'apt install gstreamer1.0-tools'));
    const plugins = new Set<string>();
    for (const name of await readdir('/usr/lib').catch(() => []))
      if (name.includes('-linux-'))
        for (const file of await readdir(join('/usr/lib', name, 'gstreamer-1.0')).catch(() => [])) plugins.add(file);
    for (const [plugin, source, use] of PLUGINS)
      if (!plugins.has(`libgst${plugin}.so`))
        wrong.push(warning(`GStreamer's plugin ${plugin} is missing: ${use}`, `apt install gstreamer1.0-${source}`));
    return unlessWrong(wrong, 'GStreamer is there for screenshot and record');
  },
};

const PLUGINS = [
  ['pipewire', 'pipewire', 'no screenshot, no record'],
  ['videoconvertscale', 'plugins-base', 'no screenshot, no record'],
  ['vpx', 'plugins-good', 'no record'],
] as const;
