import { styleText } from 'node:util';
import { type Column, formatTable, visible } from './table.js';
import { isTerminal, STDERR, STDOUT, write } from './write.js';

export type Style = 'bold' | 'dim' | 'red' | 'green' | 'yellow' | 'underline';

export type OutputOptions = { readonly json: boolean; readonly legend: boolean };

/** Where a command's results go: tables and lines for people, or one JSON object a line for programs. */
export class Output {
  readonly json: boolean;
  readonly legend: boolean;
  readonly #colour: boolean;

  constructor({ json, legend }: OutputOptions) {
    this.json = json;
    this.legend = legend;
    this.#colour = isTerminal(STDOUT) && !process.env.NO_COLOR && process.env.TERM !== 'dumb';
  }

  /**
   * Items as a table, or each as an object. `noun` is what they are called in the line that counts them, in the
   * plural: `tokens`.
   */
  list<Item extends object>(items: readonly Item[], columns: readonly Column<Item>[], noun: string): void {
    if (this.json) {
      for (const item of items) this.object(item);
      return;
    }
    const [heading = '', ...lines] = formatTable(columns, items);
    if (items.length === 0) {
      if (this.legend) this.line(`No ${noun}.`);
      return;
    }
    if (this.legend) this.line(this.style('underline', heading));
    for (const line of lines) this.line(line);
    if (this.legend) this.line(`\n${items.length} ${items.length === 1 ? noun.replace(/s$/, '') : noun} listed.`);
  }

  /** One thing: a heading, and its fields below each other. */
  fields(heading: string, fields: readonly (readonly [name: string, text: string])[]): void {
    const width = Math.max(...fields.map(([name]) => name.length));
    this.line(this.style('bold', visible(heading)));
    for (const [name, text] of fields) this.line(`${' '.repeat(2 + width - name.length)}${name}: ${visible(text)}`);
  }

  /** One line of JSON. Characters that a terminal would act upon are escaped. */
  object(value: object): void {
    this.line(JSON.stringify(value).replace(/[\u007f-\u009f]/g, escaped));
  }

  /** A line for people. */
  line(text: string): void {
    write(STDOUT, `${text}\n`);
  }

  /** Something beside the results: it goes to standard error, where no program reads it. */
  note(text: string): void {
    if (!this.json) write(STDERR, `${text}\n`);
  }

  /** The text with a style, if standard output is a terminal that should have colours. */
  style(style: Style, text: string): string {
    return this.#colour ? styleText(style, text) : text;
  }
}

function escaped(character: string): string {
  return `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`;
}
