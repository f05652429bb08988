#!/bin/bash
# Installs the built project (npm run build) into the root file system DESTDIR.
set -eu
destination=$(realpath "${1:?usage: scripts/install.sh DESTDIR}")
cd "$(dirname "$0")/.."

# put MODE FILE... DIRECTORY, the directory inside the destination
put() {
    install -D -m "$1" -t "$destination/${*: -1}" "${@:2:$#-2}"
}

library=usr/lib/remote-access
put 644 dist/remote-accessd.mjs dist/remote-access-agent.mjs $library
put 644 dist/native/descriptors.node dist/native/pipewire.node $library/native
put 755 dist/remote-access-worker data/remote-access-session usr/libexec

put 644 data/remote-accessd.service usr/lib/systemd/system
put 644 data/remote-access-agent@.service usr/lib/systemd/user
put 644 data/org.freedesktop.RemoteAccess.service usr/share/dbus-1/system-services
put 644 data/org.freedesktop.RemoteAccess.policy usr/share/polkit-1/actions
put 644 dbus-policy/org.freedesktop.RemoteAccess.conf usr/share/dbus-1/system.d
put 644 data/desktops/*.desktop usr/share/remote-access/desktops
put 644 data/pam/remote-access data/pam/remote-access-login etc/pam.d
