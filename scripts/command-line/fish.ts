import type { Command, Option, Value } from '../../src/cli/command.js';
import { COMMANDS, GLOBAL_OPTIONS } from '../../src/cli/command-table.js';
import { GRANTS } from '../../src/cli/grants.js';

/** Completion for fish, as lines of complete(1). */
export function fishCompletion(): string {
  return `# fish completion for remoteaccessctl(1). Made from its command table.

# The first column of one of our own lists.
function __remoteaccessctl_list
    remoteaccessctl --no-legend $argv 2>/dev/null </dev/null | string replace --regex ' .*' ''
end

# Grants, behind those that are there already.
function __remoteaccessctl_grants
    set --local done (commandline --current-token | string replace --regex '^--?[^=]*=' '' | string match --regex '.*,')
    printf '%s\\n' "$done"{${GRANTS.join(',')}}
end

# Whether that command is given, and that many of its arguments. Values of options count as arguments: fish does not
# know better, and offers too much rather than too little.
function __remoteaccessctl_at
    set --local words (commandline --current-process --tokenize --cut-at-cursor)
    set --local arguments (string match --invert -- '-*' $words[2..])
    test "$arguments[1]" = $argv[1]; and test (count $arguments) -gt $argv[2]
end

complete --command remoteaccessctl --no-files
${[
  ...GLOBAL_OPTIONS.map((option) => optionLine(option)),
  ...COMMANDS.map(
    ({ name, summary }) =>
      `${LINE} --condition __fish_use_subcommand --arguments ${name} --description ${quote(summary)}`,
  ),
  ...COMMANDS.flatMap(commandLines),
].join('\n')}
`;
}

const LINE = 'complete --command remoteaccessctl';

function commandLines({ name, options, arguments: args }: Command): string[] {
  const here = ` --condition ${quote(`__fish_seen_subcommand_from ${name}`)}`;
  return [
    ...options.map((option) => optionLine(option, here)),
    ...args.flatMap((argument, index) => {
      const completes = action(argument);
      return completes === ''
        ? []
        : [`${LINE} --condition ${quote(`__remoteaccessctl_at ${name} ${index}`)}${completes}`];
    }),
  ];
}

function optionLine({ long, short, value, summary }: Option, condition = ''): string {
  const names = `${short === undefined ? '' : ` --short-option ${short}`} --long-option ${long}`;
  const takes =
    value === undefined ? '' : ` ${value.kind === 'file' ? '--require-parameter' : '--exclusive'}${action(value)}`;
  return `${LINE}${condition}${names}${takes} --description ${quote(summary.replaceAll('`', ''))}`;
}

function action({ kind, choices }: Value): string {
  const from = (list: string) => ` --arguments ${quote(list)}`;
  if (choices !== undefined) return from(choices.join(' '));
  switch (kind) {
    case 'user':
      return from('(__fish_complete_users)');
    case 'session':
      return from('(__remoteaccessctl_list sessions)');
    case 'session-or-user':
      return from('(__remoteaccessctl_list sessions) (__fish_complete_users)');
    case 'token':
      return from('(__remoteaccessctl_list tokens)');
    case 'desktop':
      return from('(__remoteaccessctl_list desktops)');
    case 'grants':
      return from('(__remoteaccessctl_grants)');
    case 'file':
      return ' --force-files';
    case 'directory':
      return from('(__fish_complete_directories)');
    case 'text':
      return '';
  }
}

function quote(text: string): string {
  return `'${text.replaceAll('\\', '\\\\').replaceAll("'", "\\'")}'`;
}
