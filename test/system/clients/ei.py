"""A libei sender on descriptor 3. Prints {"event": "devices", ...} whenever devices came, resumed or went, and
{"event": "gone"} at the end; answers each command on stdin with {"answer": true} once it was sent.

Commands: {"do": "key", "code", "down"}, {"do": "move", "dx", "dy"}, {"do": "move-to", "x", "y"},
{"do": "button", "code", "down"}, {"do": "scroll", "dx", "dy"}, {"do": "touch", "points": [[x, y], ...]}.
"""
import ctypes
import json
import os
import select
import sys

P = ctypes.c_void_p
lib = ctypes.CDLL('libei.so.1')
CAPABILITIES = {'pointer': 1, 'absolute': 2, 'keyboard': 4, 'touch': 8, 'scroll': 16, 'button': 32}
CONNECT, DISCONNECT, SEAT_ADDED, DEVICE_ADDED, DEVICE_REMOVED, PAUSED, RESUMED = 1, 2, 3, 5, 6, 7, 8


def function(name, result, *arguments):
    found = getattr(lib, 'ei_' + name)
    found.restype, found.argtypes = result, arguments
    return found


new_sender = function('new_sender', P, P)
setup = function('setup_backend_fd', ctypes.c_int, P, ctypes.c_int)
get_fd = function('get_fd', ctypes.c_int, P)
dispatch = function('dispatch', None, P)
get_event = function('get_event', P, P)
event_type = function('event_get_type', ctypes.c_int, P)
event_seat = function('event_get_seat', P, P)
event_device = function('event_get_device', P, P)
event_unref = function('event_unref', P, P)
seat_has = function('seat_has_capability', ctypes.c_bool, P, ctypes.c_int)
device_has = function('device_has_capability', ctypes.c_bool, P, ctypes.c_int)
device_ref = function('device_ref', P, P)
get_region = function('device_get_region', P, P, ctypes.c_size_t)
region_mapping = function('region_get_mapping_id', ctypes.c_char_p, P)
region_part = {part: function('region_get_' + part, ctypes.c_uint32, P) for part in ('x', 'y', 'width', 'height')}
start = function('device_start_emulating', None, P, ctypes.c_uint32)
frame = function('device_frame', None, P, ctypes.c_uint64)
now = function('now', ctypes.c_uint64, P)
key = function('device_keyboard_key', None, P, ctypes.c_uint32, ctypes.c_bool)
motion = function('device_pointer_motion', None, P, ctypes.c_double, ctypes.c_double)
motion_absolute = function('device_pointer_motion_absolute', None, P, ctypes.c_double, ctypes.c_double)
button = function('device_button_button', None, P, ctypes.c_uint32, ctypes.c_bool)
scroll = function('device_scroll_delta', None, P, ctypes.c_double, ctypes.c_double)
touch_new = function('device_touch_new', P, P)
touch_down = function('touch_down', None, P, ctypes.c_double, ctypes.c_double)
touch_motion = function('touch_motion', None, P, ctypes.c_double, ctypes.c_double)
touch_up = function('touch_up', None, P)

ei = new_sender(None)
if setup(ei, 3) != 0:
    sys.exit('the descriptor is of no use')
devices = {}
resumed = set()


def say(**what):
    print(json.dumps(what), flush=True)


def regions(device):
    found = []
    while region := get_region(device, len(found)):
        found.append({'id': (region_mapping(region) or b'').decode(), **{part: get(region) for part, get in region_part.items()}})
    return found


def tell():
    ready = [devices[device] for device in devices if device in resumed]
    say(event='devices', capabilities=sorted({name for device in ready for name in device['capabilities']}),
        regions=next((device['regions'] for device in ready if 'absolute' in device['capabilities']), []),
        touch=next((device['regions'] for device in ready if 'touch' in device['capabilities']), []))


def handle(event):
    kind = event_type(event)
    if kind == SEAT_ADDED:
        seat = event_seat(event)
        wanted = [ctypes.c_int(value) for value in CAPABILITIES.values() if seat_has(seat, value)]
        lib.ei_seat_bind_capabilities.restype = None
        lib.ei_seat_bind_capabilities(P(seat), *wanted, P(None))
    elif kind == DISCONNECT:
        say(event='gone')
        sys.exit(0)
    elif kind in (DEVICE_ADDED, DEVICE_REMOVED, PAUSED, RESUMED):
        device = event_device(event)
        if kind == DEVICE_ADDED:
            device_ref(device)
            devices[device] = {'capabilities': [name for name, value in CAPABILITIES.items() if device_has(device, value)],
                               'regions': regions(device)}
        elif kind == RESUMED:
            resumed.add(device)
            start(device, 1)
        else:
            resumed.discard(device)
            if kind == DEVICE_REMOVED:
                devices.pop(device, None)
        if kind != DEVICE_ADDED:
            tell()


def find(capability):
    return next(device for device in devices if device in resumed and capability in devices[device]['capabilities'])


def obey(command):
    what = command['do']
    if what == 'key':
        device = find('keyboard')
        key(device, command['code'], command['down'])
    elif what == 'move':
        device = find('pointer')
        motion(device, command['dx'], command['dy'])
    elif what == 'move-to':
        device = find('absolute')
        motion_absolute(device, command['x'], command['y'])
    elif what == 'button':
        device = find('button')
        button(device, command['code'], command['down'])
    elif what == 'scroll':
        device = find('scroll')
        scroll(device, command['dx'], command['dy'])
    elif what == 'touch':
        device = find('touch')
        touch = touch_new(device)
        for index, (x, y) in enumerate(command['points']):
            (touch_motion if index else touch_down)(touch, x, y)
            frame(device, now(ei))
        touch_up(touch)
    frame(device, now(ei))
    dispatch(ei)
    say(answer=True)


commands = b''
while True:
    ready, _, _ = select.select([get_fd(ei), 0], [], [])
    if get_fd(ei) in ready:
        dispatch(ei)
        while event := get_event(ei):
            handle(event)
            event_unref(event)
    if 0 in ready:
        read = os.read(0, 65536)
        if not read:
            sys.exit(0)
        *lines, commands = (commands + read).split(b'\n')
        for line in lines:
            obey(json.loads(line))
