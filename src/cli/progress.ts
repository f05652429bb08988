import { isTerminal, STDERR, write } from './write.js';

/** Milliseconds: what is done sooner needs no words. */
const PATIENCE = 1000;

/** Shows what is being waited for, and for how long already, on a terminal, from the second second on. */
export async function withProgress<Result>(what: string, work: Promise<Result>): Promise<Result> {
  if (!isTerminal(STDERR)) return work;
  const started = performance.now();
  let shown = false;
  const timer = setInterval(() => {
    shown = true;
    write(STDERR, `\r\x1b[K${what}… ${Math.round((performance.now() - started) / 1000)} s`);
  }, PATIENCE);
  try {
    return await work;
  } finally {
    clearInterval(timer);
    if (shown) write(STDERR, '\r\x1b[K');
  }
}
