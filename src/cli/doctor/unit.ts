import {
  type Check,
  type Finding,
  problem,
  REINSTALL,
  unitProperties,
  unknown,
  unlessWrong,
  warning,
} from './finding.js';

const UNIT = 'remote-accessd.service';

/** The daemon as systemd sees it. */
export const unit: Check = {
  name: 'unit',
  async look() {
    const shown = await unitProperties(UNIT, 'LoadState', 'ActiveState', 'Result', 'NeedDaemonReload');
    const load = shown.get('LoadState');
    if (load === undefined) return [unknown('systemd does not answer', 'is this system booted with systemd?')];
    if (load === 'masked') return [problem(`${UNIT} is masked`, `systemctl unmask ${UNIT}`)];
    if (load === 'not-found') return [problem(`${UNIT} is not installed`, `${REINSTALL} && systemctl daemon-reload`)];
    if (load !== 'loaded') return [problem(`${UNIT}: ${load}`, `systemctl status ${UNIT}`)];
    const wrong: Finding[] = [];
    if (shown.get('ActiveState') === 'failed')
      wrong.push(
        problem(
          `${UNIT} failed: ${shown.get('Result')}`,
          `journalctl -u ${UNIT} -n 20; then systemctl reset-failed ${UNIT}`,
        ),
      );
    if (shown.get('NeedDaemonReload') === 'yes')
      wrong.push(warning(`${UNIT} changed on disk`, 'systemctl daemon-reload'));
    return unlessWrong(wrong, `${UNIT} is ${shown.get('ActiveState') === 'active' ? 'running' : 'ready to start'}`);
  },
};
