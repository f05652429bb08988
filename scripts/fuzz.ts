import { once } from 'node:events';
import { Container } from './container.js';

/**
 * `npm run fuzz -- [MESSAGES [SEED]]`: attacks the service in a container with so many random messages, a million where
 * nothing is said; with a seed, with the same ones again. `./check` does the same for a minute.
 */
const [messages = '1000000', seed] = process.argv.slice(2);

await using container = await Container.boot();
const choice = [`FUZZ_MESSAGES=${messages}`, ...(seed === undefined ? [] : [`FUZZ_SEED=${seed}`])];
const mocha = ['node', 'node_modules/mocha/bin/mocha.js', 'test/system/fuzz.test.ts'];
const [status] = await once(container.spawn(['env', ...choice, ...mocha], { stdio: 'inherit' }), 'exit');
process.exitCode = status === 0 ? 0 : 1;
