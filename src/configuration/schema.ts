/** What the schema (interfaces/configuration.json) says of one key. */
export type KeySchema = {
  readonly description: string;
  readonly type: 'array' | 'boolean' | 'integer' | 'number' | 'string';
  /** A number of seconds, written as in systemd.time(7); infinity is one. */
  readonly timespan?: true;
  readonly default: unknown;
  readonly minimum?: number;
  readonly maximum?: number;
  readonly minItems?: number;
  readonly uniqueItems?: boolean;
  /** A word that stands alone in a list. */
  readonly not?: { readonly contains: { readonly const: string }; readonly minItems: 2 };
  readonly maxLength?: number;
  readonly pattern?: string;
  readonly enum?: readonly string[];
  readonly items?: {
    readonly type: 'string';
    readonly title?: string;
    readonly enum?: readonly string[];
    readonly maxLength?: number;
    readonly pattern?: string;
  };
};

export type SectionSchema = {
  readonly description: string;
  readonly type: 'object';
  readonly additionalProperties: false;
  readonly properties: Readonly<Record<string, KeySchema>>;
};

/** What ajv finds wrong with a value. */
export type Violation = { instancePath: string; keyword: string; params: Record<string, unknown>; message?: string };

/** What `npm run generate` makes of the schema. */
export type Validator = ((value: unknown) => boolean) & { readonly errors?: readonly Violation[] | null };
