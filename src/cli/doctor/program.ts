import { type Check, missing, ok, problem, REINSTALL } from './finding.js';

const FILES = [
  '/usr/lib/remote-access/remote-accessd.cjs',
  '/usr/lib/remote-access/remote-access-agent.cjs',
  '/usr/lib/remote-access/native/descriptors.node',
  '/usr/lib/remote-access/native/pipewire.node',
  '/usr/libexec/remote-access-worker',
  '/usr/libexec/remote-access-session',
  '/usr/lib/systemd/user/remote-access-agent@.service',
];

/** Daemon, worker and agent. */
export const program: Check = {
  name: 'program files',
  async look() {
    const gone = await missing(FILES);
    if (gone.length === 0) return [ok('all there')];
    return [problem(`missing: ${gone.join(', ')}`, REINSTALL)];
  },
};
