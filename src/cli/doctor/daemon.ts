import { remoteAccess } from '../../bus/generated/remote-access.js';
import { RemoteObject } from '../../bus/remote-object.js';
import { describeFailure } from '../failure.js';
import { BUS_NAME, ROOT_PATH } from '../service.js';
import { type Check, ok, problem, unknown } from './finding.js';

/** Milliseconds: it starts in a fraction of a second. */
const DEADLINE = 10_000;

/** Whether the service starts and answers, which is what counts in the end. */
export const daemon: Check = {
  name: 'service',
  async look({ bus }) {
    if (bus instanceof Error) return [unknown('without the bus it cannot be asked', 'see above')];
    const root = new RemoteObject(bus, remoteAccess, BUS_NAME, ROOT_PATH);
    try {
      const version = await root.property('version', { timeout: DEADLINE });
      return [ok(`answers, API version ${version}`)];
    } catch (error) {
      const failure = describeFailure(error);
      if (failure === undefined) throw error;
      return [problem(`does not answer: ${failure.message}`, 'journalctl -u remote-accessd.service -n 20')];
    }
  },
};
