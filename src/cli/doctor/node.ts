import { ask, type Check, ok, problem } from './finding.js';

/** What the units run. */
const NODE = '/usr/bin/node';
const OLDEST = [20, 19] as const;

export const node: Check = {
  name: 'Node.js',
  async look() {
    const remedy = `apt install nodejs; ${OLDEST.join('.')} or newer is needed`;
    const version = (await ask(NODE, '--version'))?.trim();
    const [, major, minor] = /^v(\d+)\.(\d+)\./.exec(version ?? '') ?? [];
    if (major === undefined) return [problem(`${NODE} does not run`, remedy)];
    const newer = Number(major) - OLDEST[0] || Number(minor) - OLDEST[1];
    return [newer >= 0 ? ok(`${NODE} ${version}`) : problem(`${NODE} is ${version}`, remedy)];
  },
};
