import { type CommandLine, parseCommandLine } from './arguments.js';
import type { Context } from './context.js';
import { EXIT } from './exit-code.js';
import { reportFailure } from './failure.js';
import { Output } from './output.js';

/** remoteaccessctl: reads the command line, runs the command, and says what went wrong. */

for (const stream of [process.stdout, process.stderr])
  stream.on('error', (error: NodeJS.ErrnoException) => {
    // Whoever reads from us may stop reading (`| head`), which is no error. The code is the shell's for SIGPIPE.
    if (error.code === 'EPIPE') process.exit(141);
    process.exit(stream === process.stderr ? EXIT.failed : reportFailure(error, { json: wantsJson() }));
  });

const args = process.argv.slice(2);
const code = await main();
// What could not be written is known only when the last of it was tried.
await new Promise((resolve) => process.stdout.write('', resolve));
process.exit(code);

async function main(): Promise<number> {
  try {
    return (await run(parseCommandLine(args))) ?? EXIT.ok;
  } catch (error) {
    return reportFailure(error, { json: wantsJson() });
  }
}

async function run({ command, given }: CommandLine): Promise<number | void> {
  if (given.flag('help') || command === undefined) {
    const { commandHelp, globalHelp } = await import('./help.js');
    if (given.flag('version')) return printVersion();
    process.stdout.write(command === undefined ? globalHelp() : commandHelp(command));
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
  process.stdout.write(`remoteaccessctl ${VERSION}\n`);
}

/** Also when the command line could not be read. */
function wantsJson(): boolean {
  const end = args.indexOf('--');
  return (end < 0 ? args : args.slice(0, end)).some((arg) => arg === '--json' || arg === '-j');
}
