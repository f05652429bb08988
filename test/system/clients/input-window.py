"""A fullscreen window on one monitor (connector, width, height); writes what input arrives in it to stdout as JSON
lines. mutter without a shell does not always put it there at once: it asks again until it is."""
import json
import sys
import time

import gi
gi.require_version('Gtk', '4.0')
gi.require_version('Gdk', '4.0')
from gi.repository import Gdk, Gio, GLib, Gtk

TOUCHES = {Gdk.EventType.TOUCH_BEGIN: 'begin', Gdk.EventType.TOUCH_UPDATE: 'update', Gdk.EventType.TOUCH_END: 'end',
           Gdk.EventType.TOUCH_CANCEL: 'cancel'}


def say(**what):
    sys.stdout.write(json.dumps(what) + '\n')
    sys.stdout.flush()


def where(event):
    _, x, y = event.get_position()
    return round(x, 2), round(y, 2)


def handle(controller, _):
    event = controller.get_current_event()
    at, kind = time.monotonic(), event.get_event_type()
    if kind in (Gdk.EventType.KEY_PRESS, Gdk.EventType.KEY_RELEASE):
        say(input='key', pressed=kind == Gdk.EventType.KEY_PRESS, code=event.get_keycode() - 8,
            name=Gdk.keyval_name(event.get_keyval()), at=at)
    elif kind in (Gdk.EventType.BUTTON_PRESS, Gdk.EventType.BUTTON_RELEASE):
        say(input='button', pressed=kind == Gdk.EventType.BUTTON_PRESS, button=event.get_button(),
            position=where(event))
    elif kind == Gdk.EventType.MOTION_NOTIFY:
        say(input='motion', position=where(event))
    elif kind == Gdk.EventType.SCROLL:
        say(input='scroll', direction=event.get_direction().value_nick, deltas=event.get_deltas(),
            stop=event.is_stop(), at=at)
    elif kind in TOUCHES:
        say(input='touch', phase=TOUCHES[kind], position=where(event))
    return False


class Window(Gtk.Application):
    def __init__(self, connector, width, height):
        super().__init__(flags=Gio.ApplicationFlags.NON_UNIQUE)
        self.wanted = [connector, int(width), int(height)]
        self.window, self.shown = None, None

    def do_activate(self):
        self.hold()
        self.place()
        GLib.timeout_add(200, self.place)

    def place(self):
        monitors = Gdk.Display.get_default().get_monitors()
        for monitor in (monitors.get_item(index) for index in range(monitors.get_n_items())):
            size = monitor.get_geometry()
            if [monitor.get_connector(), size.width, size.height] != self.wanted:
                continue
            if not self.window:
                self.open(monitor)
            elif self.shown != self.wanted:
                self.window.unfullscreen()
                self.window.fullscreen_on_monitor(monitor)
        return True

    def open(self, monitor):
        self.window = window = Gtk.ApplicationWindow(application=self)
        controller = Gtk.EventControllerLegacy()
        controller.set_propagation_phase(Gtk.PropagationPhase.CAPTURE)
        controller.connect('event', handle)
        window.add_controller(controller)
        window.fullscreen_on_monitor(monitor)
        window.connect('notify::is-active', lambda *_: self.tell())
        window.present()
        window.get_surface().get_frame_clock().connect('after-paint', lambda _: self.tell())

    def tell(self):
        surface = self.window.get_surface()
        monitor = surface.get_display().get_monitor_at_surface(surface)
        self.shown = [monitor and monitor.get_connector(), surface.get_width(), surface.get_height()]
        if self.shown == self.wanted and self.window.is_active():
            say(shown=self.shown)


Window(*sys.argv[1:]).run([])
