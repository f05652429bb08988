import { InvalidArgs } from '../errors.js';

/** The command line is not one that we understand. */
export class UsageError extends InvalidArgs {
  /** Whose help would say more. */
  readonly command: string | undefined;

  constructor(message: string, command?: string) {
    super(message);
    this.command = command;
  }
}
