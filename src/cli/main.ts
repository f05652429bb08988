import { type CommandLine, parseCommandLine } from './arguments.js';
import type { Context } from './context.js';
import { EXIT } from './exit-code.js';
import { reportFailure } from './failure.js';
import { Output } from './output.js';
import { STDOUT, write } from './write.js';

/** remoteaccessctl: reads the command line, runs the command, and says what went wrong. */

const args = process.argv.slice(2);
// What goes wrong while a command waits: an event that cannot be printed, or a bug.
process.on('uncaughtException', (error) => process.exit(report(error)));
process.exit(await main());

async function main(): Promise<number> {
  try {
    return (await run(parseCommandLine(args))) ?? EXIT.ok;
  } catch (error) {
    return report(error);
  }
}

function report(error: unknown): number {
  // Whoever reads from us may stop reading (`| head`), which is no error. The code is the shell's for SIGPIPE.
  if (error instanceof Error && (error as NodeJS.ErrnoException).code === 'EPIPE') return 141;
  try {
    return reportFailure(error, { json: wantsJson() });
  } catch (bug) {
    console.error(bug);
    return EXIT.failed;
  }
}

async function run({ command, given }: CommandLine): Promise<number | void> {
  if (given.flag('help') || command === undefined) {
    const { commandHelp, globalHelp } = await import('./help.js');
    if (given.flag('version')) return printVersion();
    write(STDOUT, command === undefined ? globalHelp() : commandHelp(command));
    return;
  }
  if (given.flag('version')) return printVersion();
  const { run: implementation } = await command.load();
  const output = new Output({ json: given.flag('json'), legend: !given.flag('no-legend') });
  const connect: Context['connect'] = async () => (await import('./service.js')).Service.connect();
  return implementation({ output, connect }, given);
}

async function printVersion(): Promise<void> {
  const { VERSION } = await import('./version.js');
  write(STDOUT, `remoteaccessctl ${VERSION}\n`);
}

/** Also when the command line could not be read. */
function wantsJson(): boolean {
  const end = args.indexOf('--');
  return (end < 0 ? args : args.slice(0, end)).some((arg) => arg === '--json' || arg === '-j');
}
