import { readdir, readlink, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { Worker } from './worker.js';

/**
 * Connects to every worker that lives, so that a daemon that was restarted finds the sessions of the one before. Yields
 * them as they answer. Sockets to which nobody listens are removed; a worker that does not answer before the deadline
 * is left alone.
 */
export async function* livingWorkers(
  directory: string,
  { signal }: { signal?: AbortSignal } = {},
): AsyncGenerator<{ id: string; worker: Worker }> {
  const answers = new Map((await workerIds(directory)).map((id) => [id, answer(directory, id, signal)]));
  try {
    while (answers.size > 0) {
      const { id, worker } = await Promise.race(answers.values());
      answers.delete(id);
      if (worker !== undefined) yield { id, worker };
    }
  } finally {
    // Nobody is there to take the rest.
    for (const late of answers.values()) late.then(({ worker }) => worker?.close()).catch(() => {});
  }
}

/** For whom PAM works there, by the id of the worker; undefined where it does for nobody yet. */
export async function usersOfWorkers(directory: string): Promise<Map<string, string | undefined>> {
  const users = (await workerIds(directory)).map(async (id): Promise<[string, string | undefined]> => {
    const note = await readlink(join(directory, `${id}.pam`)).catch(() => undefined);
    return [id, note?.slice(note.indexOf('/') + 1)];
  });
  return new Map(await Promise.all(users));
}

async function workerIds(directory: string): Promise<string[]> {
  // With a dot: what a worker notes beside its socket.
  return (await readdir(directory)).filter((name) => !name.includes('.'));
}

async function answer(
  directory: string,
  id: string,
  signal: AbortSignal | undefined,
): Promise<{ id: string; worker?: Worker }> {
  const socket = join(directory, id);
  try {
    return { id, worker: await Worker.connect(socket, signal === undefined ? {} : { signal }) };
  } catch (error) {
    signal?.throwIfAborted();
    if (errnoCode(error) === 'ECONNREFUSED') await rm(socket, { force: true });
    return { id };
  }
}

function errnoCode(error: unknown): string | undefined {
  const cause = error instanceof Error ? error.cause : undefined;
  return cause instanceof Error && 'code' in cause ? String(cause.code) : undefined;
}
