import { readlink } from 'node:fs/promises';
import { type Check, type Finding, missing, problem, unlessWrong } from './finding.js';

const PARTS = [
  ['pipewire', ['/usr/bin/pipewire', '/usr/lib/systemd/user/pipewire.socket']],
  ['wireplumber', ['/usr/bin/wireplumber', '/usr/lib/systemd/user/wireplumber.service']],
  ['dbus-user-session', ['/usr/lib/systemd/user/dbus.socket']],
] as const;
const UNITS = [
  'pipewire.socket',
  'pipewire.service',
  'wireplumber.service',
  'dbus.socket',
  'remote-access-agent@.service',
];

/** What runs in each user's session besides the desktop: PipeWire with its session manager, and a bus. */
export const pipewire: Check = {
  name: 'PipeWire',
  async look() {
    const wrong: Finding[] = [];
    for (const [name, files] of PARTS) {
      const gone = await missing(files);
      if (gone.length > 0) wrong.push(problem(`${name}: ${gone.join(', ')} is missing`, `apt install ${name}`));
    }
    for (const unit of UNITS)
      if ((await readlink(`/etc/systemd/user/${unit}`).catch(() => '')) === '/dev/null')
        wrong.push(problem(`${unit} is masked for all users`, `systemctl --global unmask ${unit}`));
    return unlessWrong(wrong, 'with WirePlumber and a bus for each user');
  },
};
