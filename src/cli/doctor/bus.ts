import { readFile } from 'node:fs/promises';
import { dbus } from '../../bus/generated/dbus.js';
import { RemoteObject } from '../../bus/remote-object.js';
import { BUS_NAME } from '../service.js';
import { type Check, exists, type Finding, problem, REINSTALL, unlessWrong } from './finding.js';

const POLICIES = ['/usr/share/dbus-1/system.d', '/etc/dbus-1/system.d'].map((folder) => `${folder}/${BUS_NAME}.conf`);
const ACTIVATION = `/usr/share/dbus-1/system-services/${BUS_NAME}.service`;
const RELOAD = 'systemctl reload dbus.service';

/** The system bus lets the service have its name, lets others call it, and starts it. */
export const bus: Check = {
  name: 'system bus',
  async look({ bus }) {
    const wrong: Finding[] = [];
    const present = await Promise.all(POLICIES.map((path) => exists(path)));
    if (!present.includes(true))
      wrong.push(problem(`no policy: ${POLICIES[0]} is missing`, `${REINSTALL} && ${RELOAD}`));
    const activation = await readFile(ACTIVATION, 'utf8').catch(() => undefined);
    if (activation === undefined)
      wrong.push(problem(`no activation: ${ACTIVATION} is missing`, `${REINSTALL} && ${RELOAD}`));
    if (bus instanceof Error)
      return [...wrong, problem(`cannot be reached: ${bus.message}`, 'systemctl start dbus.socket')];
    const driver = new RemoteObject(bus, dbus, 'org.freedesktop.DBus', '/org/freedesktop/DBus');
    const known = (await driver.methods.listActivatableNames()).includes(BUS_NAME);
    if (activation !== undefined && !known) wrong.push(problem('has not read the activation file yet', RELOAD));
    return unlessWrong(wrong, 'knows the service');
  },
};
