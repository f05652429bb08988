import type { Bus } from '../bus/bus.js';
import { SessionFailed } from '../errors.js';

/** The unique name of whoever owns a bus name, as soon as somebody does. Does not start it. */
export async function waitForName(bus: Bus, name: string, signal: AbortSignal): Promise<string> {
  let watch: AsyncDisposable | undefined;
  try {
    return await new Promise<string>((resolve, reject) => {
      signal.addEventListener('abort', () => reject(new SessionFailed(`the compositor did not come up: no ${name}`)));
      bus.subscriptions
        .watchOwner(name, (owner) => {
          if (owner !== '') resolve(owner);
        })
        .then((started) => {
          watch = started;
        })
        .catch(reject);
    });
  } finally {
    await watch?.[Symbol.asyncDispose]();
  }
}
