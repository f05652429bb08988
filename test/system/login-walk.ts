import assert from 'node:assert/strict';
import { appendFileSync, closeSync, mkdirSync, writeFileSync } from 'node:fs';
import type { BeginParameters } from '../../src/bus/generated/dictionaries.js';
import type { Tool } from '../../src/tool/tool.js';
import type { ToolConnection } from '../../src/tool/tool-connection.js';
import { Heard, objects, provision, refuses, run, toolAs, uidOf } from './fixture.js';
import { GATES, Gate } from './gate.js';
import { firstMessage, ticketFor } from './kerberos-realm.js';
import { Orders } from './lock-orders.js';
import { authenticateWith, LoginConversation } from './login-conversation.js';
import { kill, type Process, pidOf } from './victims.js';

/** What happens in a login that starts a session, */
export const FIRST = [
  'opened',
  'begun',
  'asked',
  'answered',
  'opening',
  'starting',
  'registered',
  'completed',
] as const;
/** and in one that leads into the session that runs: each is a moment at which somebody may die. */
export const AGAIN = [
  'opened again',
  'begun again',
  'asked again',
  'answered again',
  'checking',
  'rejoined',
  'connecting',
  'connected',
  'leaving',
] as const;
export type Step = (typeof FIRST)[number] | (typeof AGAIN)[number];

export type Method = 'pam' | 'password' | 'token' | 'kerberos';

/** What whoever logs in gets to know of a death; `Connect: X` is how their Connect ends, then or afterwards. */
export type Told =
  | 'nothing'
  | 'lost'
  | 'completed'
  | 'AuthenticationFailed'
  | 'SessionFailed'
  | `Connect: ${string}`
  | 'works'
  | 'closed'
  | 'locked';

const UNKNOWN_OBJECT = 'org.freedesktop.DBus.Error.UnknownObject';

/** Users' caches. */
const tickets = new Map<string, string>();

/** PAM and the users' systemd get gates, at which a walk can stop; to be undone by nobody. */
export function installGates(): void {
  mkdirSync(GATES, { recursive: true });
  const probe = '/src/dist/test/pam_probe.so';
  authenticateWith(`auth required ${probe} hold:before [secret:Code: :0815] hold:after`);
  appendFileSync(
    '/etc/pam.d/remote-access',
    `account required ${probe} hold:account\nsession required ${probe} hold:opening\n`,
  );
  const agent = '/etc/systemd/user/remote-access-agent@.service.d';
  mkdirSync(agent, { recursive: true });
  const gate = `${GATES}/%u.agent`;
  writeFileSync(`${agent}/gate.conf`, `[Service]\nExecStartPre=/bin/sh -c 'test ! -p ${gate} || cat ${gate}'\n`);
}

/** One user's way into a session, up to a step. */
export class Walk implements AsyncDisposable {
  readonly user: string;
  readonly step: Step;
  /** The session's path, since there is one. */
  session = '';
  readonly #admin: Tool;
  readonly #tool: Tool;
  readonly #method: Method;
  readonly #gates = new Map<string, Gate>();
  #login: LoginConversation | undefined;
  #ticket = '';
  #prompt = 0;
  #connecting: Promise<ToolConnection> | undefined;
  #connection: ToolConnection | undefined;
  #closed: Promise<string> | undefined;
  #orders: Orders | undefined;
  #removed: Heard<[string, string]> | undefined;
  readonly #stopped: number[] = [];
  readonly #descriptors: number[] = [];

  private constructor(admin: Tool, tool: Tool, user: string, step: Step, method: Method) {
    this.#admin = admin;
    this.#tool = tool;
    this.user = user;
    this.step = step;
    this.#method = method;
  }

  static async to(step: Step, admin: Tool, user: string, method: Method = 'pam'): Promise<Walk> {
    const walk = new Walk(admin, await toolAs('bob'), user, step, method);
    walk.#removed = await Heard.listen(objects(admin.bus).root, 'SessionRemoved');
    const steps = AGAIN.some((again) => again === step) ? walk.#again() : walk.#first();
    try {
      for await (const reached of steps) if (reached === step) return walk;
      throw new Error(`a login with ${method} has no step '${step}'`);
    } catch (error) {
      await walk[Symbol.asyncDispose]();
      throw error;
    }
  }

