import { EventEmitter } from 'node:events';
import { createConnection, type Socket } from 'node:net';
import { AuthenticationFailed, type RemoteAccessError, SessionFailed } from '../errors.js';
import { failureError, NOT_ACCEPTED } from './failure.js';
import { decodeLine, encodeLine, LINE_MAX } from './wire.js';

/** Whom PAM is asked about. */
export type Account = {
  user: string;
  /** The PAM service. */
  service?: string;
  /** From where the user comes. logind calls the session remote, and mutter runs headless, only if it is not local. */
  rhost?: string;
};

/** What a worker needs to open a session. */
export type Login = Account & {
  /** Put into PAM's environment, over XDG_SESSION_TYPE=wayland and XDG_SESSION_CLASS=user. */
  environment?: Readonly<Record<string, string>>;
  /** The program and its arguments; it gets PAM's environment and HOME, USER, LOGNAME, SHELL and PATH. */
  command: readonly [string, ...string[]];
  /** What the daemon wants to be told about this session after a restart of its own. */
  record: string;
};

/** Who somebody proved to be, as the user database spells it. */
export type Authenticated = {
  user: string;
  uid: number;
  /** Kerberos' name for them. */
  principal?: string;
};

export type OpenedSession = { logindSession: string; uid: number; pid: number };

/** How the session's command ended; `lost`: the worker went away without a word, or never opened a session. */
export type Ended = { how: 'exit' | 'signal'; number: number } | { how: 'lost' };

type WorkerEvents = {
  /** A PAM module asks and waits for `answer`; a secret is not to be shown. */
  prompt: [style: 'secret' | 'visible', text: string];
  /** A PAM module has something to say. */
  message: [style: 'info' | 'error', text: string];
  /** PAM's modules have had their time, and the worker does not hear us as long as one is at work. */
  stuck: [];
  /** The session's command ended, and PAM is being closed. */
  ending: [];
  /** Once, unless this connection was closed or replaced before. The worker is gone. */
  ended: [Ended];
  /** A newer connection took over; this one is of no use any more. */
  replaced: [];
};

/** PAM modules may ask servers of the network. */
const OPEN_DEADLINE = 60_000;
/** From an answer to the next question, or to the end: some wait for somebody to touch a key. */
const MODULE_DEADLINE = 120_000;
/** A worker answers at once, except while a PAM module works. */
const CONNECT_DEADLINE = 30_000;

/** A connection to a session's worker. Closing it leaves the session alone. */
export class Worker extends EventEmitter<WorkerEvents> {
  readonly #socket: Socket;
  #input = '';
  #state = '';
  #record = '';
  #user = '';
  #opened: { logindSession: string; uid: number } | undefined;
  #pid: number | undefined;
  #authenticated: Authenticated | undefined;
  #principal: string | undefined;
  /** To the client's last GSSAPI message, in Base64. */
  #answer: string | undefined;
  #opening = false;
  #admitted = false;
  #refusal: RemoteAccessError | undefined;
  #finished = false;
  #messages: string[] = [];
  /** Runs while PAM's modules work, and not while somebody is asked. */
  #patience: NodeJS.Timeout | undefined;
  /** What waits for the announcement's end, or for `open` to succeed or fail. */
  #waiting: { until: () => boolean; resolve: () => void; reject: (error: Error) => void } | undefined;

