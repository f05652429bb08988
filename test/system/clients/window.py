"""A window in full screen, on the monitor with the pointer. Prints what happens to it, one JSON object a line.

Events: {"event": "active"}, "key" (code, down), "motion" (x, y), "button" (button, down, x, y), "scroll" (dx, dy),
"touch" (phase, x, y), "monitor" (connector), "clipboard" (types). Commands on stdin are answered with {"answer": ...}:
{"do": "monitor"}, {"do": "copy", "type": ..., "path": file},
{"do": "paste", "type": ..., "path": file}.
"""
import json
import sys

import gi
gi.require_version('Gtk', '4.0')
gi.require_version('Gdk', '4.0')
from gi.repository import Gdk, Gio, GLib, Gtk  # noqa: E402


def say(**what):
    print(json.dumps(what), flush=True)


class Window(Gtk.ApplicationWindow):
    def __init__(self, application):
        super().__init__(application=application, title='window')
        css = Gtk.CssProvider()
        css.load_from_data(b'window { background: #c03020; }', -1)
        Gtk.StyleContext.add_provider_for_display(self.get_display(), css, 800)
        self.listen(Gtk.EventControllerKey(), {
            'key-pressed': lambda _c, value, code, _s: self.key(value, code, True),
            'key-released': lambda _c, value, code, _s: self.key(value, code, False)})
        self.listen(Gtk.EventControllerMotion(), {'enter': self.motion, 'motion': self.motion})
        self.listen(Gtk.EventControllerScroll(flags=Gtk.EventControllerScrollFlags.BOTH_AXES), {
            'scroll': lambda _c, dx, dy: say(event='scroll', dx=dx, dy=dy)})
        self.listen(Gtk.GestureClick(button=0), {
            'pressed': lambda click, _n, x, y: self.button(click, True, x, y),
            'released': lambda click, _n, x, y: self.button(click, False, x, y)})
        self.listen(Gtk.GestureDrag(touch_only=True), {
            'drag-begin': lambda _d, x, y: say(event='touch', phase='begin', x=x, y=y),
            'drag-update': lambda drag, dx, dy: self.drag(drag, 'update', dx, dy),
            'drag-end': lambda drag, dx, dy: self.drag(drag, 'end', dx, dy)})
        self.connect('notify::is-active', lambda *_: self.is_active() and self.activated())
        self.connect('notify::fullscreened', lambda *_: say(event='active'))
        self.connect('realize', self.realized)
        self.clipboard = self.get_display().get_clipboard()
        self.clipboard.connect('changed', self.clipboard_changed)
        self.present()

    def activated(self):
        if self.is_fullscreen():
            say(event='active')
        self.fullscreen()

    def realized(self, _window):
        surface = self.get_surface()
        # While monitors come and go there may be no telling which one it was.
        surface.connect('enter-monitor', lambda _surface, monitor: say(event='monitor', connector=monitor and monitor.get_connector()))

    def listen(self, controller, handlers):
        for signal, handler in handlers.items():
            controller.connect(signal, handler)
        self.add_controller(controller)

    def key(self, value, code, down):
        say(event='key', code=code - 8, name=Gdk.keyval_name(value), down=down)

    def motion(self, _controller, x, y):
        say(event='motion', x=x, y=y)

    def button(self, click, down, x, y):
        if click.get_device().get_source() != Gdk.InputSource.TOUCHSCREEN:
            say(event='button', button=click.get_current_button(), down=down, x=x, y=y)

    def drag(self, drag, phase, dx, dy):
        _, x, y = drag.get_start_point()
        say(event='touch', phase=phase, x=x + dx, y=y + dy)

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
    window = Window(application)

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
