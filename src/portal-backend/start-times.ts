import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { uptime } from 'node:os';
import { dirname, join } from 'node:path';

/** So many starts within so long, in milliseconds, are agents that die one after the other. */
const MANY = 5;
const WINDOW = 10_000;
const PAUSE = 5_000;

/**
 * Notes that an agent starts. Returns for how long it has to wait before it does anything, in milliseconds, so that agents
 * that die again and again leave the processors to others: systemd, which starts them, can wait each time or never. The
 * file in XDG_RUNTIME_DIR is a cache: where it cannot be kept nobody waits.
 */
export function pauseBeforeStart(directory: string, session: string, now = uptime() * 1000): number {
  const path = join(directory, 'remote-access', `${session}.starts`);
  let before: number[] = [];
  try {
    const times = readFileSync(path, 'utf8').split('\n').map(Number);
    before = times.filter((time) => time > now - WINDOW && time <= now);
  } catch {
    // It is the first one.
  }
  try {
    mkdirSync(dirname(path), { recursive: true, mode: 0o700 });
    writeFileSync(path, [...before, now].join('\n'), { mode: 0o600 });
  } catch (error) {
    console.warn(`that an agent starts could not be noted: ${(error as Error).message}`);
  }
  return before.length < MANY ? 0 : PAUSE;
}
