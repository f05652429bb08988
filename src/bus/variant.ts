/** A value of D-Bus type `v`: which type it has on the wire, and the value as TypeScript sees it (codec.ts). */
export class Variant<T = unknown> {
  readonly signature: string;
  readonly value: T;

  constructor(signature: string, value: T) {
    this.signature = signature;
    this.value = value;
  }
}
