import type { CallOptions } from './bus.js';

export type ArgumentDescriptor = { readonly name: string; readonly type: string; readonly dictionary?: string };
export type MethodDescriptor = {
  readonly name: string;
  readonly in: readonly ArgumentDescriptor[];
  readonly out: readonly ArgumentDescriptor[];
  readonly access: readonly string[];
};
export type PropertyDescriptor = {
  readonly name: string;
  readonly type: string;
  readonly dictionary?: string;
  readonly writable: boolean;
  readonly emits: 'true' | 'invalidates' | 'const' | 'false';
  readonly access: readonly string[];
};
export type SignalDescriptor = {
  readonly name: string;
  readonly args: readonly ArgumentDescriptor[];
  readonly to: 'everyone' | 'owner' | 'user';
};
export type Shape = {
  methods: Record<string, { in: readonly unknown[]; out: readonly unknown[] }>;
  properties: Record<string, unknown>;
  signals: Record<string, readonly unknown[]>;
};
export type InterfaceDescriptor<S extends Shape> = {
  readonly name: string;
  readonly methods: { readonly [M in keyof S['methods']]: MethodDescriptor };
  readonly properties: { readonly [P in keyof S['properties']]: PropertyDescriptor };
  readonly signals: { readonly [N in keyof S['signals']]: SignalDescriptor };
  readonly introspection: string;
};
type Result<Out extends readonly unknown[]> = Out extends readonly []
  ? void
  : Out extends readonly [infer One]
    ? One
    : Out;
export type Handlers<S extends Shape, Caller> = {
  [M in keyof S['methods'] & string as Uncapitalize<M>]: (
    caller: Caller,
    ...args: [...S['methods'][M]['in']]
  ) => Result<S['methods'][M]['out']> | Promise<Result<S['methods'][M]['out']>>;
};
export type Client<S extends Shape> = {
  [M in keyof S['methods'] & string as Uncapitalize<M>]: (
    ...args: [...S['methods'][M]['in'], options?: CallOptions]
  ) => Promise<Result<S['methods'][M]['out']>>;
};
