import type { Bus } from '../bus/bus.js';
import type { Caller } from '../bus/caller.js';
import { ExportedObject } from '../bus/exported-object.js';
import { capture } from '../bus/generated/capture.js';
import { clipboard } from '../bus/generated/clipboard.js';
import { connection as connectionInterface } from '../bus/generated/connection.js';
import type { Grant, Monitor, SessionClient, Stream } from '../bus/generated/dictionaries.js';
import { input } from '../bus/generated/input.js';
import { monitors } from '../bus/generated/monitors.js';
import { GrantMissing } from '../errors.js';
import { CONNECTIONS_PATH } from './paths.js';
import type { LoginRight } from './rights.js';
import type { Session } from './session.js';

export type CloseReason = 'displaced' | 'disconnected' | 'revoked' | 'expired' | 'idle' | 'session-ended' | 'closed';

const INPUT_GRANTS: readonly Grant[] = ['keyboard', 'pointer', 'touch', 'tablet', 'gamepad'];
const CLIPBOARD_GRANTS: readonly Grant[] = ['clipboard-read', 'clipboard-write'];

/** What there is to know of a connection, also for a daemon after us. */
export type ConnectionRecord = {
  readonly number: number;
  /** A unique bus name. */
  readonly owner: string;
  /** Whose tool that is. */
  readonly uid?: number | undefined;
  readonly right: LoginRight;
  /** Who it is for. */
  readonly client: SessionClient;
  readonly devices: readonly string[];
  readonly cursorModes: readonly string[];
  readonly streams: [number, Stream][];
};

/**
 * A tool's way into a session, for one bus connection and within its grants. Holds nothing but rights: monitors,
 * streams and input are the agent's, which keeps them apart by our number.
 */
export class Connection {
  readonly object: ExportedObject;
  readonly #record: ConnectionRecord;
  readonly #session: Session;
  readonly #closed: (connection: Connection, reason: CloseReason) => void;
  #right: LoginRight;
  #streams: [number, Stream][];
  #mimeTypes: string[] = [];
  #open = true;

  constructor(
    bus: Bus,
    session: Session,
    record: ConnectionRecord,
    closed: (connection: Connection, reason: CloseReason) => void,
  ) {
    const { number, owner, right, devices, cursorModes, streams } = record;
    this.#record = record;
    this.#session = session;
    this.#closed = closed;
    this.#right = right;
    this.#streams = streams;
    this.object = new ExportedObject(bus, `${CONNECTIONS_PATH}/${number}`, () => ({ owner }));
    this.object.implement(connectionInterface, this, {
      version: () => 1,
      Session: () => session.object.path,
      Grants: () => [...right.grants],
    });
    // After a restart of ours the agent has to find us first.
    const agent = async () => (await session.reachable()).methods;

    this.#offer(monitors.name, ['monitors', 'capture'], () =>
      this.object.implement(
        monitors,
        {
          getLayout: async () => (await agent()).getLayout(number),
          setLayout: async (_caller: Caller, serial: number, layout: Monitor[]) => {
            this.#need('monitors');
            return (await agent()).setLayout(number, serial, layout);
          },
        },
        { version: () => 1 },
      ),
    );
    this.#offer(capture.name, ['capture'], () =>
      this.object.implement(
        capture,
        { openPipeWireRemote: async (_caller, options) => (await agent()).openPipeWireRemote(number, options) },
        { version: () => 1, Streams: () => this.#streams, CursorModes: () => [...cursorModes] },
      ),
    );
    this.#offer(input.name, INPUT_GRANTS, () =>
      this.object.implement(
        input,
        { connectToEIS: async (_caller, options) => (await agent()).connectToEIS(number, options) },
        { version: () => 1, Devices: () => [...devices] },
      ),
    );
    this.#offer(clipboard.name, CLIPBOARD_GRANTS, () =>
      this.object.implement(
        clipboard,
        {
          setSelection: async (_caller, mimeTypes) => {
            this.#need('clipboard-write');
            return (await agent()).setSelection(number, mimeTypes);
          },
          selectionRead: async (_caller, mimeType) => {
            this.#need('clipboard-read');
            return (await agent()).selectionRead(number, mimeType);
          },
          selectionWrite: async (_caller, serial) => {
            this.#need('clipboard-write');
            return (await agent()).selectionWrite(number, serial);
          },
          selectionWriteDone: async (_caller, serial, success) => {
            this.#need('clipboard-write');
            return (await agent()).selectionWriteDone(number, serial, success);
          },
        },
        { version: () => 1, MimeTypes: () => this.#mimeTypes },
      ),
    );
  }

  portalToken(_caller: Caller, appId: string): Promise<string> {
    return this.#session.reachable().then(({ methods }) => methods.portalToken(this.number, appId));
  }

  /** The tool is done, or its time is over. It is closed at once; resolves when its descriptors are dead. Never throws. */
  async close(reason: CloseReason | Caller): Promise<void> {
    if (!this.#open) return;
    this.#open = false;
    const why = typeof reason === 'string' ? reason : 'closed';
    this.object.emit(connectionInterface, 'Closed', [why], this.owner);
    // An agent that is gone has closed everything by itself; one that comes back hears what is open.
    const dead = this.#session.agent?.methods.close(this.number).catch(() => {});
    this.#closed(this, why);
    await dead;
  }

  layoutChanged(serial: number): void {
    if (this.object.interfaces.has(monitors.name)) this.object.emit(monitors, 'LayoutChanged', [serial], this.owner);
  }

  streamsChanged(streams: [number, Stream][]): void {
    this.#streams = streams;
    this.#session.keep();
    if (this.object.interfaces.has(capture.name)) this.object.changed(capture, ['Streams'], this.owner);
  }

  selectionOwnerChanged(mimeTypes: string[], isOwner: boolean): void {
    if (!this.right.grants.includes('clipboard-read')) return;
    this.#mimeTypes = mimeTypes;
    this.object.changed(clipboard, ['MimeTypes'], this.owner);
    this.object.emit(clipboard, 'SelectionOwnerChanged', [mimeTypes, isOwner], this.owner);
  }

  selectionTransfer(mimeType: string, serial: number): void {
    this.object.emit(clipboard, 'SelectionTransfer', [mimeType, serial], this.owner);
  }

  get session(): Session {
    return this.#session;
  }

  get number(): number {
    return this.#record.number;
  }

  get owner(): string {
    return this.#record.owner;
  }

  get uid(): number | undefined {
    return this.#record.uid;
  }

  get client(): SessionClient {
    return this.#record.client;
  }

  get right(): LoginRight {
    return this.#right;
  }

  /** Whether its tool may put anything into the session. */
  get hasInput(): boolean {
    return INPUT_GRANTS.some((grant) => this.right.grants.includes(grant));
  }

  /** As it is now. */
  get record(): ConnectionRecord {
    return { ...this.#record, right: this.#right, streams: this.#streams };
  }

  /** The token that it was opened with is used up: nobody can take it back any more. */
  outliveToken(): void {
    this.#right = { ...this.#right, token: undefined };
  }

  #offer(name: string, grants: readonly Grant[], implement: () => void): void {
    if (grants.some((grant) => this.right.grants.includes(grant))) implement();
    else
      this.object.withheld.set(name, () => new GrantMissing(`this connection was not granted ${grants.join(' or ')}`));
  }

  #need(grant: Grant): void {
    if (!this.right.grants.includes(grant)) throw new GrantMissing(`this connection was not granted '${grant}'`);
  }
}
