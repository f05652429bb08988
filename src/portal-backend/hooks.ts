import * as fs from 'node:fs';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import type { Bus } from '../bus/bus.js';
import { CallError } from '../bus/call-error.js';
import type { HookOccasion } from '../bus/generated/dictionaries.js';
import { systemd1Manager } from '../bus/generated/systemd1-manager.js';
import { RemoteObject } from '../bus/remote-object.js';
import { Variant } from '../bus/variant.js';
import { SessionFailed } from '../errors.js';

// Of node:fs/promises the agent would have to load much more than these, while somebody waits for their first picture.
const access = promisify(fs.access);
const readdir = promisify(fs.readdir);
const stat = promisify(fs.stat);

/** The administrator's programs run before the user's own. */
const FOLDERS = [
  '/etc/remote-access/session.d',
  join(process.env.XDG_CONFIG_HOME || join(homedir(), '.config'), 'remote-access/session.d'),
];

/** Not what editors and packages leave behind. */
const NAME = /^[A-Za-z0-9][A-Za-z0-9._-]*(?<!\.(?:bak|orig|swp|(?:dpkg|rpm|ucf)-?[a-z]+))$/;

/** Of several command lines systemd would start the next one even while it stops a unit that took too long. */
const RUN_ALL = 'for program; do "$program" "$REMOTE_ACCESS_EVENT" || echo "$program: exit status $?" >&2; done';

/** How long programs that do not end when they are told to have until they are killed, in milliseconds. */
const STOP_TIMEOUT = 5_000;

/** What systemd itself may take, and a desktop that is only just starting, in milliseconds. */
const PATIENCE = 60_000;

/**
 * Runs what is in session.d when clients come and go: one occasion after another, all programs of one in a unit of the
 * user's systemd, which goes on without us and stops them when they take too long.
 */
export class Hooks {
  readonly #systemd;
  readonly #session: string;
  readonly #unit: string;
  #watching: Promise<void> | undefined;
  #removed: () => void = () => {};
  /** What was asked last, and what becomes of it. */
  #last = '';
  #done: Promise<void> = Promise.resolve();

  constructor(userBus: Bus, session: string) {
    const systemd = 'org.freedesktop.systemd1';
    this.#systemd = new RemoteObject(userBus, systemd1Manager, systemd, '/org/freedesktop/systemd1');
    this.#session = session;
    this.#unit = `remote-access-hooks-${session}.service`;
  }

  /** Resolves when the programs have ended. A new daemon that asks again for the same hears of the same run. */
  run(occasion: HookOccasion): Promise<void> {
    const asked = `${occasion.event} ${occasion.connection}`;
    if (asked !== this.#last) {
      this.#last = asked;
      this.#done = this.#done.catch(() => {}).then(() => this.#run(occasion));
    }
    return this.#done;
  }

  /** The session is over. */
  async stop(): Promise<void> {
    if (this.#last !== '') await this.#systemd.methods.stopUnit(this.#unit, 'replace').catch(() => {});
  }

  async #run(occasion: HookOccasion): Promise<void> {
    const programs = (await Promise.all(FOLDERS.map(programsIn))).flat();
    if (programs.length === 0) return;
    this.#watching ??= this.#watch();
    await this.#watching;
    const properties = this.#properties(occasion, programs);
    const late = AbortSignal.timeout(2 * (occasion.timeout + STOP_TIMEOUT) + PATIENCE);
    while (!(await this.#runUnit(properties, late)));
  }

  /** False if those of an agent before us had still been running. */
  async #runUnit(properties: [string, Variant][], late: AbortSignal): Promise<boolean> {
    const removed = new Promise<void>((resolve, reject) => {
      this.#removed = resolve;
      late.addEventListener('abort', () => reject(new SessionFailed(`${this.#unit} does not end`)), { once: true });
    });
    removed.catch(() => {});
    const started = await this.#systemd.methods.startTransientUnit(this.#unit, 'fail', properties, []).then(
      () => true,
      (error) => {
        if (error instanceof CallError && error.dbusName === 'org.freedesktop.systemd1.UnitExists') return false;
        throw error;
      },
    );
    await removed;
    return started;
  }

  async #watch(): Promise<void> {
    await this.#systemd.subscribe('UnitRemoved', (unit) => {
      if (unit === this.#unit) this.#removed();
    });
    await this.#systemd.methods.subscribe();
  }

  #properties(occasion: HookOccasion, programs: readonly string[]): [string, Variant][] {
    const { event, name, address, connection, connections, first, reason, timeout } = occasion;
    const logind = process.env.XDG_SESSION_ID;
    const environment = {
      REMOTE_ACCESS_EVENT: event,
      REMOTE_ACCESS_SESSION: this.#session,
      REMOTE_ACCESS_FIRST: first ? 'yes' : 'no',
      REMOTE_ACCESS_CONNECTION: connection,
      REMOTE_ACCESS_CONNECTIONS: connections,
      REMOTE_ACCESS_CLIENT_NAME: name,
      REMOTE_ACCESS_CLIENT_ADDRESS: address,
      REMOTE_ACCESS_REASON: reason,
      // Desktops take it away from their user's systemd.
      ...(logind === undefined ? {} : { XDG_SESSION_ID: logind }),
    };
    return [
      ['Description', new Variant('s', `Programs of session ${this.#session} for a client that ${event}`)],
      ['Type', new Variant('s', 'oneshot')],
      [
        'ExecStartEx',
        new Variant('a(sasas)', [['/bin/sh', ['sh', '-c', RUN_ALL, 'sh', ...programs], ['no-env-expand']]]),
      ],
      [
        'Environment',
        new Variant(
          'as',
          Object.entries(environment).map(([key, value]) => `${key}=${value}`),
        ),
      ],
      ['TimeoutStartUSec', new Variant('t', BigInt(timeout) * 1000n)],
      ['TimeoutStopUSec', new Variant('t', BigInt(STOP_TIMEOUT) * 1000n)],
      ['CollectMode', new Variant('s', 'inactive-or-failed')],
      ['SyslogIdentifier', new Variant('s', 'remote-access-hooks')],
      // Where the desktop's start includes that, its environment is there by then.
      ['After', new Variant('as', ['graphical-session.target'])],
    ];
  }
}

/** In order of their names. */
async function programsIn(folder: string): Promise<string[]> {
  const names = await readdir(folder).catch(() => []);
  const found = await Promise.all(
    names
      .filter((name) => NAME.test(name))
      .sort()
      .map(async (name) => {
        const path = join(folder, name);
        if (!(await stat(path).catch(() => undefined))?.isFile()) return [];
        const executable = await access(path, fs.constants.X_OK).then(
          () => true,
          () => false,
        );
        if (!executable) console.warn(`${path} is not executable, and was not run`);
        return executable ? [path] : [];
      }),
  );
  return found.flat();
}
