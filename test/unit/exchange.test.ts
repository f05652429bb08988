import assert from 'node:assert/strict';
import { AuthenticationFailed, Busy, InvalidArgs, MethodNotOffered } from '../../src/errors.js';
import { Exchange } from '../../src/service/exchange.js';

describe('an exchange of GSSAPI messages', () => {
  const text = (message: Buffer) => message.toString();
  let exchange: Exchange;
  let left: AbortController;

  beforeEach(() => {
    left = new AbortController();
    exchange = new Exchange();
  });

  it('passes messages on and answers back, in turn', async () => {
    for (const round of ['one', 'two']) {
      const asked = exchange.asked();
      const received = exchange.receive(left.signal);
      await asked;
      const answered = exchange.step(Buffer.from(round));
      assert.equal(text(await received), round);
      exchange.answer(Buffer.from(`answer to ${round}`));
      assert.equal(text(await answered), `answer to ${round}`);
    }
  });

  it('takes nothing that nobody waits for', async () => {
    const message = Buffer.from('x');
    assert.throws(() => exchange.step(message), MethodNotOffered);
    const received = exchange.receive(left.signal);
    const answered = exchange.step(message);
    assert.throws(() => exchange.step(message), Busy);
    await received;
    assert.throws(() => exchange.step(message), Busy);
    exchange.answer(message);
    await answered;
    assert.throws(() => exchange.step(message), MethodNotOffered);
  });

  it('loses nothing over a message that is empty or too long', async () => {
    const received = exchange.receive(left.signal);
    for (const length of [0, 48_001]) assert.throws(() => exchange.step(Buffer.alloc(length)), InvalidArgs);
    const longest = Buffer.alloc(48_000, 1);
    const answered = exchange.step(longest);
    assert.deepEqual(await received, longest);
    exchange.answer(Buffer.alloc(0));
    assert.equal((await answered).length, 0);
  });

  it('tells whoever waits for an answer that there is none', async () => {
    const received = exchange.receive(left.signal);
    const answered = exchange.step(Buffer.from('wrong'));
    await received;
    exchange.fail(new AuthenticationFailed('no'));
    await assert.rejects(answered, AuthenticationFailed);
    // Nobody waits: that is nothing to anybody.
    exchange.fail(new AuthenticationFailed('no'));
  });

  it('ends with its login', async () => {
    const gone = new Busy('the login was given up');
    const received = exchange.receive(left.signal);
    left.abort(gone);
    await assert.rejects(received, gone);
    await assert.rejects(exchange.receive(left.signal), gone);
    assert.throws(() => exchange.step(Buffer.from('x')), MethodNotOffered);
  });
});
