/**
 * Who may use each member, as the API documentation says it. The names of roles are those of rights.test.ts.
 */
export type Role = 'stranger' | 'other' | 'user' | 'login' | 'owner' | 'root';

export const ROLES: readonly Role[] = ['stranger', 'other', 'user', 'login', 'owner', 'root'];

/** How a call that is let through ends, if not well: a D-Bus error's name. */
type Row = { may: readonly Role[]; ends?: string | Partial<Record<Role, string>> };

/** One of the objects that rights.test.ts makes. */
export type Place = 'root' | 'login' | 'session' | 'connection' | 'agents' | 'agent';

type Rights = { at: Place; methods: Record<string, Row>; properties: Record<string, readonly Role[]> };

const ANYONE = ROLES;
const OWNER: readonly Role[] = ['owner'];
/** Its user, and administrators. */
const USER: readonly Role[] = ['user', 'root'];
/** Those, and who completed a login to it. */
const VISITORS: readonly Role[] = ['user', 'login', 'owner', 'root'];
const ROOT: readonly Role[] = ['root'];
const NOBODY: readonly Role[] = [];

const INVALID_ARGS = 'org.freedesktop.DBus.Error.InvalidArgs';
const HIDDEN = { stranger: 'NoSuchSession', other: 'NoSuchSession' } as const;

export const RIGHTS: Record<string, Rights> = {
  'org.freedesktop.RemoteAccess': {
    at: 'root',
    methods: {
      OpenLogin: { may: ANYONE },
      CreateSession: { may: USER },
      ListSessions: { may: ANYONE },
      GetSession: { may: ANYONE, ends: HIDDEN },
      ListDesktops: { may: ANYONE },
      ReloadConfiguration: { may: ROOT },
    },
    properties: { version: ANYONE, AuthMethods: ANYONE },
  },
  'org.freedesktop.RemoteAccess.Tokens': {
    at: 'root',
    methods: { Provision: { may: USER }, Revoke: { may: USER }, List: { may: USER } },
    properties: { version: ANYONE },
  },
  'org.freedesktop.RemoteAccess.Login': {
    at: 'login',
    methods: {
      Begin: { may: OWNER, ends: INVALID_ARGS },
      Respond: { may: OWNER, ends: 'MethodNotOffered' },
      Step: { may: OWNER, ends: 'MethodNotOffered' },
      Cancel: { may: OWNER },
    },
    properties: { version: OWNER, State: OWNER, Methods: OWNER, Session: OWNER, GreeterSession: OWNER },
  },
  'org.freedesktop.RemoteAccess.Session': {
    at: 'session',
    methods: {
      Connect: { may: VISITORS },
      Lock: { may: VISITORS },
      Unlock: { may: VISITORS },
      Disconnect: { may: VISITORS },
      Terminate: { may: VISITORS },
    },
    properties: {
      version: VISITORS,
      Id: VISITORS,
      Class: VISITORS,
      User: VISITORS,
      State: VISITORS,
      Desktop: VISITORS,
      Compositor: VISITORS,
      LogindSession: VISITORS,
      Created: VISITORS,
      Locked: VISITORS,
      Client: VISITORS,
      LastClient: VISITORS,
    },
  },
  'org.freedesktop.RemoteAccess.Handover': {
    at: 'session',
    // What is offered is no socket; taking is for processes inside the session (handover.test.ts).
    methods: { Offer: { may: VISITORS, ends: INVALID_ARGS }, Take: { may: NOBODY } },
    properties: { version: VISITORS },
  },
  'org.freedesktop.RemoteAccess.Connection': {
    at: 'connection',
    methods: { PortalToken: { may: OWNER, ends: 'NotSupported' }, Close: { may: OWNER } },
    properties: { version: OWNER, Session: OWNER, Grants: OWNER },
  },
  'org.freedesktop.RemoteAccess.Monitors': {
    at: 'connection',
    methods: { GetLayout: { may: OWNER }, SetLayout: { may: OWNER, ends: 'InvalidLayout' } },
    properties: { version: OWNER },
  },
  'org.freedesktop.RemoteAccess.Capture': {
    at: 'connection',
    methods: { OpenPipeWireRemote: { may: OWNER } },
    properties: { version: OWNER, Streams: OWNER, CursorModes: OWNER },
  },
  'org.freedesktop.RemoteAccess.Input': {
    at: 'connection',
    methods: { ConnectToEIS: { may: OWNER } },
    properties: { version: OWNER, Devices: OWNER },
  },
  'org.freedesktop.RemoteAccess.Clipboard': {
    at: 'connection',
    methods: {
      SetSelection: { may: OWNER },
      SelectionRead: { may: OWNER, ends: 'NotSupported' },
      SelectionWrite: { may: OWNER, ends: 'StaleSerial' },
      SelectionWriteDone: { may: OWNER, ends: 'StaleSerial' },
    },
    properties: { version: OWNER, MimeTypes: OWNER },
  },
  'org.freedesktop.RemoteAccess.Agents': {
    at: 'agents',
    methods: { Register: { may: NOBODY }, Ready: { may: NOBODY }, Fail: { may: NOBODY } },
    properties: { version: NOBODY },
  },
  // Everybody else is kept away by the bus itself.
  'org.freedesktop.RemoteAccess.Agent': {
    at: 'agent',
    methods: {
      Open: { may: ROOT },
      Resume: { may: ROOT },
      RunHooks: { may: ROOT },
      IdleTime: { may: ROOT },
      Close: { may: ROOT },
      GetLayout: { may: ROOT, ends: INVALID_ARGS },
      SetLayout: { may: ROOT, ends: INVALID_ARGS },
      OpenPipeWireRemote: { may: ROOT, ends: INVALID_ARGS },
      ConnectToEIS: { may: ROOT, ends: INVALID_ARGS },
      SetSelection: { may: ROOT, ends: INVALID_ARGS },
      SelectionRead: { may: ROOT, ends: INVALID_ARGS },
      SelectionWrite: { may: ROOT, ends: INVALID_ARGS },
      SelectionWriteDone: { may: ROOT, ends: INVALID_ARGS },
      PortalToken: { may: ROOT, ends: INVALID_ARGS },
    },
    properties: { version: ROOT },
  },
};
