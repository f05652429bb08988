import type { Caller } from '../bus/caller.js';
import type { Handlers } from '../bus/descriptor.js';
import type { ExportedObject, Subject } from '../bus/exported-object.js';
import type { ProvisionOptions, TokenFilter, TokenInfo } from '../bus/generated/dictionaries.js';
import { type Tokens as TokensInterface, tokens as tokensInterface } from '../bus/generated/tokens.js';
import { NoSuchUser } from '../errors.js';
import type { TokenStore } from '../token-store/token-store.js';
import { audit } from './audit.js';
import { ALL_GRANTS } from './grants.js';
import { findUser } from './users.js';

/** The Tokens interface of the root object: provisioning, listing and revoking. */
export class Tokens implements Handlers<TokensInterface, Caller> {
  readonly #store: TokenStore;

  /** `voided` hears of every token that stops being valid, so that what it opened can be closed. */
  constructor(store: TokenStore, object: ExportedObject, voided: (id: string, reason: string) => void) {
    this.#store = store;
    object.implement(tokensInterface, this, { version: () => 1 }, (...call) => this.#subject(...call));
    store.on('added', (id) => object.emit(tokensInterface, 'TokenAdded', [id]));
    store.on('removed', (id, reason) => {
      voided(id, reason);
      // Whoever revoked it is recorded there.
      if (reason !== 'revoked') audit('token-removed', { token: id, reason });
      object.emit(tokensInterface, 'TokenRemoved', [id, reason]);
    });
  }

  /** Whom a call is about: the user it names, the user of the token it names, or the caller. */
  async #subject(member: string, args: readonly unknown[], caller: Caller): Promise<Subject> {
    if (member === 'Revoke') {
      const uid = this.#store.find(String(args[0]))?.uid;
      return uid === undefined ? {} : { uid };
    }
    const name = member === 'Provision' ? String(args[0]) : (args[0] as TokenFilter | undefined)?.user;
    if (name === undefined) return { uid: caller.uid };
    const user = await findUser(name, { asker: caller.uid });
    return user === undefined ? {} : { uid: user.uid };
  }

  async provision(caller: Caller, name: string, options: ProvisionOptions): Promise<[string, string]> {
    const user = await findUser(name, { asker: caller.uid });
    if (user === undefined) throw new NoSuchUser('there is no such user');
    const grants = options.grants ?? [...ALL_GRANTS];
    const { id, token } = await this.#store.provision({
      user: user.name,
      uid: user.uid,
      grants,
      label: options.label ?? '',
      appId: options['app-id'] ?? '',
      expires: options.expires ?? 0,
      uses: options.uses ?? 0,
      desktop: options.desktop ?? '',
    });
    audit('token-provisioned', {
      user: user.name,
      token: id,
      grants,
      'caller-uid': caller.uid,
      'caller-pid': caller.pid,
    });
    return [id, token];
  }

  async revoke(caller: Caller, id: string): Promise<void> {
    const user = this.#store.find(id)?.user;
    await this.#store.revoke(id, 'revoked');
    audit('token-revoked', { user, token: id, 'caller-uid': caller.uid, 'caller-pid': caller.pid });
  }

  async list(caller: Caller, filter: TokenFilter): Promise<TokenInfo[]> {
    if (filter.user === undefined) return this.#store.list(caller.uid === 0 ? {} : { uid: caller.uid });
    const user = await findUser(filter.user, { asker: caller.uid });
    if (user === undefined) throw new NoSuchUser('there is no such user');
    return this.#store.list({ uid: user.uid });
  }
}
