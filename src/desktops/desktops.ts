import { constants } from 'node:fs';
import { access, readdir, readFile, stat } from 'node:fs/promises';
import { delimiter, isAbsolute, join } from 'node:path';
import { parseCommand } from './desktop-command.js';
import { parseDesktopEntry, readList, readString } from './desktop-entry.js';

/** An installed session that can be started without a screen. */
export type Desktop = {
  /** The name of its file without `.desktop`. */
  readonly id: string;
  readonly name: string;
  readonly compositor: string;
  readonly command: readonly string[];
  /** For XDG_CURRENT_DESKTOP. */
  readonly desktopNames: readonly string[];
  /** Seconds that it may take to come up. */
  readonly startTimeout: number;
};

export type DesktopPlaces = {
  /** Where sessions are installed; the first one that has an id counts. */
  readonly sessions: readonly string[];
  /** Where files set keys of the session of their name, or are a session of their own; the last one counts. */
  readonly dropIns: readonly string[];
  /** Where TryExec is looked up, as $PATH. */
  readonly path: string;
  /** The id of the default desktop, where it is installed; may be empty. */
  readonly preferred?: string;
};

/** The compositors that the agent can drive. */
export const COMPOSITORS: readonly string[] = ['mutter', 'fake'];

/** Which desktop is the default if no other one is preferred, and it is installed; else the first by id. */
const USUAL = 'gnome';

export const INSTALLED: DesktopPlaces = {
  sessions: ['/usr/local/share/wayland-sessions', '/usr/share/wayland-sessions'],
  dropIns: ['/usr/share/remote-access/desktops', '/etc/remote-access/desktops'],
  path: process.env.PATH ?? '/usr/local/bin:/usr/bin:/bin',
};

const DESKTOP_FILE = /^([A-Za-z0-9][A-Za-z0-9._-]{0,127})\.desktop$/;
/** Bytes; translations included, GNOME's has 7 KiB. */
const LARGEST_FILE = 262_144;

/** Seconds: slow disks and cold caches included. */
const START_TIMEOUT = 60;
const LONGEST_START_TIMEOUT = 600;

type Entry = Map<string, string>;

/** Told of a desktop or a file that is broken, and is passed over. */
export type Skipped = (what: string, why: string) => void;

/** The desktops that can run headless, the default one first. Those with NoDisplay are left out. */
export async function listDesktops(places: DesktopPlaces = INSTALLED, skipped: Skipped = warn): Promise<Desktop[]> {
  const found = await findDesktops(places, skipped);
  return found.filter(({ shown }) => shown).map(({ desktop }) => desktop);
}

/** The desktop of that id, or the default one if it is undefined or empty; undefined if there is none. */
export async function chooseDesktop(
  id: string | undefined,
  places: DesktopPlaces = INSTALLED,
): Promise<Desktop | undefined> {
  const found = await findDesktops(places, warn);
  const called = (name: string | undefined) => found.find(({ desktop }) => desktop.id === name)?.desktop;
  if (id !== undefined && id !== '') return called(id);
  // One that is not shown may be preferred all the same.
  return called(places.preferred) ?? found.find(({ shown }) => shown)?.desktop;
}

async function findDesktops(places: DesktopPlaces, skipped: Skipped): Promise<{ desktop: Desktop; shown: boolean }[]> {
  const entries = new Map<string, Entry>();
  for (const directory of places.sessions)
    for (const [id, entry] of await readEntries(directory, skipped)) if (!entries.has(id)) entries.set(id, entry);
  for (const directory of places.dropIns)
    for (const [id, entry] of await readEntries(directory, skipped))
      entries.set(id, new Map([...(entries.get(id) ?? []), ...entry]));
  const found: { desktop: Desktop; shown: boolean }[] = [];
  for (const id of [...entries.keys()].sort(byPreference(places.preferred))) {
    const entry = entries.get(id) ?? new Map();
    const desktop = await skippingBroken(id, skipped, () => readDesktop(id, entry, places.path));
    if (desktop !== undefined) found.push({ desktop, shown: entry.get('NoDisplay') !== 'true' });
  }
  return found;
}

