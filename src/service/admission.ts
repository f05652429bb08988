import { randomBytes } from 'node:crypto';
import { chooseDesktop, type Desktop, INSTALLED } from '../desktops/desktops.js';
import { Busy, NotSupported } from '../errors.js';
import { launchWorker } from '../login/launch.js';
import { remoteHost } from './client-address.js';
import type { Configuration } from './configuration.js';
import type { Logind } from './logind.js';
import type { Systemd } from './systemd.js';
import type { User } from './users.js';

/** How the ids of workers begin that open no session. */
export const CHECK = 'check-';

export type AdmissionHost = {
  readonly logind: Logind;
  readonly systemd: Systemd;
  readonly configuration: Configuration;
  /** The directory of the workers' sockets. */
  readonly workers: string;
};

/** What the machine has to say before a user gets a session: its desktops, PAM, and logind. */
export class Admission {
  readonly #host: AdmissionHost;

  constructor(host: AdmissionHost) {
    this.#host = host;
  }

  /** The desktop asked for, or the default one. NotSupported if it is not there. */
  async desktop(id: string | undefined): Promise<Desktop> {
    const { DefaultDesktop: preferred } = this.#host.configuration.settings.Session;
    const desktop = await chooseDesktop(id, { ...INSTALLED, preferred });
    if (desktop !== undefined) return desktop;
    const which = id === undefined ? 'no desktop' : `no desktop '${id}'`;
    throw new NotSupported(`${which} that can run headless is installed`);
  }

  /** Throws SessionFailed if PAM would not let the user open a session now: an account that expired, for example. */
  async check(user: string, clientAddress: string | undefined): Promise<void> {
    const { workers: directory, systemd } = this.#host;
    const id = `${CHECK}${randomBytes(4).toString('hex')}`;
    const worker = await launchWorker({ id, directory, systemd });
    await worker.check({ user, rhost: remoteHost(clientAddress) });
  }

  /**
   * logind's ids of the user's desktops, but for `ours`, which have to end before one of ours starts: both would share the
   * user's bus. Busy if they must not.
   */
  async elsewhere(user: User, ours: readonly string[]): Promise<string[]> {
    const { logind, configuration } = this.#host;
    const elsewhere = (await logind.graphicalSessions(user.uid)).filter(({ id }) => !ours.includes(id));
    const [first] = elsewhere;
    if (first !== undefined && configuration.settings.Session.OtherDesktop === 'refuse') {
      const where = first.seat === '' ? 'elsewhere' : `at ${first.seat}`;
      throw new Busy(`${user.name} has a graphical session ${where}, logind's session ${first.id}`);
    }
    return elsewhere.map(({ id }) => id);
  }

  /** Ends them, and resolves when they are gone. */
  async endElsewhere(user: User, ours: readonly string[]): Promise<void> {
    const elsewhere = await this.elsewhere(user, ours);
    if (elsewhere.length === 0) return;
    console.log(`logind's session ${elsewhere.join(', ')} of ${user.name} is ended: another one is to start`);
    await this.#host.logind.end(elsewhere);
  }
}
