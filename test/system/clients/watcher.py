"""Watches streams for as long as it is told to, as a remote desktop tool does. Each command on stdin is a line of JSON,
[node, ...], after one PipeWire descriptor for each node over the socket on descriptor 3: from then on those are watched
and no others. Prints {"node": node, "size": [width, height]} for the first frame of each.
"""
import json
import os
import socket
import sys

import gi

gi.require_version('Gst', '1.0')
from gi.repository import GLib, Gst  # noqa: E402

Gst.init(None)
loop = GLib.MainLoop()
descriptors = socket.socket(fileno=3)
watching = []
seen = set()


def frame(sink, _buffer, _pad, node):
    if node in seen:
        return
    seen.add(node)
    caps = sink.get_static_pad('sink').get_current_caps().get_structure(0)
    line = json.dumps({'node': node, 'size': [caps.get_value('width'), caps.get_value('height')]})
    # Each stream has a thread.
    os.write(1, f'{line}\n'.encode())


def stop():
    for pipeline, fd in watching:
        pipeline.set_state(Gst.State.NULL)
        os.close(fd)
    watching.clear()
    seen.clear()


def watch(nodes):
    stop()
    for node in nodes:
        _, (fd,), _, _ = socket.recv_fds(descriptors, 1, 1)
        pipeline = Gst.parse_launch(f'pipewiresrc fd={fd} path={node} ! video/x-raw ! fakesink name=sink sync=false signal-handoffs=true')
        pipeline.get_by_name('sink').connect('handoff', frame, node)
        pipeline.set_state(Gst.State.PLAYING)
        watching.append((pipeline, fd))


def asked(channel, _condition):
    line = channel.readline()
    if line:
        watch(json.loads(line))
    else:
        loop.quit()
    return bool(line)


standard_input = GLib.IOChannel.unix_new(0)
GLib.io_add_watch(standard_input, GLib.PRIORITY_DEFAULT, GLib.IOCondition.IN | GLib.IOCondition.HUP, asked)
loop.run()
stop()
