import assert from 'node:assert/strict';
import { sessionBusAddress, socketNames, systemBusAddress } from '../../../src/bus/address.js';

describe('bus addresses', () => {
  for (const [address, names] of [
    ['unix:path=/run/bus', ['/run/bus']],
    ['unix:path=/run/bus,guid=0123', ['/run/bus']],
    ['unix:guid=0123,path=/run/bus', ['/run/bus']],
    ['unix:abstract=name', ['\0name']],
    ['unix:path=/with%20space%3b%C3%BC', ['/with space;ü']],
    ['tcp:host=localhost,port=1;unix:path=/a;unix:path=/b', ['/a', '/b']],
    ['unix:runtime=yes', []],
    ['unix:', []],
    ['', []],
  ] as const)
    it(`understands '${address}'`, () => {
      assert.deepEqual(socketNames(address).map(String), names);
    });

  it('come from the environment', () => {
    const saved = { ...process.env };
    try {
      process.env.DBUS_SYSTEM_BUS_ADDRESS = 'unix:path=/system';
      process.env.DBUS_SESSION_BUS_ADDRESS = 'unix:path=/session';
      assert.equal(systemBusAddress(), 'unix:path=/system');
      assert.equal(sessionBusAddress(), 'unix:path=/session');
      delete process.env.DBUS_SYSTEM_BUS_ADDRESS;
      delete process.env.DBUS_SESSION_BUS_ADDRESS;
      process.env.XDG_RUNTIME_DIR = '/run/user/1000';
      assert.equal(systemBusAddress(), 'unix:path=/run/dbus/system_bus_socket');
      assert.equal(sessionBusAddress(), 'unix:path=/run/user/1000/bus');
    } finally {
      process.env = saved;
    }
  });
});
