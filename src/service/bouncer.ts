import type { Callers } from '../bus/caller.js';
import type { Subject } from '../bus/exported-object.js';
import type { AccessRequest, Bouncer } from '../bus/object-tree.js';
import { NotAuthorized } from '../errors.js';
import type { Polkit } from './polkit.js';

/** Rules about being somebody in particular, which root is not by being root. */
const PERSONAL = ['owner', 'session', 'agent'];

/**
 * Decides every call and property access by the rights that the interfaces document (the words are explained in
 * docs/api/README.md). Root may do everything but what is for one connection, or a session's own processes, alone.
 */
export class AccessBouncer implements Bouncer {
  readonly #polkit: Polkit;
  readonly #callers: () => Callers;

  /** The callers come late: the object tree that identifies them needs a bouncer first. */
  constructor(polkit: Polkit, callers: () => Callers) {
    this.#polkit = polkit;
    this.#callers = callers;
  }

  async admit(request: AccessRequest): Promise<void> {
    if (await this.#passes(request)) return;
    for (const rule of request.access)
      if (rule.startsWith('polkit:') && (await this.#polkit.allows(request.caller, rule.slice('polkit:'.length))))
        return;
    throw new NotAuthorized(`uid ${request.caller.uid} may not use ${request.member} of ${request.object.path}`);
  }

  sees(request: AccessRequest): Promise<boolean> {
    return this.#passes(request);
  }

  async #passes({ caller, access, object, interface: iface, member, args }: AccessRequest): Promise<boolean> {
    if (access.includes('anyone')) return true;
    if (caller.uid === 0 && !access.every((rule) => PERSONAL.includes(rule))) return true;
    const subject = await object.subject(iface, member, args, caller);
    for (const rule of access) {
      if (rule === 'owner' && subject.owner === caller.name) return true;
      if (rule === 'user' && subject.uid === caller.uid) return true;
      if (rule === 'login' && subject.logins?.has(caller.name)) return true;
      if ((rule === 'session' || rule === 'agent') && (await this.#belongs(rule, subject, caller.name, caller.uid)))
        return true;
    }
    return false;
  }

  /** Whether a process of the session's user runs inside the session, or as its agent. */
  async #belongs(rule: 'session' | 'agent', subject: Subject, name: string, uid: number): Promise<boolean> {
    if (subject.uid !== uid) return false;
    const group = await this.#callers().controlGroup(name);
    const manager = `/user-${uid}.slice/user@${uid}.service/`;
    if (rule === 'agent')
      return group.includes(manager) && group.endsWith(`/remote-access-agent@${subject.session}.service`);
    return group.includes(manager) || group.endsWith(`/session-${subject.logindSession}.scope`);
  }
}
