/** A D-Bus variant: a value with its own signature, for values that no dictionary schema describes. */
export interface Variant {
  /** One complete D-Bus type. */
  readonly signature: string;
  readonly value: unknown;
}
