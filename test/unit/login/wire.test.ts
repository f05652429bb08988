import assert from 'node:assert/strict';
import { InvalidArgs } from '../../../src/errors.js';
import { decodeLine, encodeLine, LINE_MAX } from '../../../src/login/wire.js';

describe('the worker’s lines', () => {
  it('carry any text', () => {
    const words = ['', ' ', 'a b', 'Zoë\n\t%20%', '日本語 😀', '\x7f\x01', "plain-_.!~*'()=/:"];
    const line = encodeLine('exec', ...words);
    assert.match(line, /^[\x21-\x7e ]*\n$/);
    assert.deepEqual(decodeLine(line.slice(0, -1)), ['exec', ...words]);
  });

  it('leave ordinary text readable', () => {
    assert.equal(encodeLine('env', 'XDG_SESSION_TYPE=wayland'), 'env XDG_SESSION_TYPE=wayland\n');
    assert.equal(encodeLine('record', 'a b%'), 'record a%20b%25\n');
  });

  it('are read in either case of the digits, and with bytes that are not UTF-8', () => {
    assert.deepEqual(decodeLine('message info %c3%A9%ff'), ['message', 'info', 'é\ufffd']);
  });

  it('refuse what the worker would refuse', () => {
    assert.throws(() => encodeLine('user', 'a\0b'), InvalidArgs);
    assert.throws(() => encodeLine('record', 'x'.repeat(LINE_MAX - 'record \n'.length + 1)), InvalidArgs);
    assert.throws(() => encodeLine('exec', ...Array<string>(512).fill('a')), InvalidArgs);
    assert.equal(encodeLine('record', 'x'.repeat(LINE_MAX - 'record \n'.length)).length, LINE_MAX);
  });
});
