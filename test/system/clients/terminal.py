#!/usr/bin/env python3
"""terminal.py STEPS COMMAND...: runs a command at a terminal of its own. STEPS is a JSON array: each waits until its
pattern `after` appears behind what the one before waited for, and then types `text`, or sends the `signal`. Prints in
JSON what the terminal showed, the exit status, and whether the terminal echoes in the end."""
import json
import os
import pty
import re
import select
import signal
import sys
import termios
import time

steps = json.loads(sys.argv[1])
command = sys.argv[2:]
pid, terminal = pty.fork()
if pid == 0:
    os.execvp(command[0], command)


def echoes():
    return bool(termios.tcgetattr(terminal)[3] & termios.ECHO)


shown = ""
seen = 0
typing = b""
bytes_shown = b""
while True:
    readable, writable, _ = select.select([terminal], [terminal] if typing else [], [])
    if writable:
        typing = typing[os.write(terminal, typing[:1024]):]
    if not readable:
        continue
    try:
        data = os.read(terminal, 4096)
    except OSError:
        break
    if not data:
        break
    bytes_shown += data
    shown = bytes_shown.decode(errors="replace")
    found = steps and re.search(steps[0]["after"], shown[seen:], re.DOTALL)
    if not found:
        continue
    step = steps.pop(0)
    seen += found.end()
    # Whoever asks for a password turns the echo off, and throws away what was typed before.
    while echoes():
        time.sleep(0.01)
    if "signal" in step:
        os.kill(pid, signal.Signals[step["signal"]])
    typing += step.get("text", "").encode()
_, status = os.waitpid(pid, 0)
print(json.dumps({"shown": shown, "status": os.waitstatus_to_exitcode(status), "echo": echoes()}))
