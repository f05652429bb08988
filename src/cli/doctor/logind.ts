import { type Check, type Finding, problem, unitProperties, unknown, unlessWrong } from './finding.js';

/** logind registers sessions, and makes /run/user. */
export const logind: Check = {
  name: 'logind',
  async look() {
    const wrong: Finding[] = [];
    for (const [unit, what] of UNITS) {
      const shown = await unitProperties(unit, 'LoadState', 'ActiveState');
      const load = shown.get('LoadState');
      if (load === undefined) return [unknown('systemd does not answer', 'is this system booted with systemd?')];
      if (load === 'masked') wrong.push(problem(`${unit} is masked: ${what}`, `systemctl unmask ${unit}`));
      else if (load !== 'loaded') wrong.push(problem(`${unit}: ${load}: ${what}`, 'apt install --reinstall systemd'));
      else if (unit === LOGIND && shown.get('ActiveState') !== 'active')
        wrong.push(problem(`${unit} does not run: ${what}`, `systemctl start ${unit}`));
    }
    return unlessWrong(wrong, 'runs');
  },
};

const LOGIND = 'systemd-logind.service';

// The name of a user that certainly exists stands for all of them.
const UNITS = [
  [LOGIND, 'no session can be opened'],
  ['user@0.service', 'no user gets services of their own'],
  ['user-runtime-dir@0.service', 'no user gets a folder in /run/user'],
] as const;
