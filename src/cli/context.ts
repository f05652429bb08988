import type { Output } from './output.js';
import type { Service } from './service.js';

/** What a command has to work with. */
export type Context = {
  readonly output: Output;
  /** Connects to the service when first called. Commands that need no bus do not call it. */
  readonly connect: () => Promise<Service>;
};
