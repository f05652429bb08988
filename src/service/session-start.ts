import type { Desktop } from '../desktops/desktops.js';
import { SessionFailed } from '../errors.js';
import type { Worker } from '../login/worker.js';
import { remoteHost } from './client-address.js';
import type { Session } from './session.js';

/** The start of a session: over when its agent is ready, or with what fails first, which is what callers hear. */
export class SessionStart {
  /** Aborts when the desktop has had its time. */
  readonly deadline: AbortSignal;
  readonly #session: Session;
  readonly #desktop: Desktop;
  readonly #ready: Promise<void>;
  #succeed: () => void = () => {};
  #fail: (error: Error) => void = () => {};

  constructor(session: Session, desktop: Desktop) {
    const { id, startTimeout } = desktop;
    this.#session = session;
    this.#desktop = desktop;
    this.deadline = AbortSignal.timeout(startTimeout * 1000);
    this.#ready = new Promise((resolve, reject) => {
      this.#succeed = resolve;
      this.#fail = reject;
    });
    // It may fail while nobody waits for that yet.
    this.#ready.catch(() => {});
    const late = () => this.fail(new SessionFailed(`the desktop '${id}' did not come up within ${startTimeout} s`));
    this.deadline.addEventListener('abort', late);
  }

  /** The agent has all that makes a session usable. */
  ready(): void {
    this.#succeed();
  }

  fail(error: Error): void {
    this.#fail(error);
  }

  /** Has the worker open the session. Resolves when it is usable. */
  async run(worker: Worker): Promise<void> {
    const { record } = this.#session;
    const { logindSession, uid } = await worker.open(
      {
        user: record.user,
        rhost: remoteHost(record.address),
        environment: environmentOf(this.#desktop),
        command: ['/usr/libexec/remote-access-session', record.id, ...this.#desktop.command],
        record: JSON.stringify(this.#session.kept),
      },
      { signal: this.deadline },
    );
    this.#session.attachWorker(worker, logindSession);
    // A PAM module may have made somebody else of them, or the name may be somebody else's by now.
    if (uid !== record.uid)
      throw new SessionFailed(`PAM opened a session of uid ${uid} for ${record.user}, who is uid ${record.uid}`);
    await this.#ready;
  }
}

/** pam_systemd(8) and the desktop read these. */
function environmentOf({ id, desktopNames }: Desktop): Record<string, string> {
  return {
    XDG_SESSION_DESKTOP: id,
    ...(desktopNames.length > 0 ? { XDG_CURRENT_DESKTOP: desktopNames.join(':') } : {}),
  };
}
