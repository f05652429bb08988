"""Keeps RecordVirtual streams in the caller's session: one per argument, which is ignored.

Prints {"nodes": [PipeWire node id, ...]}, then answers each line on stdin with the monitors that mutter has:
{"monitors": [[connector, width, height, refresh], ...]}; a line "leave-out CONNECTOR" applies a layout without that
monitor first. Ends with its stdin.
"""
import json
import sys

from gi.repository import Gio, GLib

SCREEN_CAST = 'org.gnome.Mutter.ScreenCast'
DISPLAY_CONFIG = 'org.gnome.Mutter.DisplayConfig'
bus = Gio.bus_get_sync(Gio.BusType.SESSION)
loop = GLib.MainLoop()
streams, nodes = [], {}


def call(name, path, interface, method, arguments=None):
    return bus.call_sync(name, path, interface, method, arguments, None, 0, 5000, None).unpack()


def appeared(_connection, _name, _owner):
    (session,) = call(SCREEN_CAST, '/org/gnome/Mutter/ScreenCast', SCREEN_CAST, 'CreateSession',
                      GLib.Variant('(a{sv})', ({},)))
    for _ in sys.argv[1:]:
        streams.extend(call(SCREEN_CAST, session, SCREEN_CAST + '.Session', 'RecordVirtual',
                            GLib.Variant('(a{sv})', ({'is-platform': GLib.Variant('b', True)},))))
    call(SCREEN_CAST, session, SCREEN_CAST + '.Session', 'Start')


def added(_connection, _sender, path, _interface, _signal, parameters):
    (nodes[path],) = parameters.unpack()
    if len(nodes) == len(sys.argv) - 1:
        print(json.dumps({'nodes': [nodes[stream] for stream in streams]}), flush=True)


def state():
    return call(DISPLAY_CONFIG, '/org/gnome/Mutter/DisplayConfig', DISPLAY_CONFIG, 'GetCurrentState')


def leave_out(connector):
    serial, monitors, _logical, _properties = state()
    layout, x = [], 0
    for monitor, modes, _ in monitors:
        if monitor[0] != connector:
            layout.append((x, 0, 1.0, 0, x == 0, [(monitor[0], modes[0][0], {})]))
            x += modes[0][1]
    call(DISPLAY_CONFIG, '/org/gnome/Mutter/DisplayConfig', DISPLAY_CONFIG, 'ApplyMonitorsConfig',
         GLib.Variant('(uua(iiduba(ssa{sv}))a{sv})', (serial, 1, layout, {})))


def asked(channel, _condition):
    line = channel.readline()
    if not line:
        loop.quit()
        return False
    command = line.split()
    if command:
        leave_out(command[1])
    monitors = [[monitor[0], mode[1], mode[2], mode[3]]
                for monitor, modes, _ in state()[1] for mode in modes if mode[6].get('is-current')]
    print(json.dumps({'monitors': monitors}), flush=True)
    return True


bus.signal_subscribe(SCREEN_CAST, SCREEN_CAST + '.Stream', 'PipeWireStreamAdded', None, None, 0, added)
Gio.bus_watch_name_on_connection(bus, SCREEN_CAST, 0, appeared, None)
standard_input = GLib.IOChannel.unix_new(0)
GLib.io_add_watch(standard_input, GLib.PRIORITY_DEFAULT, GLib.IOCondition.IN | GLib.IOCondition.HUP, asked)
loop.run()
