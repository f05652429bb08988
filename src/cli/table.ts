/** A column: its heading, what of an item stands in it, and whether that is a number. */
export type Column<Item> = {
  readonly title: string;
  readonly text: (item: Item) => string;
  readonly right?: true;
};

/** Lines of aligned columns, the headings first. Nothing stands right of the last column's text. */
export function formatTable<Item>(columns: readonly Column<Item>[], items: readonly Item[]): string[] {
  const rows = [
    columns.map(({ title }) => title),
    ...items.map((item) => columns.map(({ text }) => cellText(text(item)))),
  ];
  const widths = columns.map((_, index) => Math.max(...rows.map((row) => widthOf(row[index] ?? ''))));
  return rows.map((row) =>
    row
      .map((cell, index) => {
        const padding = ' '.repeat((widths[index] ?? 0) - widthOf(cell));
        return columns[index]?.right ? padding + cell : cell + padding;
      })
      .join(' ')
      .trimEnd(),
  );
}

/** The text without what a terminal would act upon: users choose labels, clients their names. */
export function visible(text: string): string {
  return text.replace(/\p{Cc}/gu, '\u{fffd}');
}

/** Empty cells would move those right of them in the eyes of awk and cut. */
function cellText(text: string): string {
  return text === '' ? '-' : visible(text);
}

let graphemes: Intl.Segmenter | undefined;

/** Columns that a terminal needs for a text: East Asian wide characters and emoji take two, combining marks none. */
export function widthOf(text: string): number {
  if (/^[\x20-\x7e]*$/.test(text)) return text.length;
  graphemes ??= new Intl.Segmenter();
  let width = 0;
  for (const { segment } of graphemes.segment(text)) width += WIDE.test(segment) ? 2 : ZERO.test(segment) ? 0 : 1;
  return width;
}

const WIDE =
  /^[\u{1100}-\u{115f}\u{2e80}-\u{303e}\u{3041}-\u{a4cf}\u{ac00}-\u{d7a3}\u{f900}-\u{faff}\u{fe30}-\u{fe6f}\u{ff00}-\u{ff60}\u{ffe0}-\u{ffe6}\u{1f300}-\u{1faff}\u{20000}-\u{3fffd}]/u;
const ZERO = /^[\p{Mn}\p{Me}\p{Cf}]+$/u;
