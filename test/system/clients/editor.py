"""A text editor in full screen. Prints {"event": "active"} when it has the keyboard, and its text whenever that changes:
{"event": "text", "text": ...}. Each line on stdin empties it, which is answered by {"event": "empty"}."""
import json
import sys

import gi
gi.require_version('Gtk', '4.0')
from gi.repository import GLib, Gtk  # noqa: E402


def say(**what):
    print(json.dumps(what), flush=True)


def text_of(buffer):
    return buffer.get_text(buffer.get_start_iter(), buffer.get_end_iter(), True)


def activate(application):
    window = Gtk.ApplicationWindow(application=application, title='editor')
    view = Gtk.TextView()
    window.set_child(view)
    buffer = view.get_buffer()
    buffer.connect('changed', lambda buffer: say(event='text', text=text_of(buffer)))
    window.connect('notify::is-active', lambda *_: window.is_active() and say(event='active'))
    window.fullscreen()
    window.present()

    def asked(channel, _condition):
        if not channel.readline():
            application.quit()
            return False
        buffer.set_text('')
        say(event='empty')
        return True

    GLib.io_add_watch(GLib.IOChannel.unix_new(0), GLib.PRIORITY_DEFAULT, GLib.IOCondition.IN | GLib.IOCondition.HUP, asked)


app = Gtk.Application(application_id='org.example.editor')
app.connect('activate', activate)
sys.exit(app.run([]))
