"""A small window that changes with every frame that the compositor paints, and says when it does so."""
import gi
gi.require_version('Gtk', '4.0')
from gi.repository import Gtk  # noqa: E402


def activate(application):
    window = Gtk.ApplicationWindow(application=application, default_width=64, default_height=64)
    label = Gtk.Label()
    count = [0]

    def tick(_widget, _clock):
        count[0] += 1
        label.set_text(str(count[0]))
        if count[0] == 10:
            print('running', flush=True)
        return True

    window.set_child(label)
    label.add_tick_callback(tick)
    window.present()


app = Gtk.Application(application_id='org.example.animation')
app.connect('activate', activate)
app.run([])
