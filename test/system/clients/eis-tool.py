"""A remote desktop tool on libei: takes one EIS descriptor over the Unix socket it listens on (its argument), then
does what JSON lines on stdin say and tells what happens in JSON lines on stdout."""
import ctypes as c
import json
import os
import select
import socket
import sys
import time

lib = c.CDLL('libei.so.1')
P, I, U, D, B, S = c.c_void_p, c.c_int, c.c_uint32, c.c_double, c.c_bool, c.c_char_p
SIGNATURES = {
    'new_sender': (P, P), 'new_receiver': (P, P), 'configure_name': (None, P, S), 'setup_backend_fd': (I, P, I),
    'get_fd': (I, P), 'dispatch': (None, P), 'get_event': (P, P), 'event_get_type': (I, P), 'event_unref': (P, P),
    'event_get_seat': (P, P), 'event_get_device': (P, P), 'now': (c.c_uint64, P), 'device_ref': (P, P),
    'device_get_name': (S, P), 'device_has_capability': (B, P, I), 'seat_has_capability': (B, P, I),
    'device_get_region': (P, P, c.c_size_t), 'region_get_x': (U, P), 'region_get_y': (U, P),
    'region_get_width': (U, P), 'region_get_height': (U, P), 'region_get_mapping_id': (S, P),
    'region_get_physical_scale': (D, P), 'device_keyboard_get_keymap': (P, P), 'keymap_get_size': (c.c_size_t, P),
    'keymap_get_fd': (I, P), 'event_keyboard_get_xkb_mods_depressed': (U, P),
    'event_keyboard_get_xkb_mods_locked': (U, P), 'event_keyboard_get_xkb_group': (U, P),
    'device_start_emulating': (None, P, U), 'device_stop_emulating': (None, P), 'device_frame': (None, P, c.c_uint64),
    'device_keyboard_key': (None, P, U, B), 'device_pointer_motion': (None, P, D, D),
    'device_pointer_motion_absolute': (None, P, D, D), 'device_button_button': (None, P, U, B),
    'device_scroll_delta': (None, P, D, D), 'device_scroll_discrete': (None, P, c.c_int32, c.c_int32),
    'device_scroll_stop': (None, P, B, B), 'device_touch_new': (P, P), 'touch_down': (None, P, D, D),
    'touch_motion': (None, P, D, D), 'touch_up': (None, P), 'touch_unref': (P, P), 'unref': (P, P),
}
for name, (result, *arguments) in SIGNATURES.items():
    function = getattr(lib, 'ei_' + name)
    function.restype, function.argtypes = result, arguments
lib.ei_seat_bind_capabilities.restype = None
CAPABILITIES = {'pointer': 1, 'absolute': 2, 'keyboard': 4, 'touch': 8, 'scroll': 16, 'button': 32}
CONNECT, DISCONNECT, SEAT_ADDED, DEVICE_ADDED, DEVICE_REMOVED, DEVICE_RESUMED, MODIFIERS = 1, 2, 3, 5, 6, 8, 9


def say(**what):
    sys.stdout.write(json.dumps(what) + '\n')
    sys.stdout.flush()


