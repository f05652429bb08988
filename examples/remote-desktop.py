#!/usr/bin/python3
"""A remote desktop tool in one file: logs in with a token, takes a picture, types, and shares its clipboard.

    cat TOKEN-FILE - | remote-desktop.py PICTURE.png TEXT

Any user may run it; the token is all the right it has. It logs in (which starts the session), lays out one monitor,
saves a picture of it, types TEXT (a-z and spaces), offers TEXT on the clipboard, and stays until its input ends.
Needs python3-gi, gstreamer1.0-pipewire and libei1.
"""
import ctypes
import os
import select
import subprocess
import sys

from gi.repository import Gio, GLib

SERVICE = 'org.freedesktop.RemoteAccess'
ROOT = '/org/freedesktop/RemoteAccess'
MINUTE = 60_000

bus = Gio.bus_get_sync(Gio.BusType.SYSTEM)


def call(path, interface, method, arguments=None):
    """Calls a method. A descriptor in the answer is returned as an open one."""
    answer, fds = bus.call_with_unix_fd_list_sync(
        SERVICE, path, SERVICE + interface, method, arguments, None, Gio.DBusCallFlags.NONE, MINUTE, None, None)
    values = answer.unpack()
    if answer.get_type_string() == '(h)':
        return fds.get(values[0])
    return values[0] if len(values) == 1 else values


def get(path, interface, name):
    arguments = GLib.Variant('(ss)', (SERVICE + interface, name))
    return bus.call_sync(SERVICE, path, 'org.freedesktop.DBus.Properties', 'Get', arguments, None,
                         Gio.DBusCallFlags.NONE, MINUTE, None).unpack()[0]


def listen(path, interface, signal, handler):
    bus.signal_subscribe(SERVICE, SERVICE + interface, signal, path, None, Gio.DBusSignalFlags.NONE,
                         lambda _bus, _sender, _path, _interface, _name, arguments: handler(*arguments.unpack()))


def log_in(token):
    """The path of the session that the token opens."""
    ended = []
    login = call(ROOT, '', 'OpenLogin', GLib.Variant('(a{sv})', ({'client-name': GLib.Variant('s', 'example')},)))
    # Begin answers when the token is accepted; a session that has to be started takes some seconds more.
    listen(login, '.Login', 'Completed', lambda session: ended.append((session, None)))
    listen(login, '.Login', 'Failed', lambda error, message, _may_retry: ended.append((None, f'{error}: {message}')))
    call(login, '.Login', 'Begin', GLib.Variant('(sa{sv})', ('token', {'token': GLib.Variant('s', token)})))
    while not ended:
        GLib.MainContext.default().iteration(True)
    session, failure = ended[0]
    return session or sys.exit(failure)


def lay_out(connection, width, height):
    """One monitor of that size in place of whatever there is."""
    serial, _monitors = call(connection, '.Monitors', 'GetLayout')
    monitor = {'id': GLib.Variant('s', 'main'), 'size': GLib.Variant('(uu)', (width, height)),
               'position': GLib.Variant('(ii)', (0, 0)), 'scale': GLib.Variant('d', 1.0),
               'primary': GLib.Variant('b', True)}
    call(connection, '.Monitors', 'SetLayout', GLib.Variant('(uaa{sv})', (serial, [monitor])))


def photograph(connection, path):
    """Any program that speaks PipeWire takes the descriptor; it sees the nodes of `Streams` and no others."""
    node, _stream = get(connection, '.Capture', 'Streams')[0]
    fd = call(connection, '.Capture', 'OpenPipeWireRemote', GLib.Variant('(a{sv})', ({},)))
    pipeline = f'pipewiresrc fd={fd} path={node} num-buffers=1 ! videoconvert ! pngenc ! filesink location={path}'
    subprocess.run(['gst-launch-1.0', '-q', *pipeline.split()], pass_fds=[fd], check=True)
    os.close(fd)


def type_text(connection, text):
    """Over libei, which takes ownership of the descriptor."""
    ei = ctypes.CDLL('libei.so.1')
    pointer = ctypes.c_void_p
    for name in 'ei_new_sender', 'ei_get_event', 'ei_event_get_seat', 'ei_event_get_device', 'ei_event_unref', 'ei_unref':
        getattr(ei, name).restype = pointer
    ei.ei_now.restype = ctypes.c_uint64
    seat_added, device_resumed, keyboard = 3, 8, 1 << 2
    sender = pointer(ei.ei_new_sender(None))
    ei.ei_setup_backend_fd(sender, call(connection, '.Input', 'ConnectToEIS', GLib.Variant('(a{sv})', ({},))))
    device = None
    while device is None:
        select.select([ei.ei_get_fd(sender)], [], [])
        ei.ei_dispatch(sender)
        while event := ei.ei_get_event(sender):
            event = pointer(event)
            if ei.ei_event_get_type(event) == seat_added:
                ei.ei_seat_bind_capabilities(pointer(ei.ei_event_get_seat(event)), ctypes.c_int(keyboard), pointer())
            elif ei.ei_event_get_type(event) == device_resumed:
                device = pointer(ei.ei_event_get_device(event))
                ei.ei_device_start_emulating(device, 1)
            ei.ei_event_unref(event)
    rows = {first + i: key for first, row in ((16, 'qwertyuiop'), (30, 'asdfghjkl'), (44, 'zxcvbnm'), (57, ' '))
            for i, key in enumerate(row)}
    codes = {key: code for code, key in rows.items()}  # of linux/input-event-codes.h
    for character in text:
        for pressed in True, False:
            ei.ei_device_keyboard_key(device, ctypes.c_uint32(codes[character]), ctypes.c_bool(pressed))
            ei.ei_device_frame(device, ctypes.c_uint64(ei.ei_now(sender)))
    ei.ei_dispatch(sender)
    return sender  # the keyboard is there as long as this is


def offer(connection, text):
    """Puts a text on the clipboard; who pastes it gets a pipe."""
    def paste(_type, serial):
        with os.fdopen(call(connection, '.Clipboard', 'SelectionWrite', GLib.Variant('(u)', (serial,))), 'w') as pipe:
            pipe.write(text)
        call(connection, '.Clipboard', 'SelectionWriteDone', GLib.Variant('(ub)', (serial, True)))

    listen(connection, '.Clipboard', 'SelectionTransfer', paste)
    types = ['text/plain;charset=utf-8']
    call(connection, '.Clipboard', 'SetSelection', GLib.Variant('(as)', (types,)))


picture, text = sys.argv[1:]
session = log_in(sys.stdin.readline().strip())
print('session', session, flush=True)
connection = call(session, '.Session', 'Connect', GLib.Variant('(a{sv})', ({},)))
print('connection', connection, 'with', *get(connection, '.Connection', 'Grants'), flush=True)
lay_out(connection, 1600, 900)
photograph(connection, picture)
print('picture', picture, flush=True)
keyboard = type_text(connection, text)
print('typed', text, flush=True)
offer(connection, text)
print('offered', text, flush=True)

loop = GLib.MainLoop()
listen(connection, '.Connection', 'Closed', lambda reason: (print('closed:', reason), loop.quit()))
GLib.unix_fd_add_full(GLib.PRIORITY_DEFAULT, 0, GLib.IOCondition.IN | GLib.IOCondition.HUP, lambda *_: loop.quit())
loop.run()
