import type { Bus } from '../bus/bus.js';
import type { Caller } from '../bus/caller.js';
import { policyKit1Authority } from '../bus/generated/policy-kit1-authority.js';
import { RemoteObject } from '../bus/remote-object.js';
import { Variant } from '../bus/variant.js';

/** A person may be asked for a password: as long as polkit's own agents wait, and no longer. */
const INTERACTIVE_DEADLINE = 120_000;
const DEADLINE = 10_000;

const ALLOW_USER_INTERACTION = 1;

/** polkit's answer to whether a caller may do something (org.freedesktop.PolicyKit1.Authority). */
export class Polkit {
  readonly #authority;

  constructor(bus: Bus) {
    this.#authority = new RemoteObject(
      bus,
      policyKit1Authority,
      'org.freedesktop.PolicyKit1',
      '/org/freedesktop/PolicyKit1/Authority',
    );
  }

  /** No answer is a no: a machine without polkit still serves root and users for themselves. */
  async allows(caller: Caller, action: string): Promise<boolean> {
    const subject: [string, Map<string, Variant>] = [
      'system-bus-name',
      new Map([['name', new Variant('s', caller.name)]]),
    ];
    try {
      const [allowed] = await this.#authority.methods.checkAuthorization(
        subject,
        action,
        new Map(),
        caller.interactive ? ALLOW_USER_INTERACTION : 0,
        '',
        { timeout: caller.interactive ? INTERACTIVE_DEADLINE : DEADLINE },
      );
      return allowed;
    } catch (error) {
      console.warn(`polkit did not answer for ${action}: ${(error as Error).message}`);
      return false;
    }
  }
}
