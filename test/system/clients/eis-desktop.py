"""A headless mutter with virtual monitors, driven by JSON lines on stdin; answers with JSON lines on stdout.

Runs in the session of the user whose desktop it is. Whoever connects to the Unix socket named as its argument gets
one EIS descriptor of the session that owns the monitors. The window of the input client writes to the same stdout.
"""
import ctypes
import json
import os
import signal
import socket
import subprocess
import sys

import gi
gi.require_version('Gst', '1.0')
from gi.repository import Gio, GLib, Gst

RD, SC, DC = 'org.gnome.Mutter.RemoteDesktop', 'org.gnome.Mutter.ScreenCast', 'org.gnome.Mutter.DisplayConfig'
LOGICAL = 1
DISPLAY = 'wayland-test-%d' % os.getpid()
PR_SET_PDEATHSIG = 1


def say(**what):
    sys.stdout.write(json.dumps(what) + '\n')
    sys.stdout.flush()


def die_with_parent():
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)


def wait(condition):
    context = GLib.MainContext.default()
    while not condition():
        context.iteration(True)


class Desktop:
    def __init__(self, path):
        Gst.init(None)
        self.mutter = subprocess.Popen(['mutter', '--headless', '--wayland', '--no-x11', '--wayland-display', DISPLAY],
                                       preexec_fn=die_with_parent, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        self.bus = Gio.bus_get_sync(Gio.BusType.SESSION)
        names = set()
        for name in (RD, SC, DC):
            Gio.bus_watch_name_on_connection(self.bus, name, 0, lambda c, n, o: names.add(n), None)
        wait(lambda: len(names) == 3)
        self.nodes, self.monitors = {}, {}
        self.bus.signal_subscribe(None, SC + '.Stream', 'PipeWireStreamAdded', None, None, 0,
                                  lambda c, s, stream, i, n, args: self.nodes.update({stream: args.unpack()[0]}))
        self.rd, = self.call(RD, '/org/gnome/Mutter/RemoteDesktop', RD, 'CreateSession')
        session = self.call(RD, self.rd, 'org.freedesktop.DBus.Properties', 'Get',
                            GLib.Variant('(ss)', (RD + '.Session', 'SessionId')))[0]
        self.sc, = self.call(SC, '/org/gnome/Mutter/ScreenCast', SC, 'CreateSession',
                             GLib.Variant('(a{sv})', ({'remote-desktop-session-id': GLib.Variant('s', session)},)))
        self.started, self.client = False, None
        if os.path.exists(path):
            os.unlink(path)
        self.listener = socket.socket(socket.AF_UNIX)
        self.listener.bind(path)
        self.listener.listen()
        GLib.io_add_watch(self.listener.fileno(), GLib.IO_IN, self.hand_out)

    def call(self, name, path, interface, method, args=None):
        return self.bus.call_sync(name, path, interface, method, args, None, 0, 10000, None).unpack()

    def hand_out(self, *_):
        peer, _ = self.listener.accept()
        answer, fds = self.bus.call_with_unix_fd_list_sync(
            RD, self.rd, RD + '.Session', 'ConnectToEIS', GLib.Variant('(a{sv})', ({},)), None, 0, 10000, None, None)
        fds = fds.steal_fds()
        socket.send_fds(peer, [b'e'], [fds[answer.unpack()[0]]])
        for fd in fds:
            os.close(fd)
        peer.close()
        return True

    def state(self):
        return self.call(DC, '/org/gnome/Mutter/DisplayConfig', DC, 'GetCurrentState')

    def connectors(self):
        return [monitor[0][0] for monitor in self.state()[1]]

    def show(self, monitor, width, height):
        """Consumes the stream: the negotiated size makes the monitor exist, and without consumer it is not painted."""
        self.hide(monitor)
        monitor['pipeline'] = pipeline = Gst.parse_launch(
            'pipewiresrc path=%d ! video/x-raw,width=%d,height=%d,max-framerate=60/1 ! appsink name=s sync=false '
            'drop=true max-buffers=1' % (monitor['node'], width, height))
        pipeline.set_state(Gst.State.PLAYING)
        if pipeline.get_by_name('s').emit('try-pull-sample', 5 * Gst.SECOND) is None:
            raise RuntimeError('no frame')

    def hide(self, monitor):
        if 'pipeline' in monitor:
            monitor['pipeline'].set_state(Gst.State.NULL)

    def add(self, id, width, height):
        stream, = self.call(SC, self.sc, SC + '.Session', 'RecordVirtual', GLib.Variant(
            '(a{sv})', ({'cursor-mode': GLib.Variant('u', 1), 'is-platform': GLib.Variant('b', True)},)))
        if self.started:
            self.call(SC, stream, SC + '.Stream', 'Start')
        else:
            self.call(RD, self.rd, RD + '.Session', 'Start')
            self.started = True
        wait(lambda: stream in self.nodes)
        mapping = self.call(SC, stream, 'org.freedesktop.DBus.Properties', 'Get',
                            GLib.Variant('(ss)', (SC + '.Stream', 'Parameters')))[0]['mapping-id']
        monitor = {'stream': stream, 'node': self.nodes[stream], 'mapping': mapping}
        before = self.connectors()
        self.show(monitor, width, height)
        monitor['connector'], = set(self.connectors()) - set(before)
        self.monitors[id] = monitor

    def resize(self, id, width, height):
        self.show(self.monitors[id], width, height)

    def remove(self, id):
        monitor = self.monitors.pop(id)
        self.hide(monitor)
        self.call(SC, monitor['stream'], SC + '.Stream', 'Stop')

    def place(self, positions):
        """positions: [id, x, y, scale], the first is the primary monitor."""
        serial, monitors, _, _ = self.state()
        modes = {m[0][0]: next(mode[0] for mode in m[1] if mode[6].get('is-current')) for m in monitors}
        wanted = []
        for id, x, y, scale in positions:
            connector = self.monitors[id]['connector']
            wanted.append((x, y, scale, 0, not wanted, [(connector, modes[connector], {})]))
        self.call(DC, '/org/gnome/Mutter/DisplayConfig', DC, 'ApplyMonitorsConfig',
                  GLib.Variant('(uua(iiduba(ssa{sv}))a{sv})', (serial, LOGICAL, wanted, {})))

    def layout(self):
        _, monitors, logical, _ = self.state()
        sizes = {m[0][0]: next(mode[1:3] for mode in m[1] if mode[6].get('is-current')) for m in monitors}
        places = {names[0][0]: (x, y, scale) for x, y, scale, _, _, names, _ in logical}
        return [dict(mappingId=id, compositorMappingId=m['mapping'], connector=m['connector'], x=x, y=y, scale=scale,
                     width=round(sizes[m['connector']][0] / scale), height=round(sizes[m['connector']][1] / scale))
                for id, m in self.monitors.items() for x, y, scale in [places[m['connector']]]]

    def window(self, connector, width, height):
        """Shows the window that tells of input on that monitor, instead of the one before."""
        if self.client:
            self.client.kill()
            self.client.wait()
        env = dict(os.environ, GDK_BACKEND='wayland', GSK_RENDERER='cairo', WAYLAND_DISPLAY=DISPLAY)
        here = os.path.dirname(os.path.abspath(__file__))
        self.client = subprocess.Popen(
            ['python3', os.path.join(here, 'input-window.py'), connector, str(width), str(height)], env=env,
            preexec_fn=die_with_parent)

    def command(self, *_):
        line = sys.stdin.readline()
        if not line:
            os._exit(0)
        order = json.loads(line)
        try:
            getattr(self, order.pop('do'))(**order)
            say(layout=self.layout())
        except Exception as error:
            say(error=str(error))
        return True


os.environ['XDG_CURRENT_DESKTOP'] = 'GNOME'
desktop = Desktop(sys.argv[1])
GLib.io_add_watch(sys.stdin.fileno(), GLib.IO_IN | GLib.IO_HUP, desktop.command)
say(layout=[])
GLib.MainLoop().run()
