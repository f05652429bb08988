import { EventEmitter } from 'node:events';
import type { Method, Settings } from '../configuration/generated/settings.js';
import { formatMistake, type Read, readConfiguration } from '../configuration/read.js';
import { InvalidConfiguration } from '../errors.js';

/** The settings that count now (remote-access.conf(5)). Emits `changed` when others do. */
export class Configuration extends EventEmitter<{ changed: [] }> {
  #read: Read;

  private constructor(read: Read) {
    super();
    this.#read = read;
  }

  /** Says in the journal what is wrong with the files. */
  static read(): Configuration {
    const read = readConfiguration();
    for (const mistake of read.mistakes) console.error(formatMistake(mistake));
    if (read.mistakes.length > 0) console.error('nobody can log in until the configuration is mended');
    return new Configuration(read);
  }

  get settings(): Settings {
    return this.#read.settings;
  }

  /** The ways to log in, in order of preference: none if a line is wrong, which may have been meant to forbid some. */
  get methods(): readonly Method[] {
    return this.#read.mistakes.length > 0 ? [] : this.settings.Login.Methods;
  }

  /** Reads the files anew. InvalidConfiguration if there are mistakes: then what counted before goes on counting. */
  reload(): void {
    const read = readConfiguration();
    if (read.mistakes.length > 0) {
      const mistakes = read.mistakes.map(formatMistake);
      for (const mistake of mistakes) console.error(mistake);
      console.error('the configuration has mistakes: what counted before goes on counting');
      throw new InvalidConfiguration(mistakes.join('; '));
    }
    this.#read = read;
    console.log(`the configuration was read anew: ${read.files.join(', ') || 'there are no files'}`);
    this.emit('changed');
  }
}
