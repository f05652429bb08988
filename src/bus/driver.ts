/** Where the message bus itself answers (D-Bus specification, "Message Bus Messages"). */
export const DRIVER = {
  destination: 'org.freedesktop.DBus',
  path: '/org/freedesktop/DBus',
  interface: 'org.freedesktop.DBus',
};
