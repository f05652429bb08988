import { type ChildProcessByStdio, spawn } from 'node:child_process';
import { createInterface, type Interface } from 'node:readline';
import type { Readable, Writable } from 'node:stream';
import { AuthenticationFailed, NotSupported } from '../errors.js';

const PROGRAM = '/usr/libexec/remote-access-initiator';

/** Milliseconds: libkrb5 asks one key distribution center after the other, and each several times. */
const DEADLINE = 60_000;

export type InitiatorOptions = {
  /** Whom the ticket is for: `host@machine.example.org`. Without it this machine, by its own full name. */
  readonly service?: string;
  /** Hands the ticket on to the session. Fails if it is not forwardable. */
  readonly delegate?: boolean;
};

/** The caller has no ticket at all. */
export class NoTicket extends AuthenticationFailed {
  override readonly name = 'NoTicket';
}

/**
 * The client's side of a login with Kerberos, as the caller's ticket has it: krb5.conf(5), KRB5CCNAME, kinit(1). A
 * program does it that is installed with us, because Node.js has no GSSAPI.
 */
export class Initiator implements Disposable {
  /** Whose ticket it is. */
  principal = '';
  /** The user who that is on this machine; undefined if nobody. */
  user: string | undefined;
  /** The message with which the exchange begins. */
  message: Buffer = Buffer.alloc(0);
  readonly #child: ChildProcessByStdio<Writable, Readable, null>;
  readonly #interface: Interface;
  readonly #lines: AsyncIterator<string>;
  readonly #ended: Promise<Error>;

  private constructor({ service = 'host', delegate = false }: InitiatorOptions) {
    const args = [...(delegate ? ['--delegate'] : []), service];
    this.#child = spawn(PROGRAM, args, { stdio: ['pipe', 'pipe', 'ignore'], timeout: DEADLINE, killSignal: 'SIGKILL' });
    this.#child.stdin.on('error', () => {});
    this.#interface = createInterface(this.#child.stdout);
    this.#lines = this.#interface[Symbol.asyncIterator]();
    this.#ended = new Promise((resolve) => {
      this.#child.on('error', () => resolve(new NotSupported(`${PROGRAM} is missing`)));
      this.#child.on('close', (status, signal) => resolve(cause(status, signal)));
    });
  }

  /**
   * Asks for a ticket for the service, which may take a while. Fails with NoTicket, with AuthenticationFailed if
   * Kerberos does not give one for it, and with NotSupported where it is not installed.
   */
  static async start(options: InitiatorOptions = {}): Promise<Initiator> {
    const initiator = new Initiator(options);
    try {
      initiator.message = (await initiator.#next()) ?? initiator.message;
      return initiator;
    } catch (error) {
      initiator[Symbol.dispose]();
      throw error;
    }
  }

  /** What to say to the service's answer; undefined when it has proved who it is. AuthenticationFailed if it cannot. */
  answer(output: Buffer): Promise<Buffer | undefined> {
    this.#child.stdin.write(`${output.toString('base64')}\n`);
    return this.#next();
  }

  [Symbol.dispose](): void {
    this.#interface.close();
    this.#child.kill('SIGKILL');
  }

  async #next(): Promise<Buffer | undefined> {
    for (;;) {
      const { value, done } = await this.#lines.next();
      if (done === true) throw await this.#ended;
      const [what = '', ...rest] = value.split(' ');
      const text = rest.join(' ');
      if (what === 'message') return Buffer.from(text, 'base64');
      if (what === 'complete') return undefined;
      if (what === 'none') throw new NoTicket(`Kerberos: ${text}: kinit gets a ticket`);
      if (what === 'failed') throw new AuthenticationFailed(`Kerberos: ${text}`);
      if (what === 'principal') this.principal = text;
      if (what === 'user') this.user = text;
    }
  }
}

/** Why it ended that did not say so. */
function cause(status: number | null, signal: NodeJS.Signals | null): Error {
  // What the loader of programs ends with.
  if (status === 127) return new NotSupported('the libraries of Kerberos are missing: apt install libgssapi-krb5-2');
  if (signal !== null) return new AuthenticationFailed('Kerberos did not answer in time');
  return new AuthenticationFailed(`Kerberos ended with ${status}`);
}
