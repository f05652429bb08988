import fs from 'node:fs/promises';
import { syncBuiltinESMExports } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type FindUser, type Provision, TokenStore } from '../../../src/token-store/token-store.js';

export const NOW = 1_800_000_000;
export const ALICE: Provision = {
  user: 'alice',
  uid: 1000,
  grants: ['capture', 'keyboard'],
  label: '',
  appId: '',
  expires: 0,
  uses: 0,
  desktop: '',
};

export const refusal = (message: string | RegExp) => ({ name: 'InvalidToken', message });

export const original = { ...fs };
const { warn } = console;

/** A store in a folder of the test's own, with a clock, users and a log that are the test's, too. */
export class Given {
  path = '';
  seconds = NOW;
  users = new Map<string, number>();
  logged: string[] = [];
  readonly stores: TokenStore[] = [];

  readonly findUser: FindUser = async (name) => {
    const uid = this.users.get(name);
    return uid === undefined ? undefined : { uid };
  };

  readonly open = async (): Promise<TokenStore> => {
    const store = await TokenStore.open(this.path, { now: () => this.seconds * 1000 });
    this.stores.push(store);
    return store;
  };

  async begin(): Promise<void> {
    this.path = join(await fs.mkdtemp(join(tmpdir(), 'token-store-')), 'tokens');
    this.seconds = NOW;
    this.users = new Map([
      ['alice', 1000],
      ['bob', 1001],
    ]);
    this.logged = [];
    console.warn = (line: string) => this.logged.push(line);
  }

  async end(): Promise<void> {
    mendDisk();
    console.warn = warn;
    for (const store of this.stores.splice(0)) store[Symbol.dispose]();
    await fs.rm(join(this.path, '..'), { recursive: true });
  }

  readonly file = (id: string): string => join(this.path, `${id}.json`);
  readonly readJson = async (id: string): Promise<Record<string, unknown>> =>
    JSON.parse(await fs.readFile(this.file(id), 'utf8'));
  readonly writeJson = (id: string, value: unknown) =>
    fs.writeFile(this.file(id), JSON.stringify(value), { mode: 0o600 });
}

/** For each test of the suite a new one. */
export function givenStore(): Given {
  const given = new Given();
  beforeEach(() => given.begin());
  afterEach(() => given.end());
  return given;
}

/** What the store tells, as it tells it. */
export function events(store: TokenStore): string[] {
  const seen: string[] = [];
  store.on('added', (id) => seen.push(`added ${id}`));
  store.on('removed', (id, reason) => seen.push(`removed ${id} ${reason}`));
  return seen;
}

export const ids = async (store: TokenStore): Promise<string[]> => (await store.list()).map(({ id }) => id);

/** Makes calls into the file system fail from now on, as a full or broken disk does. */
export function breakDisk(replacement: Partial<typeof fs>): void {
  Object.assign(fs, replacement);
  syncBuiltinESMExports();
}

export const mendDisk = () => breakDisk(original);
export const failure = (code: string) => Object.assign(new Error(`${code}: it failed at /somewhere`), { code });
export const fail = (code: string) => () => Promise.reject(failure(code));

/** Files can be opened, but not written. */
export const fullDisk = (code: string): Partial<typeof fs> => ({
  open: async (...args: Parameters<typeof fs.open>) => {
    const handle = await original.open(...args);
    handle.writeFile = fail(code);
    return handle;
  },
});
