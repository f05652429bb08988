import assert from 'node:assert/strict';
import { Busy, InvalidArgs } from '../../src/errors.js';
import { Prompts } from '../../src/service/prompts.js';

describe('the prompts of a login', () => {
  let sent: string[];
  let prompts: Prompts;
  let left: AbortController;

  beforeEach(() => {
    sent = [];
    left = new AbortController();
    prompts = new Prompts((id, style, text) => sent.push(`${id} ${style} ${text}`));
  });

  const ask = (text: string) => prompts.ask('secret', text, left.signal);

  it('are numbered, and answered once', async () => {
    assert.equal(prompts.used, false);
    prompts.tell('info', 'Hello');
    const first = ask('Code?');
    prompts.respond(2, '0815');
    assert.throws(() => prompts.respond(2, '0815'), InvalidArgs);
    assert.equal(await first, '0815');
    const second = prompts.ask('visible', 'Sure?', left.signal);
    assert.throws(() => prompts.respond(2, '0815'), InvalidArgs);
    prompts.respond(3, '');
    assert.equal(await second, '');
    assert.deepEqual(sent, ['1 info Hello', '2 secret Code?', '3 visible Sure?']);
    assert.equal(prompts.used, true);
  });

  for (const [what, answer] of [
    ['a NUL', 'a\0b'],
    ['513 bytes', 'x'.repeat(513)],
    ['513 bytes in fewer characters', `${'ü'.repeat(256)}x`],
  ] as const)
    it(`go on waiting after an answer of ${what}`, async () => {
      const asked = ask('Code?');
      assert.throws(() => prompts.respond(1, answer), InvalidArgs);
      prompts.respond(1, 'ü'.repeat(256));
      assert.equal(await asked, 'ü'.repeat(256));
    });

  it('that are messages may be acknowledged, once and with nothing', () => {
    prompts.tell('error', 'Careful');
    assert.throws(() => prompts.respond(1, 'why'), /its answer is empty/);
    prompts.respond(1, '');
    assert.throws(() => prompts.respond(1, ''), InvalidArgs);
  });

  it('that are messages do not pile up', () => {
    for (let count = 0; count < 65; count++) prompts.tell('info', 'Hello');
    assert.throws(() => prompts.respond(1, ''), InvalidArgs);
    prompts.respond(2, '');
    prompts.respond(65, '');
  });

  it('are given up with the login', async () => {
    const asked = ask('Code?');
    left.abort(new Busy('gone'));
    await assert.rejects(asked, new Busy('gone'));
    assert.throws(() => prompts.respond(1, 'x'), InvalidArgs);
    await assert.rejects(ask('Again?'), new Busy('gone'));
    assert.deepEqual(sent, ['1 secret Code?']);
  });

  it('say when a question is asked', async () => {
    const asked = prompts.asked();
    prompts.tell('info', 'Hello');
    void ask('Code?');
    await asked;
    assert.equal(sent.length, 2);
  });
});
