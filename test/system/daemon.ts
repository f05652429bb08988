import assert from 'node:assert/strict';
import { mkdirSync, writeFileSync } from 'node:fs';
import type { Bus } from '../../src/bus/bus.js';
import { run, SERVICE } from './fixture.js';

/** The daemon as systemd and the message bus see it. */

export const UNIT = 'remote-accessd.service';

const SETTINGS = '/etc/remote-access/remote-access.conf.d';

/** Settings of the unit beside those that it is installed with; counts from its next start on. */
export function configure(settings: string): void {
  const folder = `/run/systemd/system/${UNIT}.d`;
  mkdirSync(folder, { recursive: true });
  writeFileSync(`${folder}/test.conf`, settings);
  run('systemctl', 'daemon-reload');
}

/** Settings of the service, in a file of their own; they count from its next start, or reload, on. */
export function setUp(settings: string, name = '50-test'): void {
  mkdirSync(SETTINGS, { recursive: true });
  writeFileSync(`${SETTINGS}/${name}.conf`, settings);
}

/** The same, and they count from now on. */
export function reload(settings: string): void {
  setUp(settings);
  run('systemctl', 'reload-or-restart', UNIT);
}

export function property(name: string): string {
  return run('systemctl', 'show', '--value', `--property=${name}`, UNIT);
}

/** The daemon's process, which must run. */
export function mainPid(): number {
  const pid = Number(property('MainPID'));
  assert.ok(pid > 0, 'no daemon runs');
  return pid;
}

/** Who owned the service's name since it is watched, '' between one and the next. */
export class Owners implements AsyncDisposable {
  readonly all: string[] = [];
  #watch: AsyncDisposable | undefined;
  #wake: (() => void)[] = [];

  static async watch(bus: Bus): Promise<Owners> {
    const owners = new Owners();
    owners.#watch = await bus.subscriptions.watchOwner(SERVICE, (owner) => {
      owners.all.push(owner);
      for (const wake of owners.#wake.splice(0)) wake();
    });
    return owners;
  }

  get now(): string {
    return this.all.at(-1) ?? '';
  }

  /** How many daemons left. */
  get exits(): number {
    return this.all.slice(1).filter((owner) => owner === '').length;
  }

  async until(condition: (owners: Owners) => boolean): Promise<void> {
    while (!condition(this)) await new Promise<void>((resolve) => this.#wake.push(resolve));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#watch?.[Symbol.asyncDispose]();
  }
}
