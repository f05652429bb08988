import { closeSync } from 'node:fs';
import { receive, Watch } from '../../../src/bus/native/descriptors.js';

/** The one descriptor that comes over the socket, which is closed then. */
export const receiveOne = (socket: number): Promise<number> =>
  new Promise((resolve, reject) => {
    const watch = new Watch(socket, () => {
      const fds: number[] = [];
      if (receive(socket, Buffer.alloc(1), fds) < 0) return;
      watch[Symbol.dispose]();
      closeSync(socket);
      const [fd] = fds;
      if (fd === undefined) reject(new Error('no descriptor'));
      else resolve(fd);
    });
  });
