import type { Caller } from '../bus/caller.js';
import type { Handlers } from '../bus/descriptor.js';
import type { ExportedObject, Subject } from '../bus/exported-object.js';
import type { CreateSessionOptions, Desktop, OpenLoginOptions } from '../bus/generated/dictionaries.js';
import { type RemoteAccess as RemoteAccessInterface, remoteAccess } from '../bus/generated/remote-access.js';
import { INSTALLED, listDesktops } from '../desktops/desktops.js';
import { NoSuchSession, NoSuchUser } from '../errors.js';
import type { Configuration } from './configuration.js';
import type { Logins } from './logins.js';
import type { Polkit } from './polkit.js';
import type { Session } from './session.js';
import type { Sessions } from './sessions.js';
import { findUser } from './users.js';

/** The root object's own interface: the way in. */
export class RemoteAccess implements Handlers<RemoteAccessInterface, Caller> {
  readonly #logins: Logins;
  readonly #sessions: Sessions;
  readonly #polkit: Polkit;
  readonly #configuration: Configuration;

  constructor(
    object: ExportedObject,
    logins: Logins,
    sessions: Sessions,
    polkit: Polkit,
    configuration: Configuration,
  ) {
    this.#configuration = configuration;
    configuration.on('changed', () => object.changed(remoteAccess, ['AuthMethods']));
    this.#logins = logins;
    this.#sessions = sessions;
    this.#polkit = polkit;
    object.implement(
      remoteAccess,
      this,
      { version: () => 1, AuthMethods: () => [...logins.methods] },
      async (member, args, { uid }): Promise<Subject> => {
        // Nothing else here is about anybody.
        const user = member === 'CreateSession' ? await findUser(String(args[0]), { asker: uid }) : undefined;
        return user === undefined ? {} : { uid: user.uid };
      },
    );
  }

  async openLogin(caller: Caller, options: OpenLoginOptions): Promise<string> {
    return (await this.#logins.open(caller, options)).object.path;
  }

  async createSession(caller: Caller, name: string, options: CreateSessionOptions): Promise<string> {
    const user = await findUser(name, { asker: caller.uid });
    if (user === undefined) throw new NoSuchUser('there is no such user');
    return (await this.#sessions.obtain(user, { ...options, reuse: options.reuse ?? true })).object.path;
  }

  async listSessions(caller: Caller): Promise<[string, string, number, string, string][]> {
    const all = caller.uid === 0 || (await this.#manages(caller));
    return [...this.#sessions.all()]
      .filter((session) => all || session.isUsableBy(caller))
      .map(({ record, object }) => [record.id, 'user', record.uid, record.user, object.path]);
  }

  /** A session that the caller may not see is none, so that ids tell strangers nothing. */
  async getSession(caller: Caller, id: string): Promise<string> {
    const session = this.#sessions.get(id);
    if (session === undefined || !(await this.#sees(caller, session)))
      throw new NoSuchSession('there is no such session');
    return session.object.path;
  }

  async listDesktops(): Promise<Desktop[]> {
    const { DefaultDesktop: preferred } = this.#configuration.settings.Session;
    return (await listDesktops({ ...INSTALLED, preferred })).map(({ id, name, compositor }) => ({
      id,
      name,
      compositor,
    }));
  }

  reloadConfiguration(): void {
    this.#configuration.reload();
  }

  async #sees(caller: Caller, session: Session): Promise<boolean> {
    return caller.uid === 0 || session.isUsableBy(caller) || (await this.#manages(caller));
  }

  #manages(caller: Caller): Promise<boolean> {
    return this.#polkit.allows({ ...caller, interactive: false }, 'org.freedesktop.RemoteAccess.manage-sessions');
  }
}
