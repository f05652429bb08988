/** `Key=Value` with where it stands. */
export type Assignment = {
  readonly line: number;
  readonly section: string;
  readonly key: string;
  readonly text: string;
};

/** What is wrong with a file. Line 0: with the file as a whole. */
export type Mistake = {
  readonly file: string;
  readonly line: number;
  /** `Section.Key`, or as much of it as is known; may be empty. */
  readonly key: string;
  readonly message: string;
};

const SECTION = /^\[([A-Za-z0-9-]+)\]$/;
const ASSIGNMENT = /^([A-Za-z0-9-]+)\s*=\s*(.*)$/;

/**
 * Reads the format of systemd.syntax(7), but more strictly: lines are not continued, nothing is quoted, and a key stands
 * once in a file. What cannot be understood is a mistake, and the rest is read all the same.
 */
export function parseFile(file: string, text: string): { assignments: Assignment[]; mistakes: Mistake[] } {
  const assignments = new Map<string, Assignment>();
  const mistakes: Mistake[] = [];
  let section = '';
  for (const [index, raw] of text.split('\n').entries()) {
    const at = { file, line: index + 1 };
    const line = raw.trim();
    if (line === '' || line.startsWith('#') || line.startsWith(';')) continue;
    const [, name] = SECTION.exec(line) ?? [];
    if (name !== undefined) {
      section = name;
      continue;
    }
    const [, key = '', value = ''] = ASSIGNMENT.exec(line) ?? [];
    const where = section === '' ? key : `${section}.${key}`;
    const before = assignments.get(where);
    if (line.startsWith('[')) {
      // What follows belongs to a section that nobody knows, not to the one before.
      section = '?';
      mistakes.push({ ...at, key: '', message: 'a section is not called so: [Section]' });
    } else if (key === '')
      mistakes.push({ ...at, key: section, message: 'neither [Section], Key=Value nor # comment' });
    else if (section === '?') continue;
    else if (section === '') mistakes.push({ ...at, key, message: 'it is in no [Section]' });
    else if (value.endsWith('\\')) mistakes.push({ ...at, key: where, message: 'lines cannot be continued' });
    else if (before !== undefined)
      mistakes.push({ ...at, key: where, message: `it is in line ${before.line} already` });
    else assignments.set(where, { line: index + 1, section, key, text: value });
  }
  return { assignments: [...assignments.values()], mistakes };
}