  async *#first(): AsyncGenerator<Step> {
    this.#close('before', 'after', 'opening', 'agent');
    for await (const step of this.#prove()) yield step;
    await this.#reached('opening');
    this.session = await this.#started();
    yield 'opening';
    this.#open('opening');
    await this.#reached('agent');
    yield 'starting';
    const id = this.session.slice(this.session.lastIndexOf('/') + 1);
    // What an agent reads when it has registered.
    const folder = `/run/user/${uidOf(this.user)}/remote-access`;
    run('install', '--directory', `--owner=${this.user}`, folder);
    this.#gates.set('layout', new Gate(`${folder}/${id}.json`));
    this.#open('agent');
    await this.#reached('layout');
    yield 'registered';
    this.#open('layout');
    await this.#here.session();
    yield 'completed';
  }

  async *#again(): AsyncGenerator<Step> {
    const { root, session } = objects(this.#admin.bus);
    this.session = await root.methods.createSession(this.user, { desktop: 'fake' });
    this.#orders = await Orders.listen(this.#admin, await session(this.session).property('LogindSession'));
    const checked = this.#method === 'token' || this.#method === 'kerberos';
    this.#close('before', 'after', ...(checked ? ['account'] : []));
    for await (const step of this.#prove()) yield `${step} again` as Step;
    if (checked) {
      await this.#reached('account');
      yield 'checking';
      this.#open('account');
    }
    assert.equal(await this.#here.session(), this.session);
    yield 'rejoined';
    if (this.step === 'connecting') {
      this.#stop('agent');
      this.#connecting = this.#tool.connect(this.session);
      this.#connecting.catch(() => {});
      await this.#roundTrip();
      yield 'connecting';
    }
    const connection = await this.#tool.connect(this.session);
    this.#connection = connection;
    this.#closed = connection.closed();
    for (const open of [connection.capture.methods.openPipeWireRemote, connection.input.methods.connectToEIS])
      this.#descriptors.push(await open({}));
    await this.#roundTrip();
    yield 'connected';
    this.#stop('logind');
    await connection.connection.methods.close();
    yield 'leaving';
  }

  /** From OpenLogin until the user is authenticated. */
  async *#prove(): AsyncGenerator<'opened' | 'begun' | 'asked' | 'answered'> {
    const parameters = await this.#parameters();
    this.#login = await LoginConversation.open(this.#tool);
    yield 'opened';
    const begun = this.#here.begin(this.#method, parameters);
    // It may die, and then Failed tells it.
    begun.catch(() => {});
    if (this.#method === 'token') return;
    if (this.#method === 'kerberos') {
      await begun;
      yield 'begun';
      this.#step().catch(() => {});
      return;
    }
    await this.#reached('before');
    yield 'begun';
    this.#open('before');
    if (this.#method === 'pam') {
      [this.#prompt] = await this.#here.prompt();
      yield 'asked';
      await this.#here.respond(this.#prompt, '0815');
    }
    await this.#reached('after');
    yield 'answered';
    this.#open('after');
  }

  async #parameters(): Promise<BeginParameters> {
    if (this.#method === 'token') return { token: (await provision(this.#admin, this.user)).token };
    if (this.#method === 'kerberos') {
      this.#ticket = tickets.get(this.user) ?? ticketFor(this.user);
      tickets.set(this.user, this.#ticket);
      return {};
    }
    return { user: this.user, ...(this.#method === 'password' ? { password: '0815' } : {}) };
  }

  /** Says what GSSAPI wants to say. */
  async #step(): Promise<void> {
    await this.#here.login.methods.step(await firstMessage(this.#ticket, ['delegate']));
  }

  /** Ends a process; the tool is its connection to the bus, and what it got through it. */
  async kill(victim: Process | 'tool'): Promise<void> {
    if (victim === 'tool') await this.#leave();
    else kill(victim, this.user, this.session);
  }

  /** Whatever is kept from going on goes on. */
  release(): void {
    for (const gate of this.#gates.values()) gate.open();
    this.continue();
  }

  /** Processes that are stopped work again. */
  continue(): void {
    for (const pid of this.#stopped.splice(0))
      try {
        process.kill(pid, 'SIGCONT');
      } catch {
        // That was killed.
      }
  }

  /** Returns when the login's owner was told that; throws if they are told something else. */
  async hears(told: Told): Promise<void> {
    if (told === 'nothing') return;
    // What comes of it has to be seen.
    if (told === 'completed' || (told === 'SessionFailed' && this.step === 'opening')) this.release();
    if (told === 'lost') {
      await refuses(UNKNOWN_OBJECT, this.#here.login.property('State'));
    } else if (told === 'completed') {
      if (this.step.startsWith('asked')) await this.#here.respond(this.#prompt, '0815');
      await this.#here.session();
    } else if (told === 'locked') {
      await this.#orders?.are('Unlock', 'Lock');
    } else if (told === 'works') {
      await this.#connection?.monitors.methods.getLayout();
    } else if (told === 'closed') {
      assert.equal(await this.#closed, 'session-ended');
    } else if (told.startsWith('Connect: ')) {
      await this.#connects(told.slice('Connect: '.length));
    } else {
      // Somebody who has said nothing yet does so before they are told.
      if (this.step.startsWith('begun'))
        if (this.#method === 'kerberos') await refuses(told, this.#step());
        else if (this.#method === 'pam') await this.#here.answer('whatever');
      await this.#here.failure(told);
    }
  }

  async #connects(how: string): Promise<void> {
    if (how === 'UnknownObject' || how === 'SessionFailed')
      await this.#removed?.next((_, path) => path === this.session);
    const connecting = this.#connecting ?? this.#tool.connect(this.session);
    this.continue();
    // One that the agent opened before it left is closed already.
    if (how === 'works') await (await connecting).connection.methods.close().catch(() => {});
    else await refuses(how.endsWith('Failed') ? how : `org.freedesktop.DBus.Error.${how}`, connecting);
  }

  /** The same user logs in anew, and can use the session; its path. */
  async next(): Promise<string> {
    const tool = await toolAs('bob');
    await using login = await LoginConversation.open(tool);
    await login.begin('pam', { user: this.user });
    await login.answer('0815');
    const path = await login.session();
    const { monitors, connection } = await tool.connect(path);
    assert.equal((await monitors.methods.getLayout())[1].length, 1);
    await connection.methods.close();
    await tool[Symbol.asyncDispose]();
    return path;
  }

  #close(...gates: string[]): void {
    for (const name of gates) this.#gates.set(name, new Gate(`${GATES}/${this.user}.${name}`));
  }

  #reached(gate: string): Promise<unknown> | undefined {
    return this.#gates.get(gate)?.reached;
  }

  #open(gate: string): void {
    this.#gates.get(gate)?.open();
  }

  #stop(victim: Process): void {
    const pid = pidOf(victim, this.user, this.session);
    process.kill(pid, 'SIGSTOP');
    this.#stopped.push(pid);
  }

  /** Everything that the tool asked for before has begun. */
  async #roundTrip(): Promise<void> {
    await objects(this.#tool.bus).root.methods.listSessions();
  }

  /** The session that is being started for the user. */
  async #started(): Promise<string> {
    const sessions = await objects(this.#admin.bus).root.methods.listSessions();
    const [, , , , path] = sessions.find(([, , uid]) => uid === uidOf(this.user)) ?? [];
    assert.ok(path !== undefined, `${this.user} has no session`);
    return path;
  }

  async #leave(): Promise<void> {
    await this.#tool[Symbol.asyncDispose]();
    for (const fd of this.#descriptors.splice(0)) closeSync(fd);
  }

  get #here(): LoginConversation {
    assert.ok(this.#login !== undefined);
    return this.#login;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.continue();
    for (const gate of this.#gates.values()) gate[Symbol.dispose]();
    await this.#leave();
    await this.#removed?.[Symbol.asyncDispose]();
  }
}
