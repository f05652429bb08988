import { ask, type Check, type Finding, unlessWrong, warning } from './finding.js';

/** Users whose service manager or whose /run/user could not be set up. */
export const userServices: Check = {
  name: 'user managers',
  async look() {
    const patterns = ['user@*.service', 'user-runtime-dir@*.service'];
    const text = await ask('systemctl', 'list-units', '--state=failed', '--plain', '--no-legend', ...patterns);
    const failed = (text ?? '').split('\n').flatMap((line) => line.trim().split(/\s+/)[0] || []);
    const wrong: Finding[] = failed.map((unit) =>
      warning(
        `${unit} failed: this user gets no session`,
        `journalctl -u ${unit} -n 20; then systemctl reset-failed ${unit}`,
      ),
    );
    return unlessWrong(wrong, 'none failed');
  },
};
