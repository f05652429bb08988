import assert from 'node:assert/strict';
import { parseCommandLine } from '../../../src/cli/arguments.js';
import { UsageError } from '../../../src/cli/usage-error.js';

function refused(...args: string[]): string {
  try {
    parseCommandLine(args);
  } catch (error) {
    assert.ok(error instanceof UsageError, String(error));
    return error.message;
  }
  throw new assert.AssertionError({ message: `${args.join(' ')} was understood` });
}

describe('a command line', () => {
  it('is a command with its options and arguments, in any order', () => {
    for (const args of [
      ['provision', 'alice', '--label', 'a b', '--uses=3', '--json'],
      ['--json', 'provision', '--uses=3', 'alice', '-l', 'a b'],
      ['-j', 'provision', '-n', '3', '-la b', '--', 'alice'],
    ]) {
      const { command, given } = parseCommandLine(args);
      assert.equal(command?.name, 'provision');
      assert.deepEqual(given.positionals, ['alice']);
      assert.equal(given.text('label'), 'a b');
      assert.equal(given.number('uses'), 3);
      assert.equal(given.flag('json'), true);
      assert.equal(given.flag('offline'), false);
      assert.equal(given.text('desktop'), undefined);
    }
  });

  it('may have a value that looks like an option, and one that is empty', () => {
    const { given } = parseCommandLine(['provision', 'alice', '--label=--json', '--app-id=']);
    assert.equal(given.text('label'), '--json');
    assert.equal(given.text('app-id'), '');
    assert.equal(given.flag('json'), false);
  });

  it('is refused with a reason', () => {
    assert.equal(refused(), 'a command is missing; remoteaccessctl --help lists them');
    assert.equal(refused('--json'), 'a command is missing; remoteaccessctl --help lists them');
    assert.equal(refused('frobnicate'), "unknown command 'frobnicate'; remoteaccessctl --help lists them");
    assert.equal(refused('tokens', '--frobnicate'), "unknown option '--frobnicate'");
    assert.equal(refused('tokens', '-x'), "unknown option '-x'");
    assert.equal(refused('--label=x', 'frobnicate'), "unknown command 'frobnicate'; remoteaccessctl --help lists them");
    assert.equal(refused('tokens', 'alice', 'bob'), "unexpected argument 'bob'");
    assert.equal(refused('provision'), 'USER is missing: whose session the token opens');
    assert.equal(refused('revoke'), 'ID is missing: the public id of a token, as tokens lists it');
    assert.equal(refused('tokens', '--json=yes'), "option '-j, --json' does not take an argument");
    assert.match(refused('provision', 'alice', '--label'), /^option '-l, --label' argument missing$/);
    assert.match(refused('provision', 'alice', '--label', '--json'), /^option '--label' argument is ambiguous$/);
  });

  it('is not judged when it asks for help', () => {
    assert.equal(parseCommandLine(['provision', '--help']).command?.name, 'provision');
    assert.equal(parseCommandLine(['--help']).command, undefined);
    assert.equal(parseCommandLine(['revoke', '-h']).given.flag('help'), true);
    assert.equal(parseCommandLine(['--version']).given.flag('version'), true);
  });

  it('has whole numbers within bounds', () => {
    const uses = (text: string) => () =>
      parseCommandLine(['provision', 'alice', `--uses=${text}`]).given.number('uses', 9);
    assert.equal(uses('9')(), 9);
    assert.equal(uses('007')(), 7);
    for (const text of ['10', '-1', '1.5', '', '0x1', '1e1', ' 1', '99999999999999999999', 'NaN'])
      assert.throws(uses(text), UsageError, text);
  });
});
