"""A fullscreen window on every monitor; writes what input arrives in them to stdout, one JSON object a line."""
import json
import sys
import time

import gi
gi.require_version('Gtk', '4.0')
gi.require_version('Gdk', '4.0')
from gi.repository import Gdk, Gio, Gtk

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
    connector = event.get_display().get_monitor_at_surface(event.get_surface()).get_connector()
    at, kind = time.monotonic(), event.get_event_type()
    if kind in (Gdk.EventType.KEY_PRESS, Gdk.EventType.KEY_RELEASE):
        say(input='key', pressed=kind == Gdk.EventType.KEY_PRESS, code=event.get_keycode() - 8,
            name=Gdk.keyval_name(event.get_keyval()), at=at)
    elif kind in (Gdk.EventType.BUTTON_PRESS, Gdk.EventType.BUTTON_RELEASE):
        say(input='button', pressed=kind == Gdk.EventType.BUTTON_PRESS, button=event.get_button(), monitor=connector,
            position=where(event))
    elif kind == Gdk.EventType.MOTION_NOTIFY:
        say(input='motion', monitor=connector, position=where(event))
    elif kind == Gdk.EventType.SCROLL:
        say(input='scroll', monitor=connector, direction=event.get_direction().value_nick, deltas=event.get_deltas(),
            stop=event.is_stop(), at=at)
    elif kind in TOUCHES:
        say(input='touch', phase=TOUCHES[kind], monitor=connector, position=where(event))
    return False


class Windows(Gtk.Application):
    def __init__(self):
        super().__init__(flags=Gio.ApplicationFlags.NON_UNIQUE)
        self.shown = {}

    def do_activate(self):
        self.hold()
        monitors = Gdk.Display.get_default().get_monitors()
        for index in range(monitors.get_n_items()):
            self.open(monitors.get_item(index))

    def open(self, monitor):
        window = Gtk.ApplicationWindow(application=self)
        controller = Gtk.EventControllerLegacy()
        controller.set_propagation_phase(Gtk.PropagationPhase.CAPTURE)
        controller.connect('event', handle)
        window.add_controller(controller)
        window.connect('notify::is-active', lambda w, _: say(active=w.is_active()))
        window.fullscreen_on_monitor(monitor)
        window.present()
        surface = window.get_surface()
        surface.get_frame_clock().connect('after-paint', lambda _: self.tell(surface))

    def tell(self, surface):
        """The windows as they are on the screen, whenever that changes."""
        now = surface.get_display().get_monitor_at_surface(surface)
        shown = [now and now.get_connector(), surface.get_width(), surface.get_height()]
        if self.shown.get(surface) != shown:
            self.shown[surface] = shown
            say(windows=sorted(window for window in self.shown.values() if window[0]))


Windows().run([])
