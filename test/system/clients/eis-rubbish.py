"""Takes an EIS descriptor over the Unix socket it listens on, writes rubbish into it and waits for the end."""
import json
import os
import socket
import sys

listener = socket.socket(socket.AF_UNIX)
listener.bind(sys.argv[1])
os.chmod(sys.argv[1], 0o666)
listener.listen()
print(json.dumps({'event': 'listening'}), flush=True)
peer, _ = listener.accept()
_, (fd,), _, _ = socket.recv_fds(peer, 1, 1)
eis = socket.socket(fileno=fd)
eis.setblocking(True)
try:
    eis.send(sys.argv[2].encode().decode('unicode_escape').encode('latin1'))
    while eis.recv(4096):
        pass
except ConnectionError:
    pass
print(json.dumps({'event': 'disconnect'}), flush=True)
