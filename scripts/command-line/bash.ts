import type { Command, Option, Value } from '../../src/cli/command.js';
import { COMMANDS, GLOBAL_OPTIONS } from '../../src/cli/command-table.js';
import { GRANTS } from '../../src/cli/grants.js';

/** Completion for bash: a function that bash-completion loads when the command is first completed. */
export function bashCompletion(): string {
  return `# bash completion for remoteaccessctl(1). Made from its command table.

# The first column of one of our own lists.
__remoteaccessctl_list() {
    remoteaccessctl --no-legend "$@" 2>/dev/null </dev/null | { while read -r first _; do printf '%s\\n' "$first"; done; }
}

__remoteaccessctl_words() {
    local IFS=$' \\t\\n'
    mapfile -t COMPREPLY < <(compgen -W "$1" -- "$cur")
    # A value follows at once.
    if [[ \${COMPREPLY[*]} == *= ]]; then compopt -o nospace 2>/dev/null; fi
}

# Several of them, separated by commas.
__remoteaccessctl_sequence() {
    local done=
    if [[ $cur == *,* ]]; then done=\${cur%,*},; fi
    mapfile -t COMPREPLY < <(compgen -P "$done" -W "$1" -- "\${cur##*,}")
}

_remoteaccessctl() {
    local cur prev command= word option= value=false
    local -i index position=0
    cur=\${COMP_WORDS[COMP_CWORD]}
    # --option=value comes as three words.
    if [[ $cur == = ]]; then cur=; fi
    COMPREPLY=()

    for ((index = 1; index < COMP_CWORD; index++)); do
        word=\${COMP_WORDS[index]}
        if $value; then
            [[ $word == = ]] && continue
            value=false option=
            continue
        fi
        case $word in
        -*)
            case "$command $word" in
${optionsWithValues().join('\n')}
            esac
            ;;
        *)
            if [[ -z $command ]]; then command=$word; else position+=1; fi
            ;;
        esac
    done

    if $value; then
        case "$command $option" in
${COMMANDS.flatMap(({ name, options }) => options.flatMap((option) => valueCase(name, option))).join('\n')}
        esac
        return
    fi
    if [[ $cur == -* ]]; then
        case $command in
${[
  branch("''", words(optionWords(GLOBAL_OPTIONS))),
  ...COMMANDS.map(({ name, options }) => branch(name, words(optionWords([...options, ...GLOBAL_OPTIONS])))),
].join('\n')}
        esac
        return
    fi
    case "$command $position" in
    ' 0') ${words(COMMANDS.map(({ name }) => name).join(' '))} ;;
${COMMANDS.flatMap(argumentCases).join('\n')}
    esac
}

complete -F _remoteaccessctl remoteaccessctl
`;
}

function optionsWithValues(): string[] {
  return COMMANDS.flatMap(({ name, options }) =>
    options
      .filter(({ value }) => value !== undefined)
      .map((option) => {
        const patterns = names(option).map((text) => `'${name} ${text}'`);
        return `            ${patterns.join(' | ')}) value=true option=--${option.long} ;;`;
      }),
  );
}

function valueCase(command: string, { long, value }: Option): string[] {
  return value === undefined ? [] : [branch(`'${command} --${long}'`, complete(value))];
}

function argumentCases({ name, arguments: args }: Command): string[] {
  return args.map(
    (argument, index) => `    '${name} ${index}'${argument.repeated ? ` | '${name} '*` : ''}) ${complete(argument)} ;;`,
  );
}

function branch(pattern: string, action: string): string {
  return `        ${pattern}) ${action} ;;`;
}

function words(list: string): string {
  return `__remoteaccessctl_words '${list}'`;
}

function optionWords(options: readonly Option[]): string {
  return options.map(({ long, value }) => `--${long}${value === undefined ? '' : '='}`).join(' ');
}

function names({ long, short }: Option): string[] {
  return [`--${long}`, ...(short === undefined ? [] : [`-${short}`])];
}

function complete({ kind, choices }: Value): string {
  if (choices !== undefined) return words(choices.join(' '));
  const listed = (...lists: string[]) => `__remoteaccessctl_words "${lists.map((list) => `$(${list})`).join(' ')}"`;
  const files = (flag: string) => `compopt -o filenames; mapfile -t COMPREPLY < <(compgen ${flag} -- "$cur")`;
  switch (kind) {
    case 'user':
      return `mapfile -t COMPREPLY < <(compgen -u -- "$cur")`;
    case 'session':
      return listed('__remoteaccessctl_list sessions');
    case 'session-or-user':
      return listed('__remoteaccessctl_list sessions', 'compgen -u');
    case 'token':
      return listed('__remoteaccessctl_list tokens');
    case 'desktop':
      return listed('__remoteaccessctl_list desktops');
    case 'grants':
      return `__remoteaccessctl_sequence '${GRANTS.join(' ')}'`;
    case 'file':
      return files('-f');
    case 'directory':
      return files('-d');
    case 'text':
      return ':';
  }
}
