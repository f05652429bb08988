import type { Argument, Command, Option, Value } from '../../src/cli/command.js';
import { COMMANDS, GLOBAL_OPTIONS } from '../../src/cli/command-table.js';
import { GRANTS } from '../../src/cli/grants.js';

/** Completion for zsh: an autoloaded function that leaves the work to _arguments. */
export function zshCompletion(): string {
  return `#compdef remoteaccessctl
# zsh completion for remoteaccessctl(1). Made from its command table.

# The first column of one of our own lists, which the last argument names; the others are for compadd.
(( $+functions[_remoteaccessctl_list] )) || _remoteaccessctl_list() {
    local -a found
    found=(\${\${(f)"$(remoteaccessctl --no-legend $argv[-1] 2>/dev/null </dev/null)"}%% *})
    compadd "\${(@)argv[1,-2]}" -a found
}

(( $+functions[_remoteaccessctl_session_or_user] )) || _remoteaccessctl_session_or_user() {
    _alternative 'sessions:session:_remoteaccessctl_list sessions' 'users:user:_users'
}

_remoteaccessctl() {
    local curcontext=$curcontext state line ret=1
    local -A opt_args
    local -a commands
    commands=(
${COMMANDS.map(({ name, summary }) => `        ${quote(`${name}:${summary}`)}`).join('\n')}
    )
    _arguments -C \\
${GLOBAL_OPTIONS.map((option) => `        ${optionSpecification(option)} \\`).join('\n')}
        '1:command:->command' \\
        '*::argument:->argument' && ret=0

    case $state in
    command)
        _describe -t commands command commands && ret=0
        ;;
    argument)
        curcontext=\${curcontext%:*:*}:remoteaccessctl-$words[1]:
        case $words[1] in
${COMMANDS.map(commandCase).join('\n')}
        esac
        ;;
    esac
    return ret
}

_remoteaccessctl "$@"
`;
}

function commandCase({ name, options, arguments: args }: Command): string {
  const specifications = [
    ...[...options, ...GLOBAL_OPTIONS].map(optionSpecification),
    ...args.map(argumentSpecification),
  ];
  return `        ${name})
            _arguments \\
${specifications.map((text) => `                ${text} \\`).join('\n')}
                && ret=0
            ;;`;
}

function optionSpecification({ long, short, value, repeated, summary }: Option): string {
  const names = [...(short === undefined ? [] : [`-${short}`]), `--${long}${value === undefined ? '' : '='}`];
  const exclusion = repeated ? '*' : `(${[...(short === undefined ? [] : [`-${short}`]), `--${long}`].join(' ')})`;
  const about = `[${escapeColons(summary).replaceAll('[', '\\[').replaceAll(']', '\\]')}]`;
  const completes = value === undefined ? '' : `:${value.metavar.toLowerCase()}:${action(value)}`;
  const each = names.map((name) => quote(`${exclusion}${name}${about}${completes}`));
  return each.join(' ');
}

function argumentSpecification(argument: Argument, index: number): string {
  const position = argument.repeated ? '*' : `${index + 1}`;
  const optional = argument.optional && !argument.repeated ? ':' : '';
  return quote(`${position}:${optional}${argument.metavar.toLowerCase()}:${action(argument)}`);
}

function action({ kind, choices }: Value): string {
  if (choices !== undefined) return `(${choices.join(' ')})`;
  switch (kind) {
    case 'user':
      return '_users';
    case 'session':
      return '_remoteaccessctl_list sessions';
    case 'session-or-user':
      return '_remoteaccessctl_session_or_user';
    case 'token':
      return '_remoteaccessctl_list tokens';
    case 'desktop':
      return '_remoteaccessctl_list desktops';
    case 'grants':
      return `_sequence compadd - ${GRANTS.join(' ')}`;
    case 'file':
      return '_files';
    case 'directory':
      return '_directories';
    case 'text':
      return ' ';
  }
}

function escapeColons(text: string): string {
  return text.replaceAll('`', '').replaceAll(':', '\\:');
}

function quote(text: string): string {
  return `'${text.replaceAll("'", "'\\''")}'`;
}
