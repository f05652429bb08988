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
import type { AgentLink } from './agent-link.js';
import { CONNECTIONS_PATH } from './paths.js';
import type { LoginRight, Session } from './session.js';

export type CloseReason = 'displaced' | 'revoked' | 'expired' | 'session-ended' | 'closed';

const INPUT_GRANTS: readonly Grant[] = ['keyboard', 'pointer', 'touch', 'tablet', 'gamepad'];
const CLIPBOARD_GRANTS: readonly Grant[] = ['clipboard-read', 'clipboard-write'];

/** What the agent says of a connection when it opens it. */
type Opened = { devices: readonly string[]; cursorModes: readonly string[]; streams: [number, Stream][] };

/**
 * A tool's way into a session, for one bus connection and within its grants. Holds nothing but rights: monitors,
 * streams and input are the agent's, which keeps them apart by our number.
 */
export class Connection {
  readonly number: number;
  readonly object: ExportedObject;
  readonly owner: string;
  readonly right: LoginRight;
  /** Who it is for. */
  readonly client: SessionClient;
  readonly #session: Session;
  readonly #agent: AgentLink;
  readonly #closed: (connection: Connection, reason: CloseReason) => void;
  #streams: [number, Stream][] = [];
  #mimeTypes: string[] = [];
  #open = true;

  constructor(
    bus: Bus,
    number: number,
    session: Session,
    agent: AgentLink,
    owner: string,
    right: LoginRight,
    { devices, cursorModes, streams }: Opened,
    client: SessionClient,
    closed: (connection: Connection, reason: CloseReason) => void,
  ) {
    this.number = number;
    this.owner = owner;
    this.right = right;
    this.client = client;
    this.#session = session;
    this.#agent = agent;
    this.#closed = closed;
    this.#streams = streams;
    this.object = new ExportedObject(bus, `${CONNECTIONS_PATH}/${number}`, () => ({ owner }));
    this.object.implement(connectionInterface, this, {
      version: () => 1,
      Session: () => session.object.path,
      Grants: () => [...right.grants],
    });
    const { methods } = agent;

    this.#offer(monitors.name, ['monitors', 'capture'], () =>
      this.object.implement(
        monitors,
        {
          getLayout: () => methods.getLayout(number),
          setLayout: (_caller: Caller, serial: number, layout: Monitor[]) => {
            this.#need('monitors');
            return methods.setLayout(number, serial, layout);
          },
        },
        { version: () => 1 },
      ),
    );
    this.#offer(capture.name, ['capture'], () =>
      this.object.implement(
        capture,
        { openPipeWireRemote: (_caller, options) => methods.openPipeWireRemote(number, options) },
        { version: () => 1, Streams: () => this.#streams, CursorModes: () => [...cursorModes] },
      ),
    );
    this.#offer(input.name, INPUT_GRANTS, () =>
      this.object.implement(
        input,
        { connectToEIS: (_caller, options) => methods.connectToEIS(number, options) },
        { version: () => 1, Devices: () => [...devices] },
      ),
    );
    this.#offer(clipboard.name, CLIPBOARD_GRANTS, () =>
      this.object.implement(
        clipboard,
        {
          setSelection: (_caller, mimeTypes) => {
            this.#need('clipboard-write');
            return methods.setSelection(number, mimeTypes);
          },
          selectionRead: (_caller, mimeType) => {
            this.#need('clipboard-read');
            return methods.selectionRead(number, mimeType);
          },
          selectionWrite: (_caller, serial) => {
            this.#need('clipboard-write');
            return methods.selectionWrite(number, serial);
          },
          selectionWriteDone: (_caller, serial, success) => {
            this.#need('clipboard-write');
            return methods.selectionWriteDone(number, serial, success);
          },
        },
        { version: () => 1, MimeTypes: () => this.#mimeTypes },
      ),
    );
  }

  portalToken(_caller: Caller, appId: string): Promise<string> {
    return this.#agent.methods.portalToken(this.number, appId);
  }

  /** The tool is done, or its time is over. */
  close(reason: CloseReason | Caller): void {
    if (!this.#open) return;
    this.#open = false;
    const why = typeof reason === 'string' ? reason : 'closed';
    this.object.emit(connectionInterface, 'Closed', [why], this.owner);
    // An agent that is gone has closed everything by itself.
    this.#agent.methods.close(this.number).catch(() => {});
    this.#closed(this, why);
  }

  layoutChanged(serial: number): void {
    if (this.object.interfaces.has(monitors.name)) this.object.emit(monitors, 'LayoutChanged', [serial], this.owner);
  }

  streamsChanged(streams: [number, Stream][]): void {
    this.#streams = streams;
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

  #offer(name: string, grants: readonly Grant[], implement: () => void): void {
    if (grants.some((grant) => this.right.grants.includes(grant))) implement();
    else
      this.object.withheld.set(name, () => new GrantMissing(`this connection was not granted ${grants.join(' or ')}`));
  }

  #need(grant: Grant): void {
    if (!this.right.grants.includes(grant)) throw new GrantMissing(`this connection was not granted '${grant}'`);
  }
}
