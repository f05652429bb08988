import { existsSync, mkdirSync, readFileSync, watch, writeFileSync } from 'node:fs';
import type { BeginParameters, OpenLoginOptions } from '../../src/bus/generated/dictionaries.js';
import type { Login as LoginShape } from '../../src/bus/generated/login.js';
import type { RemoteObject } from '../../src/bus/remote-object.js';
import type { Tool } from '../../src/tool/tool.js';
import { ERROR, Heard, objects } from './fixture.js';

/** What the tests of logins through PAM share. */

export const PAM_SERVICE = '/etc/pam.d/remote-access-login';
const PROBE = '/src/dist/test/pam_probe.so';
const NOTES = '/run/probe';

type LoginObject = RemoteObject<LoginShape>;

/** The parts of the PAM service that are not about authentication. */
const REST = 'account include remote-access\nsession include remote-access\n';

/** PAM goes through these steps of test/pam/probe.c in place of asking for the password. */
export function authenticateBy(...steps: string[]): void {
  const args = steps.map((step) => `[${step.replaceAll(']', '\\]')}]`).join(' ');
  writeFileSync(PAM_SERVICE, `auth required ${PROBE} ${args}\n${REST}session optional ${PROBE}\n`);
}

/** These lines for authentication, and the usual ones for the rest. */
export function authenticateWith(...lines: string[]): void {
  writeFileSync(PAM_SERVICE, `${lines.join('\n')}\n${REST}`);
}

/** The lines of a file that the probe wrote, without waiting. */
export function notes(name: string): string[] {
  const path = `${NOTES}/${name}`;
  return existsSync(path) ? readFileSync(path, 'utf8').trim().split('\n') : [];
}

/** Resolves when the probe has written at least so many lines to the file. */
export async function noted(name: string, count = 1): Promise<string[]> {
  mkdirSync(NOTES, { recursive: true });
  await new Promise<void>((resolve) => {
    const watcher = watch(NOTES);
    const look = () => {
      if (notes(name).length < count) return;
      watcher.close();
      resolve();
    };
    watcher.on('change', look);
    look();
  });
  return notes(name);
}

type Prompt = [id: number, style: string, text: string];
type End = ['completed', session: string] | ['failed', error: string, message: string, mayRetry: boolean];

/** A login as a person at a client sees it: what is asked comes in order, and then the end. */
export class LoginConversation implements AsyncDisposable {
  readonly login: LoginObject;
  readonly #prompts: Heard<Prompt>;
  readonly #completed: Heard<[string]>;
  readonly #failed: Heard<[string, string, boolean]>;

  private constructor(
    login: LoginObject,
    prompts: Heard<Prompt>,
    completed: Heard<[string]>,
    failed: Heard<[string, string, boolean]>,
  ) {
    this.login = login;
    this.#prompts = prompts;
    this.#completed = completed;
    this.#failed = failed;
  }

  static async open(tool: Tool, options: OpenLoginOptions = {}): Promise<LoginConversation> {
    const { root, login: at } = objects(tool.bus);
    const login = at(await root.methods.openLogin({ desktop: 'fake', ...options }));
    return new LoginConversation(
      login,
      await Heard.listen(login, 'Prompt'),
      await Heard.listen(login, 'Completed'),
      await Heard.listen(login, 'Failed'),
    );
  }

  begin(method: string, parameters: BeginParameters): Promise<void> {
    return this.login.methods.begin(method, parameters);
  }

  /** The next prompt, of whatever style. */
  async prompt(): Promise<Prompt> {
    return await this.#prompts.next();
  }

  /** Everything that was shown or asked so far, as `style text`. */
  get shown(): string[] {
    return this.#prompts.all.map(([, style, text]) => `${style} ${text}`);
  }

  respond(id: number, answer: string): Promise<void> {
    return this.login.methods.respond(id, answer);
  }

  /** Waits for a question and answers it. */
  async answer(answer: string): Promise<Prompt> {
    const prompt = await this.#prompts.next((_, style) => style === 'secret' || style === 'visible');
    await this.respond(prompt[0], answer);
    return prompt;
  }

  /** How the attempt ends. */
  async end(): Promise<End> {
    const completed = this.#completed.next().then(([session]): End => ['completed', session]);
    const failed = this.#failed.next().then((args): End => ['failed', ...args]);
    return await Promise.race([completed, failed]);
  }

  /** The session's path; anything else fails the test. */
  async session(): Promise<string> {
    const end = await this.end();
    if (end[0] === 'completed') return end[1];
    throw new Error(`${end[1]}: ${end[2]}`);
  }

  /** Waits for its failure with one of the service's errors; what it says, and whether one may try again. */
  async failure(name: string): Promise<[message: string, mayRetry: boolean]> {
    const end = await this.end();
    if (end[0] === 'failed' && end[1] === `${ERROR}.${name}`) return [end[2], end[3]];
    throw new Error(`${name} was expected, not ${end.join(' ')}`);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const heard of [this.#prompts, this.#completed, this.#failed]) await heard[Symbol.asyncDispose]();
  }
}
