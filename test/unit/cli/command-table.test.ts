import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { commandLineFiles } from '../../../scripts/command-line/files.js';
import type { Command } from '../../../src/cli/command.js';
import { COMMANDS, GLOBAL_OPTIONS } from '../../../src/cli/command-table.js';
import { commandHelp, globalHelp } from '../../../src/cli/help.js';

const WIDEST = 80;

function namesOf({ options }: Command): string[] {
  return [...GLOBAL_OPTIONS, ...options].flatMap(({ long, short }) => [long, ...(short === undefined ? [] : [short])]);
}

describe('the command table', () => {
  it('names every command and every option once', () => {
    const names = COMMANDS.map(({ name }) => name);
    assert.deepEqual(names, [...new Set(names)]);
    for (const command of COMMANDS) assert.deepEqual(namesOf(command), [...new Set(namesOf(command))], command.name);
  });

  it('has plain words where the shell, help and man page need them', () => {
    for (const { name, summary, options, arguments: args } of COMMANDS) {
      assert.match(name, /^[a-z]+$/);
      for (const text of [summary, ...options.map((one) => one.summary), ...args.map((one) => one.summary)])
        assert.match(text, /^[-A-Z`][^\n]*[^.\s]$/, `${name}: ${text}`);
      for (const { long, short } of options) assert.match(`${long} ${short ?? 'x'}`, /^[a-z][a-z-]+ [a-zA-Z]$/, name);
    }
  });

  it('lets only the last argument be missing or repeated', () => {
    for (const { name, arguments: args } of COMMANDS)
      for (const { optional, repeated } of args.slice(0, -1))
        assert.deepEqual([optional, repeated], [undefined, undefined], name);
  });

  it('leads to an implementation of each command', async () => {
    for (const { name, load } of COMMANDS) {
      assert.ok(existsSync(`src/cli/commands/${name}.ts`), name);
      assert.equal(typeof (await load()).run, 'function', name);
    }
  });

  it('gives help that fits a terminal', () => {
    for (const text of [globalHelp(), ...COMMANDS.map(commandHelp)]) {
      assert.match(text, /^remoteaccessctl [^\n]+\n\n[^\n]/);
      for (const line of text.split('\n'))
        if (!line.startsWith('  remoteaccessctl') && !line.includes('$(')) assert.ok(line.length <= WIDEST + 5, line);
    }
    for (const command of COMMANDS)
      for (const { long } of command.options) assert.ok(commandHelp(command).includes(`--${long}`), long);
  });

  it('gives man page and completions everything', () => {
    for (const [path, text] of commandLineFiles())
      for (const { name, options } of COMMANDS) {
        assert.ok(text.includes(name), `${path}: ${name}`);
        for (const { long } of options)
          assert.ok(text.replaceAll('\\-', '-').includes(long), `${path}: ${name} --${long}`);
      }
  });
});
