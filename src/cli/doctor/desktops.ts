import { INSTALLED, isInstalled, listDesktops } from '../../desktops/desktops.js';
import { type Check, type Finding, ok, problem, warning } from './finding.js';

/** A desktop that can run without a screen. */
export const desktops: Check = {
  name: 'desktops',
  async look() {
    const wrong: Finding[] = [];
    const found = await listDesktops(INSTALLED, (what, why) =>
      wrong.push(warning(`${what} is passed over: ${why}`, 'mend the file')),
    );
    const usable: string[] = [];
    for (const { id, command } of found) {
      const [program = ''] = command;
      if (await isInstalled(program, INSTALLED.path)) usable.push(id);
      else wrong.push(warning(`${id} cannot start: there is no ${program}`, `install what has ${program}`));
    }
    if (usable.length === 0)
      return [
        problem(
          'there is none that can run without a screen',
          'apt install gnome-session, or add a file to /etc/remote-access/desktops',
        ),
        ...wrong,
      ];
    return [...wrong, ok(usable.join(', '))];
  },
};