function byPreference(preferred: string | undefined): (a: string, b: string) => number {
  const rank = (id: string) => [preferred, USUAL, id].indexOf(id);
  return (a, b) => rank(a) - rank(b) || (a < b ? -1 : 1);
}

/** The entries of a directory by id. A directory that is not there has none. */
async function readEntries(directory: string, skipped: Skipped): Promise<Map<string, Entry>> {
  const entries = new Map<string, Entry>();
  for (const name of await readdir(directory).catch(() => [])) {
    const id = DESKTOP_FILE.exec(name)?.[1];
    if (id === undefined) continue;
    const path = join(directory, name);
    const entry = await skippingBroken(path, skipped, async () => parseDesktopEntry(await readText(path)));
    if (entry !== undefined) entries.set(id, entry);
  }
  return entries;
}

async function readText(path: string): Promise<string> {
  const stats = await stat(path);
  if (!stats.isFile()) throw new SyntaxError('it is not a regular file');
  if (stats.size > LARGEST_FILE) throw new SyntaxError(`it has ${stats.size} bytes, more than ${LARGEST_FILE}`);
  return new TextDecoder('utf-8', { fatal: true }).decode(await readFile(path));
}

/** The desktop that an entry describes; undefined if it is hidden, not installed, or needs a screen. */
async function readDesktop(id: string, entry: Entry, path: string): Promise<Desktop | undefined> {
  const read = (key: string): string | undefined => {
    const value = entry.get(key);
    return value === undefined || value === '' ? undefined : readString(value);
  };
  if (read('Hidden') === 'true') return undefined;
  const headless = read('X-RemoteAccess-HeadlessExec');
  const exec = headless ?? (read('X-GDM-CanRunHeadless') === 'true' ? read('Exec') : undefined);
  if (exec === undefined) return undefined;
  const tryExec = read('TryExec');
  if (tryExec !== undefined && !(await isInstalled(tryExec, path))) return undefined;
  const desktopNames = readList(entry.get('DesktopNames') ?? '');
  const compositor = read('X-RemoteAccess-Compositor') ?? (desktopNames.includes('GNOME') ? 'mutter' : undefined);
  if (compositor === undefined || !COMPOSITORS.includes(compositor))
    throw new SyntaxError(
      `X-RemoteAccess-Compositor is ${compositor ?? 'missing'}, and has to be one of ${COMPOSITORS.join(', ')}`,
    );
  const startTimeout = readSeconds(read('X-RemoteAccess-StartTimeout'));
  return { id, name: read('Name') ?? id, compositor, command: parseCommand(exec), desktopNames, startTimeout };
}

function readSeconds(text: string | undefined): number {
  if (text === undefined) return START_TIMEOUT;
  const seconds = /^\d{1,3}$/.test(text) ? Number(text) : 0;
  if (seconds < 1 || seconds > LONGEST_START_TIMEOUT)
    throw new SyntaxError(`X-RemoteAccess-StartTimeout is not a number of seconds from 1 to ${LONGEST_START_TIMEOUT}`);
  return seconds;
}

/** Whether a program is there: an absolute path, or a name to be found in `path`, as $PATH. */
export async function isInstalled(program: string, path: string): Promise<boolean> {
  const places = isAbsolute(program) ? [program] : path.split(delimiter).map((directory) => join(directory, program));
  for (const place of places) if (await isExecutable(place)) return true;
  return false;
}

async function isExecutable(path: string): Promise<boolean> {
  try {
    await access(path, constants.X_OK);
    return (await stat(path)).isFile();
  } catch {
    return false;
  }
}

async function skippingBroken<Result>(
  what: string,
  skipped: Skipped,
  read: () => Promise<Result>,
): Promise<Result | undefined> {
  try {
    return await read();
  } catch (error) {
    skipped(what, error instanceof Error ? error.message : String(error));
    return undefined;
  }
}

function warn(what: string, why: string): void {
  console.warn(`desktop ${what} is skipped: ${why}`);
}
