"""A window that has the keyboard; writes {"active": true}, and each key with the time (seconds of CLOCK_MONOTONIC)."""
import json
import sys
import time

import gi
gi.require_version('Gtk', '4.0')
gi.require_version('Gdk', '4.0')
from gi.repository import Gdk, Gio, Gtk  # noqa: E402


def say(**what):
    sys.stdout.write(json.dumps(what) + '\n')
    sys.stdout.flush()


def handle(controller, _):
    at, event = time.monotonic(), controller.get_current_event()
    kind = event.get_event_type()
    if kind in (Gdk.EventType.KEY_PRESS, Gdk.EventType.KEY_RELEASE):
        say(pressed=kind == Gdk.EventType.KEY_PRESS, code=event.get_keycode() - 8, at=at)
    return False


def activate(application):
    window = Gtk.ApplicationWindow(application=application)
    controller = Gtk.EventControllerLegacy()
    controller.set_propagation_phase(Gtk.PropagationPhase.CAPTURE)
    controller.connect('event', handle)
    window.add_controller(controller)
    window.connect('notify::is-active', lambda *_: say(active=window.is_active()))
    window.present()


window = Gtk.Application(flags=Gio.ApplicationFlags.NON_UNIQUE)
window.connect('activate', activate)
window.run([])
