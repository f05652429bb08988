"""A window in full screen on the monitor whose number is given. Prints what happens to it, one JSON object a line.

Events: {"event": "active"}, "key" (code, down), "motion" (x, y), "button" (button, down, x, y), "scroll" (dx, dy),
"touch" (phase, x, y), "monitor" (connector), "clipboard" (types). Commands on stdin are answered with {"answer": ...}:
{"do": "monitor"}, {"do": "full-screen", "monitor": n}, {"do": "copy", "type": ..., "path": file},
{"do": "paste", "type": ..., "path": file}.
"""
import json
import sys

import gi
gi.require_version('Gtk', '4.0')
from gi.repository import Gdk, Gio, GLib, Gtk  # noqa: E402


def say(**what):
    print(json.dumps(what), flush=True)


class Window(Gtk.ApplicationWindow):
    def __init__(self, application, monitor):
        super().__init__(application=application, title='window')
        css = Gtk.CssProvider()
        css.load_from_data(b'window { background: #c03020; }', -1)
        Gtk.StyleContext.add_provider_for_display(self.get_display(), css, 800)
        raw = Gtk.EventControllerLegacy()
        raw.connect('event', self.happened)
        self.add_controller(raw)
        self.connect('notify::is-active', lambda *_: self.is_active() and say(event='active'))
        self.connect('realize', self.realized)
        self.clipboard = self.get_display().get_clipboard()
        self.clipboard.connect('changed', self.clipboard_changed)
        self.fill(monitor)
        self.present()

    def fill(self, number):
        self.fullscreen_on_monitor(self.get_display().get_monitors().get_item(number))

    def realized(self, _window):
        surface = self.get_surface()
        surface.connect('enter-monitor', lambda _surface, monitor: say(event='monitor', connector=monitor.get_connector()))

    def happened(self, _controller, event):
        kind = event.get_event_type()
        if kind in (Gdk.EventType.KEY_PRESS, Gdk.EventType.KEY_RELEASE):
            say(event='key', code=event.get_keycode() - 8, name=Gdk.keyval_name(event.get_keyval()),
                down=kind == Gdk.EventType.KEY_PRESS)
        elif kind == Gdk.EventType.SCROLL:
            _, dx, dy = event.get_deltas()
            say(event='scroll', dx=dx, dy=dy)
        else:
            inside, x, y = event.get_position()
            if not inside:
                return False
            if kind == Gdk.EventType.MOTION_NOTIFY:
                say(event='motion', x=x, y=y)
            elif kind in (Gdk.EventType.BUTTON_PRESS, Gdk.EventType.BUTTON_RELEASE):
                say(event='button', button=event.get_button(), down=kind == Gdk.EventType.BUTTON_PRESS, x=x, y=y)
            elif kind in (Gdk.EventType.TOUCH_BEGIN, Gdk.EventType.TOUCH_UPDATE, Gdk.EventType.TOUCH_END,
                          Gdk.EventType.TOUCH_CANCEL):
                say(event='touch', phase=kind.value_nick, x=x, y=y)
        return False

    def clipboard_changed(self, clipboard):
        say(event='clipboard', own=clipboard.is_local(), types=clipboard.get_formats().get_mime_types() or [])

    def monitor(self):
        monitor = self.get_display().get_monitor_at_surface(self.get_surface())
        area = monitor.get_geometry()
        return {'connector': monitor.get_connector(), 'area': [area.x, area.y, area.width, area.height]}

    def obey(self, command):
        what = command['do']
        if what == 'monitor':
            say(answer=self.monitor())
        elif what == 'full-screen':
            self.fill(command['monitor'])
            say(answer=True)
        elif what == 'copy':
            with open(command['path'], 'rb') as file:
                data = GLib.Bytes.new(file.read())
            say(answer=self.clipboard.set_content(Gdk.ContentProvider.new_for_bytes(command['type'], data)))
        elif what == 'paste':
            self.clipboard.read_async([command['type']], 0, None, self.pasting, command['path'])

    def pasting(self, clipboard, result, path):
        try:
            stream, kind = clipboard.read_finish(result)
        except GLib.Error as error:
            say(answer=None, error=error.message)
            return
        target = Gio.MemoryOutputStream.new_resizable()
        target.splice_async(stream, Gio.OutputStreamSpliceFlags.CLOSE_TARGET, 0, None, self.pasted, (path, kind))

    def pasted(self, target, result, where):
        path, kind = where
        target.splice_finish(result)
        with open(path, 'wb') as file:
            file.write(target.steal_as_bytes().get_data())
        say(answer=kind)


def activate(application):
    window = Window(application, int(sys.argv[1]))

    def asked(channel, _condition):
        line = channel.readline()
        if not line:
            application.quit()
            return False
        window.obey(json.loads(line))
        return True

    GLib.io_add_watch(GLib.IOChannel.unix_new(0), GLib.PRIORITY_DEFAULT, GLib.IOCondition.IN | GLib.IOCondition.HUP, asked)


app = Gtk.Application(application_id='org.example.window', flags=Gio.ApplicationFlags.NON_UNIQUE)
app.connect('activate', activate)
app.run([])
