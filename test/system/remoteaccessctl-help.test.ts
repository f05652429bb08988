import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { promisify } from 'node:util';
import { COMMANDS } from '../../src/cli/command-table.js';
import { command } from './command.js';
import { installDesktop, objects, provision, run, toolAs } from './fixture.js';

const BASH = '/usr/share/bash-completion/completions/remoteaccessctl';
const ZSH = '/usr/share/zsh/vendor-completions/_remoteaccessctl';
const FISH = '/usr/share/fish/vendor_completions.d/remoteaccessctl.fish';
const NAMES = COMMANDS.map(({ name }) => name).sort();

describe('remoteaccessctl', function () {
  this.timeout(120_000);
  let token: string;
  let session: string;

  before(async () => {
    installDesktop('fake');
    const admin = await toolAs('root');
    token = (await provision(admin, 'alice')).id;
    const path = await objects(admin.bus).root.methods.createSession('alice', { desktop: 'fake' });
    session = path.slice(path.lastIndexOf('/') + 1);
  });

  it('has help, in which every command stands', async () => {
    const { code, stdout, stderr } = await command(['--help']);
    assert.deepEqual([code, stderr], [0, '']);
    for (const name of NAMES) assert.match(stdout, new RegExp(`^  ${name}( |$)`, 'm'));
    assert.match((await command(['--version'])).stdout, /^remoteaccessctl \d+\.\d+\.\d+\n$/);
    assert.equal((await command([])).code, 2);
    assert.equal((await command(['frobnicate'])).code, 2);
  });

  it('has a manual page without mistakes', async () => {
    const path = '/usr/share/man/man1/remoteaccessctl.1';
    const env = { ...process.env, LC_ALL: 'C.UTF-8', MANWIDTH: '80' };
    const shown = await promisify(execFile)('man', ['--warnings', '--encoding=UTF-8', '--local-file', path], { env });
    assert.equal(shown.stderr, '');
    // Whatis entries come from the first section.
    assert.match(shown.stdout, /^NAME\n +remoteaccessctl - \w/m);
    for (const name of NAMES) assert.match(shown.stdout, new RegExp(`^ +${name}( |$)`, 'm'));
  });

  it('has completions that their shells can read', () => {
    for (const [shell, file] of [
      ['bash', BASH],
      ['zsh', ZSH],
      ['fish', FISH],
    ] as const)
      assert.equal(run('sh', '-c', `${shell} -n ${file} 2>&1`), '', shell);
  });

  describe('is completed by bash', () => {
    const SCRIPT = `
      source /usr/share/bash-completion/bash_completion
      source ${BASH}
      compopt() { :; }
      COMP_WORDS=("$@") COMP_CWORD=$(($# - 1)) COMP_LINE="$*" COMP_POINT=\${#COMP_LINE}
      _remoteaccessctl
      printf '%s\\n' "\${COMPREPLY[@]}"`;
    const complete = (...words: string[]) =>
      run('bash', '-c', SCRIPT, 'bash', 'remoteaccessctl', ...words)
        .split('\n')
        .filter((word) => word !== '')
        .sort();

    it('with commands and options', () => {
      assert.deepEqual(complete(''), NAMES);
      assert.deepEqual(complete('--json', 'rev'), ['revoke']);
      assert.deepEqual(complete('provision', '--gr'), ['--grants=']);
      assert.deepEqual(complete('tokens', '--j'), ['--json']);
      assert.deepEqual(complete('terminate', '--no-w'), ['--no-wait']);
    });

    it('with what there is on the machine', () => {
      assert.deepEqual(complete('tokens', 'ali'), ['alice']);
      assert.deepEqual(complete('revoke', ''), [token]);
      assert.deepEqual(complete('revoke', 'aaaaaaaaaa', ''), [token]);
      assert.deepEqual(complete('show', session.slice(0, 3)), [session]);
      assert.deepEqual(complete('provision', '--label', 'alice', 'bo'), ['bob']);
      assert.deepEqual(complete('create', '--desktop', '=', 'fa'), ['fake']);
      assert.deepEqual(complete('create', '-d', 'fa'), ['fake']);
      assert.deepEqual(complete('provision', '--grants', '=', 'capture,mon'), ['capture,monitors']);
      assert.deepEqual(complete('provision', '--root', '=', '/et'), ['/etc']);
      assert.deepEqual(complete('provision', '--label', '=', 'x'), []);
      assert.deepEqual(complete('status', ''), []);
    });
  });

  it('is completed by fish', () => {
    const complete = (line: string) =>
      run('fish', '--no-config', '-c', `source ${FISH}; complete -C '${line}'`)
        .split('\n')
        .map((found) => found.split('\t')[0] ?? '')
        .filter((word) => word !== '')
        .sort();
    assert.deepEqual(complete('remoteaccessctl '), NAMES);
    assert.deepEqual(complete('remoteaccessctl revoke '), [token]);
    assert.deepEqual(complete('remoteaccessctl tokens ali'), ['alice']);
    assert.deepEqual(complete('remoteaccessctl create --desktop=fa'), ['--desktop=fake']);
    assert.deepEqual(complete('remoteaccessctl provision --off'), ['--offline']);
    assert.deepEqual(complete('remoteaccessctl provision --grants=capture,mon'), ['--grants=capture,monitors']);
  });

  it('is completed by zsh', () => {
    // A shell at a terminal of its own, which is asked to list what it would complete.
    writeFileSync(
      '/tmp/complete.zsh',
      `zmodload zsh/zpty
      zpty shell 'zsh -f -i'
      zpty -w shell 'PS1= PROMPT= RPROMPT=; unsetopt zle_bracketed_paste 2>/dev/null; unset zle_bracketed_paste'
      zpty -w shell 'autoload -Uz compinit; compinit -u -D; zstyle ":completion:*" list-grouped no; LISTMAX=-1'
      zpty -w shell 'comppostfuncs=(show); show() { print -r -- "<$compstate[nmatches]>"; }'
      zpty -w shell 'print REA""DY'
      zpty -r -m shell ready '*READY*'
      zpty -w -n shell "$1"$'\\t'
      zpty -r -m shell answer '*<*>*'
      print -r -- "$answer"
      zpty -d shell`,
    );
    const complete = (line: string) => run('env', 'TERM=dumb', 'timeout', '60', 'zsh', '-f', '/tmp/complete.zsh', line);
    assert.match(complete('remoteaccessctl '), new RegExp(`<${NAMES.length}>`));
    assert.match(complete('remoteaccessctl rev'), /<1>/);
    assert.match(complete('remoteaccessctl revoke '), /<1>/);
    assert.match(complete('remoteaccessctl provision --off'), /<1>/);
    assert.match(complete('remoteaccessctl create --desktop=fa'), /<1>/);
    assert.match(complete('remoteaccessctl provision --grants=capture,mon'), /<1>/);
    assert.match(complete('remoteaccessctl tokens ali'), /<1>/);
  });
});
