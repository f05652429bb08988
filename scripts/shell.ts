import { once } from 'node:events';
import { Container } from './container.js';

/**
 * `npm run container [-- USER]`: boots a container with the project installed, and gives a shell in it, of root or in a
 * logind session of alice or bob. The container goes with the shell.
 */
const [user] = process.argv.slice(2);
await using container = await Container.boot();
const shell = container.spawn(['bash', '--login'], {
  ...(user === undefined ? {} : { user }),
  stdio: 'inherit',
  terminal: true,
});
const [status] = await once(shell, 'exit');
process.exitCode = status ?? 1;
