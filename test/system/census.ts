import { execFileSync } from 'node:child_process';
import { readdirSync, readFileSync, readlinkSync } from 'node:fs';
import { join } from 'node:path';
import { runAsUser } from './in-session.js';

/** Whose descriptors count: what we install, and what works for it. */
const WATCHED = /^(remote-access.*|mutter|gnome-shell|pipewire|wireplumber|dbus-daemon)$/;

/** Units that somebody's question starts, and that end when nobody asks for a while. */
const PASSING = /^(systemd-|colord|polkit|run-|accounts-daemon|udisks2|gvfs|proc-|sys-|dev-)/;

/** What Node.js's event loop opens when it first needs it, and keeps. */
const KEPT = ['/dev/null', 'anon_inode:inotify'];

/** How long what was ended may take to be gone. */
const DEADLINE = 20_000;

/**
 * What there is in this machine at a moment that somebody could leave behind: processes and their descriptors, units,
 * connections to the buses and what they listen to, mutter's objects, PipeWire's objects, our files. By kind, each by
 * name, so that a comparison can say what is left over.
 */
export class Census {
  readonly #kinds: ReadonlyMap<string, readonly string[]>;
  readonly #users: readonly string[];

  private constructor(kinds: ReadonlyMap<string, readonly string[]>, users: readonly string[]) {
    this.#kinds = kinds;
    this.#users = users;
  }

  /** Of our service, of all sessions, and of what there is on the buses and in the PipeWire of these users. */
  static take(users: readonly string[] = []): Census {
    const kinds = new Map<string, string[]>();
    const add = (kind: string, names: readonly string[]) => kinds.set(kind, [...(kinds.get(kind) ?? []), ...names]);
    const call =
      (file: string): Call =>
      (...args) =>
        execFileSync(file, args, { encoding: 'utf8' });
    const processes = ourProcesses();
    for (const [pid, name] of processes) {
      add('processes', [name]);
      if (WATCHED.test(name.split(' ')[1] ?? '')) add(`descriptors of ${name}`, descriptors(pid));
    }
    add('units', units(call('systemctl')));
    add('files in /run/remote-access', readdirSync('/run/remote-access', { recursive: true, encoding: 'utf8' }));
    add('connections and matches on the system bus', busUses(call('busctl'), processes));
    for (const user of users) {
      const inSession =
        (...command: string[]): Call =>
        (...args) =>
          runAsUser(user, ...command, ...args);
      const busctl = inSession('busctl', '--user');
      add(`units of ${user}`, units(inSession('systemctl', '--user')));
      add(`connections and matches on ${user}'s bus`, busUses(busctl, processes));
      add(`mutter's objects of ${user}`, mutterObjects(busctl));
      add(`PipeWire's objects of ${user}`, pipeWireObjects(inSession('pw-dump')));
    }
    return new Census(kinds, users);
  }

