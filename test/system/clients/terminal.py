#!/usr/bin/env python3
"""terminal.py PATTERN ANSWER COMMAND...: runs a command at a terminal of its own, types ANSWER when PATTERN appears,
prints what the terminal showed and then the exit status."""
import os
import pty
import re
import sys
import termios
import time

pattern, answer, *command = sys.argv[1:]
pid, terminal = pty.fork()
if pid == 0:
    os.execvp(command[0], command)
shown = b""
answered = False
while True:
    try:
        data = os.read(terminal, 4096)
    except OSError:
        break
    if not data:
        break
    shown += data
    if not answered and re.search(pattern.encode(), shown):
        answered = True
        # Whoever asks for a password turns the echo off, and throws away what was typed before.
        while termios.tcgetattr(terminal)[3] & termios.ECHO:
            time.sleep(0.01)
        os.write(terminal, answer.encode() + b"\n")
_, status = os.waitpid(pid, 0)
print(shown.decode(errors="replace"), os.waitstatus_to_exitcode(status))
