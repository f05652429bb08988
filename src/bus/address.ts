/** The bus every program of the machine shares (D-Bus specification, "Well-known Message Bus Instances"). */
export function systemBusAddress(): string {
  return process.env.DBUS_SYSTEM_BUS_ADDRESS ?? 'unix:path=/run/dbus/system_bus_socket';
}

/** The bus of the user's session; systemd's user manager puts it into the user's runtime directory. */
export function sessionBusAddress(): string {
  return process.env.DBUS_SESSION_BUS_ADDRESS ?? `unix:path=${process.env.XDG_RUNTIME_DIR ?? '/nowhere'}/bus`;
}

/**
 * The socket names that a D-Bus address lists, in order, ready for connect(2): a path, or a NUL byte and an abstract
 * name. Only Unix sockets (D-Bus specification, "Server Addresses"); other transports are passed over.
 */
export function socketNames(address: string): Buffer[] {
  return address.split(';').flatMap((entry) => {
    const [transport, ...rest] = entry.split(':');
    if (transport !== 'unix') return [];
    const keys = new Map(
      rest
        .join(':')
        .split(',')
        .map((pair) => [pair.slice(0, pair.indexOf('=')), percentDecode(pair.slice(pair.indexOf('=') + 1))]),
    );
    const path = keys.get('path');
    const abstract = keys.get('abstract');
    if (path !== undefined) return [path];
    return abstract === undefined ? [] : [Buffer.concat([Buffer.of(0), abstract])];
  });
}

function percentDecode(value: string): Buffer {
  return Buffer.from(
    value.replaceAll(/%([0-9a-f]{2})/gi, (_, hex: string) => String.fromCharCode(Number.parseInt(hex, 16))),
    'latin1',
  );
}