  /** How many there are, by kind. */
  get counts(): Record<string, number> {
    return Object.fromEntries([...this.#kinds].map(([kind, names]) => [kind, names.length]));
  }

  /** What there is more now, when nothing is or after some time: some things end after the call that ends them. */
  leftOver(): string[] {
    for (const end = Date.now() + DEADLINE; ; ) {
      const more = Census.take(this.#users).#without(this);
      if (more.length === 0 || Date.now() > end) return more;
    }
  }

  #without(before: Census): string[] {
    return [...this.#kinds].flatMap(([kind, names]) =>
      without(names, before.#kinds.get(kind) ?? []).map((name) => `${kind}: ${name}`),
    );
  }
}

/** Runs a program to its end; what it printed. */
type Call = (...args: string[]) => string;

/** Names that are in the one list more often than in the other. */
function without(names: readonly string[], others: readonly string[]): string[] {
  const left = new Map<string, number>();
  for (const name of others) left.set(name, (left.get(name) ?? 0) + 1);
  return names.filter((name) => {
    const count = left.get(name) ?? 0;
    left.set(name, count - 1);
    return count <= 0;
  });
}

/** "USER PROGRAM" by process id, of all processes in a session, of a user's manager, or in one of our units. */
function ourProcesses(): Map<string, string> {
  const users = new Map<string, string>();
  for (const line of readFileSync('/etc/passwd', 'utf8').split('\n')) {
    const [name = '', , uid = ''] = line.split(':');
    users.set(uid, name);
  }
  const found = new Map<string, string>();
  for (const pid of readdirSync('/proc').filter((name) => /^\d+$/.test(name))) {
    const file = (name: string) => reading(() => readFileSync(`/proc/${pid}/${name}`, 'utf8'), '');
    if (!/\/user\.slice\/|\/remote-access/.test(file('cgroup'))) continue;
    const [program = '', ...args] = file('cmdline').split('\0');
    const script = args.find((arg) => arg.startsWith('/usr/lib/remote-access/')) ?? program;
    const uid = /^Uid:\s+(\d+)/m.exec(file('status'))?.[1] ?? '';
    if (script !== '')
      found.set(
        pid,
        `${users.get(uid)} ${script
          .split('/')
          .at(-1)
          ?.replace(/\.[cm]js$/, '')}`,
      );
  }
  return found;
}

/** What the descriptors of a process are, without the numbers that tell two sockets apart. */
function descriptors(pid: string): string[] {
  const folder = `/proc/${pid}/fd`;
  return reading(() => readdirSync(folder), [])
    .map((fd) => reading(() => readlinkSync(join(folder, fd)), '').replaceAll(/\d+/g, 'N'))
    .filter((name) => name !== '' && !KEPT.includes(name));
}

/** What somebody reads of a process that may be gone by then. */
function reading<Result>(read: () => Result, otherwise: Result): Result {
  try {
    return read();
  } catch {
    return otherwise;
  }
}

function units(systemctl: Call): string[] {
  const list = systemctl('list-units', '--all', '--no-legend', '--plain', '--full');
  return list
    .trimEnd()
    .split('\n')
    .map((line) => line.split(/\s+/))
    .filter(([unit = '', load]) => load === 'loaded' && !PASSING.test(unit))
    .map(([unit, , active]) => `${unit} ${active}`);
}

/** Connections of these processes, and what each listens to. Unique names are never the same again. */
function busUses(busctl: Call, processes: ReadonlyMap<string, string>): string[] {
  const list = JSON.parse(busctl('--json=short', 'list')) as { name: string; pid: number }[];
  const driver = ['org.freedesktop.DBus', '/org/freedesktop/DBus', 'org.freedesktop.DBus.Debug.Stats'];
  const { data } = JSON.parse(busctl('--json=short', 'call', ...driver, 'GetAllMatchRules')) as {
    data: [Record<string, string[]>];
  };
  return list
    .filter(({ name }) => name.startsWith(':'))
    .flatMap(({ name, pid }) => {
      const process = processes.get(`${pid}`);
      if (process === undefined) return [];
      const matches = (data[0][name] ?? []).map((rule) => rule.replaceAll(/:\d+\.\d+/g, ':N'));
      return [process, ...matches.map((rule) => `${process}: ${rule.replaceAll(/\/u\d+/g, '/uN')}`)];
    });
}

function mutterObjects(busctl: Call): string[] {
  const list = busctl('tree', '--list', 'org.gnome.Mutter.ScreenCast').split('\n');
  return list.filter((path) => path.startsWith('/org/gnome/Mutter/')).map((path) => path.replaceAll(/\d+/g, 'N'));
}

type PipeWireObject = { type: string; info?: { props?: Record<string, unknown> } };

function pipeWireObjects(dump: Call): string[] {
  return (JSON.parse(dump()) as PipeWireObject[]).map(({ type, info }) => {
    const { 'node.name': node, 'application.name': application } = info?.props ?? {};
    return `${type.split(':').at(-1)} ${node ?? application ?? ''}`;
  });
}
