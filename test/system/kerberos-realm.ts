import { type ChildProcessWithoutNullStreams, execFileSync, spawn } from 'node:child_process';
import { mkdtempSync, readdirSync, writeFileSync } from 'node:fs';
import { createInterface, type Interface } from 'node:readline';
import { run } from './fixture.js';

/** A realm with a key distribution center of its own (MIT's), in the container, and clients of it. */

export const REALM = 'EXAMPLE.TEST';
export const MACHINE = 'machine.example.test';
export const KEYTAB = '/etc/krb5.keytab';
const PASSWORD = 'Frosch+Teich9';
const DEBS = '/var/lib/debs/kerberos';

/** Installs and starts it, with a principal for the machine, which has no keytab yet. */
export function startRealm(): void {
  configure();
  const packages = readdirSync(DEBS).map((name) => `${DEBS}/${name}`);
  execFileSync('dpkg', ['--force-unsafe-io', '--install', ...packages], {
    env: { ...process.env, DEBIAN_FRONTEND: 'noninteractive' },
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  const realm = ['[realms]', `${REALM} = {`, 'supported_enctypes = aes256-cts-hmac-sha1-96:normal', '}'];
  writeFileSync('/etc/krb5kdc/kdc.conf', `${realm.join('\n')}\n`);
  run('kdb5_util', 'create', '-s', '-P', 'master', '-r', REALM);
  run('systemctl', 'start', 'krb5-kdc');
  kadmin('addprinc', '-randkey', `host/${MACHINE}`);
  kadmin('addprinc', '-randkey', `HTTP/${MACHINE}`);
}

/** krb5.conf, with more lines for the realm. */
export function configure(...realm: string[]): void {
  const lines = [
    '[libdefaults]',
    `default_realm = ${REALM}`,
    'dns_lookup_kdc = false',
    'dns_canonicalize_hostname = false',
    'rdns = false',
    'forwardable = true',
    '[realms]',
    `${REALM} = {`,
    'kdc = 127.0.0.1',
    ...realm,
    '}',
    '[domain_realm]',
    `example.test = ${REALM}`,
  ];
  writeFileSync('/etc/krb5.conf', `${lines.join('\n')}\n`);
}

export function kadmin(...query: string[]): void {
  run('kadmin.local', '-r', REALM, ...query);
}

/** Gives the machine's keytab the key of a principal, also a new one. */
export function giveKey(principal: string): void {
  kadmin('ktadd', '-k', KEYTAB, principal);
}

/** Makes a principal and gets it a ticket-granting ticket; the file that holds it. */
export function ticketFor(principal: string): string {
  const directory = mkdtempSync('/run/tickets-');
  kadmin('addprinc', '-pw', PASSWORD, principal);
  const cache = `${directory}/cache`;
  execFileSync('kinit', ['-c', cache, principal], { input: `${PASSWORD}\n`, stdio: ['pipe', 'ignore', 'pipe'] });
  return cache;
}

/** The other end of an exchange, which MIT's library does. */
export class GssapiClient implements Disposable {
  readonly #child: ChildProcessWithoutNullStreams;
  readonly #lines: AsyncIterator<string>;
  readonly #interface: Interface;

  constructor(cache: string, wishes: readonly string[] = [], service = `host@${MACHINE}`) {
    const env = { PATH: process.env.PATH, KRB5CCNAME: cache };
    this.#child = spawn('python3', ['/src/test/system/clients/gssapi-client.py', service, ...wishes], { env });
    this.#interface = createInterface(this.#child.stdout);
    this.#lines = this.#interface[Symbol.asyncIterator]();
    this.#child.stderr.pipe(process.stderr);
    this.#child.stdin.on('error', () => {});
  }

  /** The client's next message; undefined if it has none, for it is sure of the other side. */
  async message(): Promise<Buffer | undefined> {
    const { value, done } = await this.#lines.next();
    if (done === true) throw new Error('the client gave up');
    return value === 'complete' ? undefined : Buffer.from(value, 'base64');
  }

  answer(message: Buffer): void {
    this.#child.stdin.write(`${message.toString('base64')}\n`);
  }

  [Symbol.dispose](): void {
    this.#interface.close();
    this.#child.kill();
  }
}

/** A client's first message. */
export async function firstMessage(...args: ConstructorParameters<typeof GssapiClient>): Promise<Buffer> {
  using client = new GssapiClient(...args);
  const message = await client.message();
  if (message === undefined) throw new Error('the client has nothing to say');
  return message;
}