  private constructor(socket: Socket) {
    super();
    this.#socket = socket;
    socket.setEncoding('latin1');
    socket.on('data', (text: string) => this.#read(text));
    // A reset is followed by close.
    socket.on('error', () => {});
    socket.on('close', () => this.#finish({ how: 'lost' }));
  }

  /** Connects and reads the announcement. Throws SessionFailed; its cause has the code if nobody listens. */
  static async connect(path: string, { signal }: { signal?: AbortSignal } = {}): Promise<Worker> {
    signal?.throwIfAborted();
    const socket = createConnection(path);
    try {
      await new Promise<void>((resolve, reject) => {
        socket.once('connect', resolve);
        socket.once('error', reject);
      });
    } catch (cause) {
      throw new SessionFailed("The session's worker cannot be reached", { cause });
    }
    const worker = new Worker(socket);
    const complete = () => worker.#state === 'new' || worker.#pid !== undefined;
    try {
      await worker.#wait(complete, deadline(CONNECT_DEADLINE, signal));
      // Nobody could have listened to that event yet.
      if (worker.#finished) throw new SessionFailed("The session's worker went away");
    } catch (error) {
      worker.close();
      throw error;
    }
    return worker;
  }

  /** What was last given as record; empty if nothing was. */
  get record(): string {
    return this.#record;
  }

  /** The session, once it is open. */
  get session(): OpenedSession | undefined {
    if (this.#opened === undefined || this.#pid === undefined) return undefined;
    return { ...this.#opened, pid: this.#pid };
  }

  /**
   * Asks PAM whether the user may open a session, and opens none. Throws as `open` does. The worker is gone after it.
   */
  async check(account: Account): Promise<void> {
    const lines = accountLines(account, 'remote-access');
    this.#user = account.user;
    this.#socket.write(lines + encodeLine('check'));
    await this.#admission();
  }

  /**
   * Lets PAM authenticate the user; modules ask by `prompt`. `open` or `rejoin` go on from there, in the same transaction.
   * Throws AuthenticationFailed for everything that a stranger may not know, its cause being what happened, and
   * SessionFailed if the proof was good but the account may not log in. The worker is gone after that, and so it is, at
   * once and whatever a module does, if `signal` aborts.
   */
  async authenticate(account: Account, { signal }: { signal?: AbortSignal } = {}): Promise<Authenticated> {
    const lines = accountLines(account, 'remote-access-login');
    this.#user = account.user;
    this.#socket.write(lines + encodeLine('authenticate'));
    await this.#proof(() => this.#authenticated !== undefined, signal);
    return this.#authenticated as Authenticated;
  }

  /**
   * Begins to authenticate with Kerberos, which `step` goes on with; who it is will turn out. Throws MethodNotOffered if
   * the machine cannot do it.
   */
  async beginKerberos({ rhost, signal }: { rhost?: string; signal?: AbortSignal }): Promise<void> {
    const from = rhost === undefined ? '' : encodeLine('rhost', rhost);
    this.#socket.write(encodeLine('service', 'remote-access') + from + encodeLine('kerberos'));
    await this.#proof(() => this.#answer !== undefined, signal);
  }

  /**
   * Takes a client's GSSAPI message, of 49146 bytes at most; resolves with the answer for the client, and at the end with
   * who it is. Throws as `authenticate` does.
   */
  async step(
    input: Buffer,
    { signal }: { signal?: AbortSignal } = {},
  ): Promise<{ output: Buffer; authenticated: Authenticated | undefined }> {
    this.#answer = undefined;
    if (this.#socket.writable) this.#socket.write(encodeLine('token', input.toString('base64')));
    await this.#proof(() => this.#answer !== undefined, signal);
    return { output: Buffer.from(this.#answer ?? '', 'base64'), authenticated: this.#authenticated };
  }

  /** Waits for PAM or for Kerberos, however long somebody is asked. */
  async #proof(until: () => boolean, signal: AbortSignal | undefined): Promise<void> {
    this.#beginPatience();
    try {
      await this.#wait(until, signal);
    } catch (error) {
      this.close();
      signal?.throwIfAborted();
      throw this.#refusal ?? new AuthenticationFailed(NOT_ACCEPTED, { cause: error });
    } finally {
      clearTimeout(this.#patience);
    }
  }

  /** Answers the prompt that waits. Throws InvalidArgs for what no line can hold. */
  answer(text: string): void {
    const line = encodeLine('answer', text);
    this.#messages = [];
    this.#beginPatience();
    if (this.#socket.writable) this.#socket.write(line);
  }

  /** After `authenticate`: the user has a session already. The worker is gone after it. */
  async rejoin(): Promise<void> {
    this.#socket.write(encodeLine('rejoin'));
    await this.#admission();
  }

  /** Ends a worker that authenticated somebody, unless it opens a session for them. */
  release(): void {
    if (!this.#opening) this.close();
  }

  /**
   * Opens the session, of whom it authenticated if it did, and starts its command. Throws NoSuchUser, SessionFailed with a sentence that says what to do,
   * or InvalidArgs for what does not fit the protocol. The worker is gone after that; so it is if `signal` aborts.
   */
  async open(login: Login, { signal }: { signal?: AbortSignal } = {}): Promise<OpenedSession> {
    const { command, record } = login;
    const environment = { XDG_SESSION_TYPE: 'wayland', XDG_SESSION_CLASS: 'user', ...login.environment };
    const lines = [
      encodeLine('record', record),
      this.#authenticated === undefined ? accountLines(login, 'remote-access') : '',
      ...Object.entries(environment).map(([name, value]) => encodeLine('env', `${name}=${value}`)),
      encodeLine('exec', ...command),
      encodeLine('open'),
    ];
    this.#user = login.user;
    this.#opening = true;
    this.#record = record;
    this.#socket.write(lines.join(''));
    try {
      await this.#modules(() => this.#pid !== undefined, signal);
    } catch (error) {
      this.terminate();
      throw error;
    }
    const { session } = this;
    if (session === undefined) throw new SessionFailed("The session's worker did not say which session it opened");
    return session;
  }

  /** Replaces the record. Throws InvalidArgs if it does not fit into a line. */
  setRecord(record: string): void {
    this.#socket.write(encodeLine('record', record));
    this.#record = record;
  }

  /** Asks the worker to end the session; `ended` follows, after 5 seconds and PAM's closing at the latest. */
  terminate(): void {
    if (this.#socket.writable) this.#socket.write(encodeLine('terminate'));
  }

  /** Leaves the session to whoever connects next. No event follows. */
  close(): void {
    this.#finished = true;
    this.#waiting?.reject(new SessionFailed("The connection to the session's worker was closed"));
    // Not destroy(), which would throw away a `terminate` that is still being written.
    this.#socket.end();
    this.#socket.unref();
  }

  async #admission(): Promise<void> {
    try {
      await this.#modules(() => this.#admitted);
    } finally {
      this.close();
    }
  }

  /** Waits for what PAM's modules do without asking anybody. */
  async #modules(until: () => boolean, signal?: AbortSignal): Promise<void> {
    const late = deadline(OPEN_DEADLINE, signal);
    try {
      await this.#wait(until, late);
    } catch (error) {
      if (late.aborted) this.emit('stuck');
      throw error;
    }
  }

  #beginPatience(): void {
    clearTimeout(this.#patience);
    const late = () => this.#fail(new SessionFailed(`PAM did not answer within ${MODULE_DEADLINE / 1000} s`));
    this.#patience = setTimeout(late, MODULE_DEADLINE);
  }

  async #wait(until: () => boolean, signal: AbortSignal | undefined): Promise<void> {
    if (until()) return;
    if (this.#finished) throw new SessionFailed("The session's worker is gone");
    await new Promise<void>((resolve, reject) => {
      const aborted = () => signal !== undefined && this.#waiting?.reject(abortError(signal));
      const settle = (action: () => void) => {
        this.#waiting = undefined;
        signal?.removeEventListener('abort', aborted);
        action();
      };
      this.#waiting = { until, resolve: () => settle(resolve), reject: (error) => settle(() => reject(error)) };
      signal?.addEventListener('abort', aborted);
      if (signal?.aborted) aborted();
    });
  }

  #read(text: string): void {
    this.#input += text;
    for (let end = this.#input.indexOf('\n'); end >= 0; end = this.#input.indexOf('\n')) {
      const line = this.#input.slice(0, end);
      this.#input = this.#input.slice(end + 1);
      this.#take(line);
      if (this.#waiting?.until()) this.#waiting.resolve();
    }
    if (this.#input.length > LINE_MAX) this.#socket.destroy();
  }

  #take(line: string): void {
    const [verb, first = '', second = '', third = ''] = decodeLine(line);
    if (verb === 'record') this.#record = first;
    else if (verb === 'state') this.#state = first;
    else if (verb === 'opened') this.#opened = { logindSession: first, uid: Number(second) };
    else if (verb === 'started') this.#pid = Number(first);
    else if (verb === 'prompt') this.#prompt(first === 'visible' ? 'visible' : 'secret', second);
    else if (verb === 'authenticated') this.#proved(first, Number(second), third);
    else if (verb === 'user') this.#known(first, second);
    else if (verb === 'token') this.#answer = first;
    else if (verb === 'admitted') this.#admitted = true;
    else if (verb === 'message') this.#message(first === 'error' ? 'error' : 'info', second);
    else if (verb === 'failed') this.#refused(first, second, third);
    else if (verb === 'error') this.#fail(new SessionFailed(`The session's worker did not accept a line: ${first}`));
    else if (verb === 'ending') this.emit('ending');
    else if (verb === 'ended') this.#finish({ how: first === 'signal' ? 'signal' : 'exit', number: Number(second) });
    else if (verb === 'replaced') this.#replaced();
  }

  #known(user: string, principal: string): void {
    this.#user = user;
    this.#principal = principal;
  }

  #proved(user: string, uid: number, answer: string): void {
    this.#authenticated = { user, uid, ...(this.#principal === undefined ? {} : { principal: this.#principal }) };
    this.#answer = answer;
  }

  #refused(stage: string, code: string, text: string): void {
    this.#refusal = failureError(this.#user, { stage, code, text, messages: this.#messages });
    this.#fail(this.#refusal);
  }

  #prompt(style: 'secret' | 'visible', text: string): void {
    clearTimeout(this.#patience);
    this.emit('prompt', style, text);
  }

  #message(style: 'info' | 'error', text: string): void {
    this.#messages.push(text);
    this.emit('message', style, text);
  }

  #fail(error: Error): void {
    this.#waiting?.reject(error);
  }

  #replaced(): void {
    this.#finished = true;
    this.#fail(new SessionFailed('Another connection took over this session'));
    this.emit('replaced');
  }

  #finish(ended: Ended): void {
    if (this.#finished) return;
    this.#finished = true;
    this.#fail(new SessionFailed("The session's worker went away"));
    this.emit('ended', ended);
  }
}

function accountLines({ user, service, rhost }: Account, usual: string): string {
  const from = rhost === undefined ? '' : encodeLine('rhost', rhost);
  return encodeLine('user', user) + encodeLine('service', service ?? usual) + from;
}

function deadline(milliseconds: number, signal: AbortSignal | undefined): AbortSignal {
  const timeout = AbortSignal.timeout(milliseconds);
  return signal === undefined ? timeout : AbortSignal.any([timeout, signal]);
}

function abortError(signal: AbortSignal): Error {
  const { reason } = signal;
  if (reason instanceof DOMException && reason.name === 'TimeoutError') {
    return new SessionFailed("The session's worker did not answer in time", { cause: reason });
  }
  return reason instanceof Error ? reason : new SessionFailed('The start of the session was given up');
}
