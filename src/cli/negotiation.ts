import { AuthenticationFailed, NotSupported } from '../errors.js';
import type { Initiator, InitiatorOptions } from '../tool/initiator.js';
import { LoginFailed, type ToolLogin } from '../tool/tool-login.js';
import type { Output } from './output.js';
import { withProgress } from './progress.js';
import type { Questions } from './questions.js';
import { visible } from './table.js';

/** What the command line says about how to log in. */
export type Wish = {
  /** The only method that may be used. */
  readonly method: string | undefined;
  /** Whose session it is to be; undefined if token or ticket decide. */
  readonly user: string | undefined;
  /** Whether that is who calls us. */
  readonly own: boolean;
  readonly token: string | undefined;
  readonly kerberos: InitiatorOptions;
};

/** Methods that need a person, or lines to read. */
const ASKING = ['token', 'pam', 'password'];

/** The methods that come into question, for OpenLogin. */
export function methodsFor({ method, own }: Wish): string[] {
  if (method !== undefined) return [method];
  return ['kerberos', ...(own ? ['peer'] : []), 'pam', 'password'];
}

/**
 * Logs in with the methods that both sides can do, in the machine's order, but those first for which nobody has to be
 * asked anything. One after the other, until the service lets somebody in or has had enough.
 */
export class Negotiation {
  readonly #login: ToolLogin;
  readonly #wish: Wish;
  readonly #output: Output;

  constructor(login: ToolLogin, wish: Wish, output: Output) {
    this.#login = login;
    this.#wish = wish;
    this.#output = output;
  }

  /** Resolves with the session's path. Fails as the last method does; why others were passed over is noted. */
  async logIn(): Promise<string> {
    const methods = await this.#candidates();
    for (let method = methods.shift() ?? ''; ; ) {
      try {
        return await this.#tryWith(method);
      } catch (error) {
        const next = methods.shift();
        if (next === undefined || !leavesOthers(error)) throw error;
        // Most people have none.
        if (error.name !== 'NoTicket') this.#note(`${error.message}; going on with ${next}`);
        method = next;
      }
    }
  }

  async #candidates(): Promise<string[]> {
    const offered = await this.#login.methods();
    if (this.#wish.method !== undefined) return offered;
    const silent = offered.filter((one) => !ASKING.includes(one));
    // With the one PAM words its questions itself, with the other we have to guess the first.
    const asking = offered.includes('pam') ? 'pam' : offered.find((one) => one === 'password');
    return asking === undefined ? silent : [...silent, asking];
  }

  async #tryWith(method: string): Promise<string> {
    const { token, user } = this.#wish;
    if (method === 'kerberos') return await this.#byTicket();
    if (method === 'token' && token !== undefined)
      return await withProgress('Logging in', this.#login.begin('token', { token }));
    if (method === 'peer') return await withProgress('Logging in', this.#login.begin('peer'));
    const { Questions } = await import('./questions.js');
    using questions = new Questions();
    for (;;) {
      try {
        return await this.#asking(questions, method, user ?? '');
      } catch (error) {
        // Lines that were prepared are not tried as other answers than those for which they were meant.
        if (!questions.person || !isWrongAnswer(error)) throw error;
        this.#note(`${error.message}; try again`);
      }
    }
  }

  async #asking(questions: Questions, method: string, user: string): Promise<string> {
    const answer = questions.ask.bind(questions);
    const secret = async (question: string) => (await questions.ask('secret', question)) ?? '';
    if (method === 'token') return await this.#login.begin('token', { token: await secret('Token: ') });
    if (method === 'pam') return await this.#login.begin('pam', { user }, { answer });
    return await this.#login.begin('password', { user, password: await secret('Password: ') }, { answer });
  }

  async #byTicket(): Promise<string> {
    const { Initiator } = await import('../tool/initiator.js');
    using initiator = await withProgress('Asking for a ticket', Initiator.start(this.#wish.kerberos));
    this.#checkUser(initiator);
    return await withProgress('Logging in', this.#login.begin('kerberos', {}, { initiator }));
  }

  /** Names of principals are others' choice. */
  #note(text: string): void {
    this.#output.note(visible(text));
  }

  /** The service would open the session of whomever the ticket is of. */
  #checkUser({ principal, user }: Initiator): void {
    const wanted = this.#wish.user;
    if (wanted !== undefined && wanted !== user)
      throw new AuthenticationFailed(`the ticket of ${principal} is for ${user ?? 'nobody'} here, not ${wanted}`);
  }
}

const ERROR = 'org.freedesktop.RemoteAccess.Error';

function isWrongAnswer(error: unknown): error is LoginFailed {
  return error instanceof LoginFailed && error.mayRetry && error.dbusName === `${ERROR}.AuthenticationFailed`;
}

/** Whether another method may do; who proved to be somebody and may not log in hears nothing else by another one. */
function leavesOthers(error: unknown): error is Error {
  if (error instanceof LoginFailed)
    return error.mayRetry && [`${ERROR}.AuthenticationFailed`, `${ERROR}.MethodNotOffered`].includes(error.dbusName);
  return error instanceof AuthenticationFailed || error instanceof NotSupported;
}
