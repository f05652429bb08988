"""A remote desktop tool that uses all of a session at once: reads a token from stdin, logs in, connects, watches the first
monitor, opens an input connection and owns the clipboard, then prints the session's path. Ends as the next line says:
"close" closes the connection, "drop" leaves the bus and stays until stdin ends; and it may be killed.
"""
import os
import sys

import gi

gi.require_version('Gst', '1.0')
from gi.repository import Gio, GLib, Gst  # noqa: E402

SERVICE = 'org.freedesktop.RemoteAccess'
ROOT = '/org/freedesktop/RemoteAccess'
bus = Gio.DBusConnection.new_for_address_sync(
    Gio.dbus_address_get_for_bus_sync(Gio.BusType.SYSTEM),
    Gio.DBusConnectionFlags.AUTHENTICATION_CLIENT | Gio.DBusConnectionFlags.MESSAGE_BUS_CONNECTION)


def call(path, interface, method, signature, *arguments):
    parameters = GLib.Variant(signature, arguments)
    result, fds = bus.call_with_unix_fd_list_sync(SERVICE, path, interface, method, parameters, None, 0, 60000, None)
    return fds.steal_fds() if fds else result.unpack()


def log_in(token):
    loop = GLib.MainLoop()
    ends = []

    def ended(_bus, _sender, _path, _interface, signal, parameters):
        ends.append((signal, *parameters.unpack()))
        loop.quit()

    for signal in ('Completed', 'Failed'):
        bus.signal_subscribe(SERVICE, SERVICE + '.Login', signal, None, None, 0, ended)
    (login,) = call(ROOT, SERVICE, 'OpenLogin', '(a{sv})', {'desktop': GLib.Variant('s', 'mutter')})
    call(login, SERVICE + '.Login', 'Begin', '(sa{sv})', 'token', {'token': GLib.Variant('s', token)})
    if not ends:
        loop.run()
    if ends[0][0] != 'Completed':
        sys.exit(' '.join(map(str, ends[0])))
    return ends[0][1]


def watch(connection):
    ((node, _stream), *_) = bus.call_sync(
        SERVICE, connection, 'org.freedesktop.DBus.Properties', 'Get',
        GLib.Variant('(ss)', (SERVICE + '.Capture', 'Streams')), None, 0, 60000, None).unpack()[0]
    (fd,) = call(connection, SERVICE + '.Capture', 'OpenPipeWireRemote', '(a{sv})', {})
    pipeline = Gst.parse_launch(
        f'pipewiresrc fd={fd} path={node} ! video/x-raw ! appsink name=sink max-buffers=1 drop=true')
    pipeline.set_state(Gst.State.PLAYING)
    if not pipeline.get_by_name('sink').emit('try-pull-sample', 20 * Gst.SECOND):
        sys.exit('no frame came')
    return pipeline


Gst.init(None)
session = log_in(sys.stdin.readline().strip())
(connection,) = call(session, SERVICE + '.Session', 'Connect', '(a{sv})', {'on-conflict': GLib.Variant('s', 'share')})
pipeline = watch(connection)
(eis,) = call(connection, SERVICE + '.Input', 'ConnectToEIS', '(a{sv})', {})
os.set_blocking(eis, True)
if not os.read(eis, 4096):
    sys.exit('no input')
call(connection, SERVICE + '.Clipboard', 'SetSelection', '(as)', ['text/plain'])
print(session, flush=True)
how = sys.stdin.readline().strip()
if how == 'close':
    call(connection, SERVICE + '.Connection', 'Close', '()')
elif how == 'drop':
    bus.close_sync(None)
    print('dropped', flush=True)
    sys.stdin.read()
pipeline.set_state(Gst.State.NULL)
