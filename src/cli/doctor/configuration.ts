import { stat } from 'node:fs/promises';
import { formatMistake, readConfiguration } from '../../configuration/read.js';
import { INSTALLED, listDesktops } from '../../desktops/desktops.js';
import { type Check, type Finding, problem, unlessWrong, warning } from './finding.js';

const RELOAD = 'systemctl try-reload-or-restart remote-accessd';

/** The files of remote-access.conf(5). */
export const configuration: Check = {
  name: 'configuration',
  async look() {
    const { settings, mistakes, files } = readConfiguration();
    const wrong: Finding[] = mistakes.map((mistake) =>
      problem(
        `${formatMistake(mistake)}; nobody can log in when the service starts`,
        `mend it; remoteaccessctl config check && ${RELOAD}`,
      ),
    );
    wrong.push(...(await Promise.all(files.map(othersMayWrite))).flat());
    const { DefaultDesktop: id } = settings.Session;
    const desktops = id === '' ? [] : await listDesktops({ ...INSTALLED, preferred: id }, () => {});
    if (desktops[0]?.id !== id && id !== '')
      wrong.push(
        warning(
          `the default desktop ${id} is not installed, or cannot run headless`,
          'remoteaccessctl desktops lists those that are; see Session.DefaultDesktop in remote-access.conf(5)',
        ),
      );
    return unlessWrong(wrong, files.length === 0 ? 'all defaults' : `${files.length} files`);
  },
};

async function othersMayWrite(file: string): Promise<Finding[]> {
  const status = await stat(file).catch(() => undefined);
  if (status === undefined || (status.uid === 0 && (status.mode & 0o022) === 0)) return [];
  return [warning(`${file} can be changed by others than root`, `chown root:root ${file}; chmod 644 ${file}`)];
}
