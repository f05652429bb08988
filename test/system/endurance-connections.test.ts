import assert from 'node:assert/strict';
import { Census } from './census.js';
import { PassingTool, WAYS } from './passing-tool.js';
import { provision } from './remote-tool.js';

/** By hand there may be more. */
const CYCLES = Number(process.env.ENDURANCE_CYCLES ?? 100);

describe('a session', function () {
  this.timeout(60_000 + CYCLES * 5_000);

  it(`keeps nothing of ${CYCLES} tools that came and went, in order or not`, async () => {
    const token = provision();
    const comeAndGo = async (turn: number) => {
      const tool = await PassingTool.start(token);
      await tool.leave(WAYS[turn % WAYS.length] ?? 'kill');
      return tool.session;
    };
    // What is made once and kept is there after the first times.
    const session = await comeAndGo(0);
    for (const turn of [1, 2]) await comeAndGo(turn);
    const before = Census.take(['alice']);
    for (let turn = 0; turn < CYCLES; turn++) assert.equal(await comeAndGo(turn), session);
    assert.deepEqual(before.leftOver(), []);
  });
});
