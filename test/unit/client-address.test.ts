import assert from 'node:assert/strict';
import { clientKey } from '../../src/service/client-address.js';

describe('clientKey', () => {
  for (const [what, addresses, key] of [
    ['an IPv4 address', ['192.0.2.7', '::ffff:192.0.2.7', '::FFFF:c000:0207', '::ffff:192.0.2.7%eth0'], '192.0.2.7'],
    ['a network of IPv6', ['2001:db8::1', '2001:DB8:0:0:ffff::9', '2001:0db8::1%2'], '2001:db8:0:0::/64'],
    ['this host', ['::1', '0:0:0:0:0:0:0:1'], '0:0:0:0::/64'],
    ['a link', ['fe80::1%eth0', 'fe80::2%wlan0'], 'fe80:0:0:0::/64'],
    ['all of an address', ['1:2:3:4:5:6:7:8', '1:2:3:4:5:6:1.2.3.4'], '1:2:3:4::/64'],
    ['a name', ['Client.Example', 'client.example'], 'client.example'],
    ['what is neither', ['2001:db8:::1', '2001:DB8:::1'], '2001:db8:::1'],
  ] as const)
    it(`is the same for all spellings of ${what}`, () => {
      for (const address of addresses) assert.equal(clientKey(address), key);
    });
});
