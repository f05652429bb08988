import { dbus } from '../../bus/generated/dbus.js';
import { RemoteObject } from '../../bus/remote-object.js';
import { type Check, exists, type Finding, REINSTALL, unlessWrong, warning } from './finding.js';

const ACTIONS = '/usr/share/polkit-1/actions/org.freedesktop.RemoteAccess.policy';
const NAME = 'org.freedesktop.PolicyKit1';

/** Only needed where users other than root act for others. */
export const polkit: Check = {
  name: 'polkit',
  async look({ bus }) {
    const wrong: Finding[] = [];
    if (!(await exists(ACTIONS))) wrong.push(warning(`${ACTIONS} is missing: only root can act for others`, REINSTALL));
    if (!(bus instanceof Error)) {
      const driver = new RemoteObject(bus, dbus, 'org.freedesktop.DBus', '/org/freedesktop/DBus');
      const there =
        (await driver.methods.nameHasOwner(NAME)) || (await driver.methods.listActivatableNames()).includes(NAME);
      if (!there) wrong.push(warning('is not installed: only root can act for others', 'apt install polkitd'));
    }
    return unlessWrong(wrong, 'knows the actions');
  },
};
