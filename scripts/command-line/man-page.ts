import type { Command, Option } from '../../src/cli/command.js';
import { COMMAND_GROUPS, GLOBAL_OPTIONS } from '../../src/cli/command-table.js';
import { EXIT_MEANINGS } from '../../src/cli/exit-code.js';
import { VERSION } from '../../src/cli/version.js';

/** remoteaccessctl(1), in the man macros of groff_man(7). */
export function manPage(): string {
  return [
    `.TH REMOTEACCESSCTL 1 "" "RemoteAccess ${VERSION}" "User Commands"`,
    // Left-aligned, and no hyphens of its own: options and commands are to be found and copied.
    '.nh',
    '.ad l',
    '.SH NAME',
    'remoteaccessctl \\- let remote desktop tools reach headless desktop sessions',
    '.SH SYNOPSIS',
    '.B remoteaccessctl',
    '[\\fIOPTIONS\\fR...] \\fICOMMAND\\fR [\\fIARGUMENT\\fR...]',
    '.SH DESCRIPTION',
    ...paragraphs(DESCRIPTION),
    '.SH OPTIONS',
    'Every command takes these options.',
    ...GLOBAL_OPTIONS.flatMap(optionEntry),
    '.SH COMMANDS',
    ...COMMAND_GROUPS.flatMap(({ title, commands }) => [`.SS ${roff(title)}`, ...commands.flatMap(commandEntry)]),
    '.SH TIMES',
    ...paragraphs(TIMES),
    '.SH SECRETS',
    ...paragraphs(SECRETS),
    '.SH EXIT STATUS',
    ...EXIT_MEANINGS.flatMap(([code, meaning]) => entry(`${code}`, meaning)),
    '.SH ENVIRONMENT',
    ...entry('NO_COLOR', 'If it is set and not empty, nothing is coloured. Off a terminal nothing ever is.'),
    ...entry('DBUS_SYSTEM_BUS_ADDRESS', 'The system bus to use instead of the one in /run/dbus.'),
    '.SH SEE ALSO',
    '.BR remote\\-accessd (8),',
    '.BR remote\\-access.conf (5),',
    '.BR org.freedesktop.RemoteAccess (5),',
    '.BR remote\\-access\\-tokens (7),',
    '.BR loginctl (1),',
    '.BR busctl (1)',
    '',
  ].join('\n');
}

const DESCRIPTION = `remoteaccessctl provisions the tokens that open desktop sessions from afar, and lists, starts, locks and ends headless sessions. It speaks to the service org.freedesktop.RemoteAccess on the system bus, which starts when it is first called. Root may do everything; users may do everything for themselves, and for others what polkit grants them.

Tables are for people and may change. Programs should use \`--json\`: each object stands on a line of its own, and its keys stay. With \`--json\` an error, too, is one object on standard error, with the keys \`error\`, the name of the error on the bus, and \`message\`.`;

const TIMES = `Options that take a time understand \`2030-12-31\`, \`2030-12-31 18:00\` and \`2030-12-31T18:00:00\`, in local time or with a \`Z\` behind in UTC; \`@1893456000\`, in seconds since 1970-01-01 UTC; \`+30d\`, from now on, with \`s\`, \`m\`, \`h\`, \`d\` or \`w\`; and \`never\`. Tables show local time, JSON seconds since 1970-01-01 UTC.`;

const SECRETS = `A token is never taken as an argument or from the environment, where other processes can read it. Commands that need one read the first line of a file, of standard input, or of a descriptor that the caller opened.`;

function commandEntry(command: Command): string[] {
  return [
    '.TP',
    [
      `\\fB${roff(command.name)}\\fR`,
      ...(command.options.length > 0 ? ['[\\fIOPTIONS\\fR...]'] : []),
      ...command.arguments.map(({ metavar, choices, optional, repeated }) => {
        const name = choices?.map((choice) => `\\fB${roff(choice)}\\fR`).join('|') ?? `\\fI${roff(metavar)}\\fR`;
        const text = `${name}${repeated ? '...' : ''}`;
        return optional ? `[${text}]` : text;
      }),
    ].join(' '),
    ...inside(paragraphs(command.description)),
    ...(command.options.length === 0 ? [] : ['.RS', ...command.options.flatMap(optionEntry), '.RE']),
    ...(command.keys.length === 0
      ? []
      : [
          '.IP',
          'JSON keys:',
          ...command.keys.map(
            ([key, meaning], index) =>
              `\\fB${roff(key)}\\fR (${text(meaning)})${index === command.keys.length - 1 ? '.' : ','}`,
          ),
        ]),
    ...(command.exits ?? []).flatMap(([code, meaning]) => ['.IP', `Exit status \\fB${code}\\fR: ${text(meaning)}`]),
    ...command.examples.flatMap(({ line, meaning }) => [
      '.IP',
      text(meaning.replace(/\.$/, ':')),
      '.IP',
      '.EX',
      roff(line),
      '.EE',
    ]),
  ];
}

function optionEntry({ long, short, value, summary }: Option): string[] {
  const names = [...(short === undefined ? [] : [`\\fB\\-${short}\\fR`]), `\\fB\\-\\-${roff(long)}\\fR`].join(', ');
  return [
    '.TP',
    `${names}${value === undefined ? '' : `=\\fI${roff(value.metavar)}\\fR`}`,
    `${text(summary)}${value?.choices === undefined ? '' : ` (${text(value.choices.join(', '))})`}.`,
  ];
}

function entry(term: string, meaning: string): string[] {
  return ['.TP', `.B ${roff(term)}`, text(meaning)];
}

function paragraphs(source: string): string[] {
  return source.split('\n\n').flatMap((paragraph, index) => [...(index === 0 ? [] : ['.PP']), text(paragraph)]);
}

/** Paragraphs that stay at the indentation of the entry they belong to. */
function inside(lines: readonly string[]): string[] {
  return lines.map((line) => (line === '.PP' ? '.IP' : line));
}

/** Prose with `code` in bold. */
function text(source: string): string {
  return roff(source).replace(/`([^`]*)`/g, '\\fB$1\\fR');
}

/** Escapes what roff would interpret. Minus signs that are to be copied are not hyphens. */
function roff(source: string): string {
  return source
    .replaceAll('\\', '\\e')
    .replaceAll('-', '\\-')
    .replace(/^([.'])/, '\\&$1')
    .replaceAll('~', '\\(ti')
    .replaceAll('^', '\\(ha');
}