class Tool:
    def __init__(self, fd, kind='sender'):
        self.ei = getattr(lib, 'ei_new_' + kind)(None)
        lib.ei_configure_name(self.ei, b'tool')
        if lib.ei_setup_backend_fd(self.ei, fd) != 0:
            raise RuntimeError('ei_setup_backend_fd')
        self.devices, self.touches, self.sequence = {}, {}, 0

    def describe(self, device):
        regions, index = [], 0
        while region := lib.ei_device_get_region(device, index):
            index += 1
            regions.append(dict(mappingId=(lib.ei_region_get_mapping_id(region) or b'').decode(),
                                x=lib.ei_region_get_x(region), y=lib.ei_region_get_y(region),
                                width=lib.ei_region_get_width(region), height=lib.ei_region_get_height(region),
                                scale=lib.ei_region_get_physical_scale(region)))
        capabilities = [n for n, bit in CAPABILITIES.items() if lib.ei_device_has_capability(device, bit)]
        keymap = lib.ei_device_keyboard_get_keymap(device) if 'keyboard' in capabilities else None
        text = os.pread(lib.ei_keymap_get_fd(keymap), lib.ei_keymap_get_size(keymap), 0) if keymap else b''
        return dict(name=lib.ei_device_get_name(device).decode(), capabilities=capabilities, regions=regions,
                    keymap=text[:10].decode())

    def events(self):
        lib.ei_dispatch(self.ei)
        while event := lib.ei_get_event(self.ei):
            kind, device = lib.ei_event_get_type(event), lib.ei_event_get_device(event)
            if kind == CONNECT:
                say(event='connect')
            elif kind == DISCONNECT:
                say(event='disconnect')
            elif kind == SEAT_ADDED:
                seat = lib.ei_event_get_seat(event)
                offered = [n for n, bit in CAPABILITIES.items() if lib.ei_seat_has_capability(seat, bit)]
                say(event='seat', capabilities=offered)
                lib.ei_seat_bind_capabilities(P(seat), *[I(CAPABILITIES[n]) for n in offered], P(None))
            elif kind == DEVICE_RESUMED:
                self.devices[lib.ei_device_ref(device)] = about = self.describe(device)
                self.sequence += 1
                lib.ei_device_start_emulating(device, self.sequence)
                say(event='added', **about)
            elif kind == DEVICE_REMOVED:
                about = self.devices.pop(device, None)
                say(event='removed', name=about and about['name'])
            elif kind == MODIFIERS:
                say(event='modifiers', depressed=lib.ei_event_keyboard_get_xkb_mods_depressed(event),
                    locked=lib.ei_event_keyboard_get_xkb_mods_locked(event),
                    group=lib.ei_event_keyboard_get_xkb_group(event))
            lib.ei_event_unref(event)

    def find(self, capability, kind=''):
        return next(d for d, about in self.devices.items()
                    if capability in about['capabilities'] and about['name'].endswith(kind))

    def place(self, device, region, x, y):
        found = next(r for r in self.devices[device]['regions'] if r['mappingId'] == region)
        return found['x'] + x, found['y'] + y

    def frame(self, device):
        lib.ei_device_frame(device, lib.ei_now(self.ei))

    def key(self, code, pressed):
        device = self.find('keyboard')
        lib.ei_device_keyboard_key(device, code, pressed)
        self.frame(device)

    def tap(self, code):
        self.key(code, True)
        self.key(code, False)

    def motion(self, dx, dy):
        device = self.find('pointer')
        lib.ei_device_pointer_motion(device, dx, dy)
        self.frame(device)

    def position(self, region, x, y):
        device = self.find('absolute')
        lib.ei_device_pointer_motion_absolute(device, *self.place(device, region, x, y))
        self.frame(device)

    def button(self, code, pressed, kind='pointer'):
        device = self.find('button', kind)
        lib.ei_device_button_button(device, code, pressed)
        self.frame(device)

    def scroll(self, dx, dy):
        device = self.find('scroll')
        lib.ei_device_scroll_delta(device, dx, dy)
        self.frame(device)

    def clicks(self, dx, dy):
        device = self.find('scroll')
        lib.ei_device_scroll_discrete(device, dx, dy)
        self.frame(device)

    def stop(self, x, y):
        device = self.find('scroll')
        lib.ei_device_scroll_stop(device, x, y)
        self.frame(device)

    def down(self, finger, region, x, y):
        device = self.find('touch')
        touch = lib.ei_device_touch_new(device)
        self.touches[finger] = touch, device
        lib.ei_touch_down(touch, *self.place(device, region, x, y))
        self.frame(device)

    def move(self, finger, region, x, y):
        touch, device = self.touches[finger]
        lib.ei_touch_motion(touch, *self.place(device, region, x, y))
        self.frame(device)

    def up(self, finger):
        touch, device = self.touches.pop(finger)
        lib.ei_touch_up(touch)
        self.frame(device)
        lib.ei_touch_unref(touch)

    def stop_emulating(self, capability):
        lib.ei_device_stop_emulating(self.find(capability))


def take(path):
    listener = socket.socket(socket.AF_UNIX)
    listener.bind(path)
    os.chmod(path, 0o666)
    listener.listen()
    say(event='listening')
    peer, _ = listener.accept()
    _, (fd,), _, _ = socket.recv_fds(peer, 1, 1)
    return fd


if __name__ == '__main__':
    tool = Tool(take(sys.argv[1]), *sys.argv[2:])
    while True:
        ready, _, _ = select.select([sys.stdin, lib.ei_get_fd(tool.ei)], [], [])
        if sys.stdin in ready:
            line = sys.stdin.readline()
            if not line:
                break
            order = json.loads(line)
            try:
                getattr(tool, order.pop('do'))(**order)
                say(event='done', at=time.monotonic())
            except Exception as error:
                say(event='error', message=repr(error))
        tool.events()
