/** Text for manual pages: man(7). */

/** Literal text: groff would make typographic signs of some characters, which nobody could copy. */
export function literal(text: string): string {
  return guarded(
    text
      .replaceAll('\\', '\\e')
      .replaceAll('-', '\\-')
      .replaceAll("'", '\\(aq')
      .replaceAll('`', '\\(ga')
      .replaceAll('^', '\\(ha')
      .replaceAll('~', '\\(ti'),
  );
}

/** A paragraph of prose; what is between backticks is literal, and bold. */
export function prose(text: string): string {
  const parts = text.replaceAll(/\s*\n\s*/g, ' ').split('`');
  return guarded(
    parts.map((part, index) => (index % 2 === 1 ? `\\fB${literal(part)}\\fP` : part.replaceAll('\\', '\\e'))).join(''),
  );
}

/** Paragraphs of prose and lists, as the interfaces document themselves. */
export function paragraphs(text: string): string[] {
  return text.split(/\n\n+/).flatMap((block) => {
    if (!block.startsWith('- ')) return ['.PP', prose(block)];
    return block.split(/\n(?=- )/).flatMap((item) => ['.IP \\(bu 2', prose(item.slice('- '.length))]);
  });
}

/** A term and what it means. */
export function definition(term: string, ...meaning: string[]): string[] {
  return ['.TP', term, ...meaning];
}

/** No line may begin with what starts a request. */
function guarded(line: string): string {
  return /^[.']/.test(line) ? `\\&${line}` : line;
}
