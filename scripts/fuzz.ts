import { randomInt } from 'node:crypto';
import { once } from 'node:events';
import { Container } from './container.js';

/**
 * `npm run fuzz -- [MESSAGES [SEED]]`: attacks the service in a container with so many random messages, a million where
 * nothing is said. The seed that it prints repeats them. `./check` does the same for a minute, always with seed 1.
 */
const [messages = '1000000', seed = String(randomInt(1, 2 ** 31))] = process.argv.slice(2);

await using container = await Container.boot();
const choice = [`FUZZ_MESSAGES=${messages}`, `FUZZ_SEED=${seed}`];
const mocha = ['node', 'node_modules/mocha/bin/mocha.js', 'test/system/fuzz.test.ts'];
const [status] = await once(container.spawn(['env', ...choice, ...mocha], { stdio: 'inherit' }), 'exit');
process.exitCode = status === 0 ? 0 : 1;
