import type { DictionaryName } from './generated/dictionaries.js';

/**
 * What a D-Bus interface looks like at run time and to the type checker. Values of these types are generated from
 * interfaces/; nobody writes them by hand.
 */

/** Who may use a member; any one of a member's rules suffices. What the words mean is in docs/api/README.md. */
export type AccessRule =
  | 'anyone'
  | 'owner'
  | 'user'
  | 'login'
  | 'session'
  | 'agent'
  | 'root'
  | `polkit:org.freedesktop.RemoteAccess.${'create-session' | 'provision-token' | 'manage-tokens' | 'manage-sessions'}`;

/** Who gets a signal. */
export type Audience = 'everyone' | 'owner' | 'user';

/** Whether PropertiesChanged tells the new value, only that there is one, that there never is one, or nothing. */
export type Emission = 'true' | 'invalidates' | 'const' | 'false';

export interface ArgumentDescriptor {
  readonly name: string;
  /** One complete D-Bus type. */
  readonly type: string;
  /** The schema of every a{sv} in the type. */
  readonly dictionary?: DictionaryName;
}

export interface MethodDescriptor {
  readonly name: string;
  readonly in: readonly ArgumentDescriptor[];
  readonly out: readonly ArgumentDescriptor[];
  /** Empty for interfaces that others serve. */
  readonly access: readonly AccessRule[];
}

export interface PropertyDescriptor extends ArgumentDescriptor {
  readonly writable: boolean;
  readonly emits: Emission;
  readonly access: readonly AccessRule[];
}

export interface SignalDescriptor {
  readonly name: string;
  readonly args: readonly ArgumentDescriptor[];
  readonly to: Audience;
}

/** The types of an interface's members, by D-Bus member name. */
export interface InterfaceShape {
  methods: Record<string, { in: unknown[]; out: unknown[] }>;
  properties: Record<string, unknown>;
  signals: Record<string, unknown[]>;
}

export interface InterfaceDescriptor<Shape extends InterfaceShape = InterfaceShape> {
  readonly name: string;
  readonly methods: { readonly [Name in keyof Shape['methods']]: MethodDescriptor };
  readonly properties: { readonly [Name in keyof Shape['properties']]: PropertyDescriptor };
  readonly signals: { readonly [Name in keyof Shape['signals']]: SignalDescriptor };
  /** The interface element as Introspect serves it, its documentation as org.gtk.GDBus.DocString annotations. */
  readonly introspection: string;
}

/** What a method gives back: nothing, its only result, or a tuple of its results. */
export type Result<Out extends unknown[]> = Out extends [] ? void : Out extends [infer Only] ? Only : Out;

type Awaitable<Value> = Value | Promise<Value>;

/** The methods of an interface as the object that serves it implements them. */
export type Handlers<Shape extends InterfaceShape, Caller> = {
  [Name in keyof Shape['methods'] & string as Uncapitalize<Name>]: (
    caller: Caller,
    ...args: Shape['methods'][Name]['in']
  ) => Awaitable<Result<Shape['methods'][Name]['out']>>;
};

export interface CallOptions {
  /** Gives up waiting for the reply; the call itself is not undone. */
  readonly signal?: AbortSignal;
  /** Milliseconds until the call fails. */
  readonly timeout?: number;
  /** Whether a person may be asked for a password meanwhile, which takes as long as it takes. */
  readonly interactive?: boolean;
}

/** The methods of an interface as its callers see them. */
export type Client<Shape extends InterfaceShape> = {
  [Name in keyof Shape['methods'] & string as Uncapitalize<Name>]: (
    ...args: [...Shape['methods'][Name]['in'], options?: CallOptions]
  ) => Promise<Result<Shape['methods'][Name]['out']>>;
};

/** One entry of a dictionary: JSON Schema (draft 7) for its value and the D-Bus type of the variant around it. */
export interface EntrySchema {
  /** One complete D-Bus type; a{sv} in it is the dictionary named by items.$ref. */
  readonly dbus: string;
  readonly description: string;
  readonly items?: object;
  readonly [keyword: string]: unknown;
}

/** JSON Schema (draft 7) of an a{sv}. */
export interface DictionarySchema {
  readonly $id: DictionaryName;
  readonly description: string;
  readonly type: 'object';
  readonly additionalProperties: false;
  readonly properties: Readonly<Record<string, EntrySchema>>;
  readonly required?: readonly string[];
}
