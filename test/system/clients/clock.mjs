/** Preloaded into the daemon: its wall clock is off by the seconds in the file CLOCK_OFFSET, which a test writes. */
import { readFileSync } from 'node:fs';

const { now } = Date;
Date.now = () => now() + 1000 * Number(readFileSync(process.env.CLOCK_OFFSET ?? '', 'utf8'));
