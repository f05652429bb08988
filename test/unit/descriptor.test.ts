import assert from 'node:assert/strict';
import type { Client, Handlers } from '../../src/bus/descriptor.js';
import type { Monitors } from '../../src/bus/generated/monitors.js';
import type { Tokens } from '../../src/bus/generated/tokens.js';

/** Mostly for the type checker: this file compiles only if the mapped types mean what they should. */
describe('Handlers and Client', () => {
  const handlers: Handlers<Tokens, { uid: number }> = {
    provision: (caller, user, options) => [`${caller.uid}`, `${user}:${options.grants?.join() ?? ''}`],
    revoke: async () => {},
    list: async (_caller, filter) => (filter.user === 'alice' ? [] : Promise.reject(new Error())),
  };

  it('give methods their lower camel names and results their shapes', async () => {
    const [id, token] = await handlers.provision({ uid: 7 }, 'alice', { grants: ['capture'] });
    const none: undefined | void = await handlers.revoke({ uid: 7 }, id);
    assert.deepEqual([id, token, none], ['7', 'alice:capture', undefined]);
    assert.deepEqual(await handlers.list({ uid: 7 }, { user: 'alice' }), []);
  });

  it('let callers give options last, or leave them out', async () => {
    const timeouts: unknown[] = [];
    const client: Client<Monitors> = {
      getLayout: async (options) => [timeouts.push(options?.timeout), []],
      setLayout: async (serial, _monitors, options) => serial + timeouts.push(options?.timeout),
    };
    const [serial] = await client.getLayout();
    assert.equal(await client.setLayout(serial, [], { timeout: 50 }), 3);
    assert.deepEqual(timeouts, [undefined, 50]);
  });

  it('refuse what the interface does not have', () => {
    // @ts-expect-error a grant that there is not
    const wrongGrant: Parameters<Client<Tokens>['provision']> = ['alice', { grants: ['everything'] }];
    // @ts-expect-error a result too few
    const wrongResult: Awaited<ReturnType<Client<Tokens>['provision']>> = ['id'];
    assert.equal(wrongGrant.length + wrongResult.length, 3);
  });
});
