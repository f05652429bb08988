import type { Command, CommandGroup, Option } from './command.js';
import { desktopCommands } from './command-table/desktop.js';
import { machineCommands } from './command-table/machine.js';
import { sessionCommands } from './command-table/sessions.js';
import { tokenCommands } from './command-table/tokens.js';

/** Every command of remoteaccessctl: parser, help, man page and completions are made from this table. */
export const COMMAND_GROUPS: readonly CommandGroup[] = [
  { title: 'Tokens', commands: tokenCommands },
  { title: 'Sessions', commands: sessionCommands },
  { title: 'In a session', commands: desktopCommands },
  { title: 'This machine', commands: machineCommands },
];

export const COMMANDS: readonly Command[] = COMMAND_GROUPS.flatMap(({ commands }) => commands);

/** Every command takes these, and they may stand before it. All are flags: what is not one is the command's name. */
export const GLOBAL_OPTIONS: readonly Option[] = [
  { long: 'help', short: 'h', summary: 'Show this help, or that of the command' },
  { long: 'json', short: 'j', summary: 'Print JSON, one object a line, errors too' },
  { long: 'no-legend', summary: 'Print tables without headings and without the line that counts' },
  { long: 'version', summary: 'Show the version' },
];

export function findCommand(name: string): Command | undefined {
  return COMMANDS.find((command) => command.name === name);
}
