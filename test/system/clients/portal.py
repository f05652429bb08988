"""Starts a RemoteDesktop session of the portal with a restore token, as a program of the session would.

Prints one JSON object: {"response": code, "devices": mask, "streams": n, "token": ...}.
"""
import json
import sys

from gi.repository import Gio, GLib

DESKTOP = 'org.freedesktop.portal.Desktop'
PATH = '/org/freedesktop/portal/desktop'
REMOTE_DESKTOP = 'org.freedesktop.portal.RemoteDesktop'
bus = Gio.bus_get_sync(Gio.BusType.SESSION)
count = 0


def request(interface, method, signature, arguments, options):
    """Calls a method that answers with the Response of a request object; its code and results."""
    global count
    count += 1
    handle = f'test{count}'
    name = bus.get_unique_name()[1:].replace('.', '_')
    loop = GLib.MainLoop()
    answers = []

    def responded(_bus, _sender, _path, _interface, _signal, parameters):
        answers.append(parameters.unpack())
        loop.quit()

    bus.signal_subscribe(DESKTOP, 'org.freedesktop.portal.Request', 'Response', f'{PATH}/request/{name}/{handle}', None, 0,
                         responded)
    options = dict(options, handle_token=GLib.Variant('s', handle))
    bus.call_sync(DESKTOP, PATH, interface, method, GLib.Variant(signature, (*arguments, options)), None, 0, 20000, None)
    # A dialog that nobody answers takes for ever.
    GLib.timeout_add_seconds(15, loop.quit)
    loop.run()
    return answers[0] if answers else (-1, {})


_, created = request(REMOTE_DESKTOP, 'CreateSession', '(a{sv})', (), {'session_handle_token': GLib.Variant('s', 'session')})
session = created['session_handle']
request(REMOTE_DESKTOP, 'SelectDevices', '(oa{sv})', (session,), {
    'types': GLib.Variant('u', 7), 'persist_mode': GLib.Variant('u', 2), 'restore_token': GLib.Variant('s', sys.argv[1])})
request('org.freedesktop.portal.ScreenCast', 'SelectSources', '(oa{sv})', (session,),
        {'types': GLib.Variant('u', 5), 'multiple': GLib.Variant('b', True)})
code, results = request(REMOTE_DESKTOP, 'Start', '(osa{sv})', (session, ''), {})
print(json.dumps({'response': code, 'devices': results.get('devices'), 'streams': len(results.get('streams', [])),
                  'token': results.get('restore_token')}))
