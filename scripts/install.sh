#!/bin/bash
# Installs the built project (npm run build) into the root file system DESTDIR.
set -eu
destination=$(realpath "${1:?usage: scripts/install.sh DESTDIR}")
cd "$(dirname "$0")/.."

# put MODE FILE... DIRECTORY, the directory inside the destination
put() {
    local mode=$1 directory=${*: -1} file
    for file in "${@:2:$#-2}"; do
        [ ! -e "$file" ] || install -D -m "$mode" -t "$destination/$directory" "$file"
    done
}

shopt -s nullglob

library=usr/lib/remote-access
put 644 dist/*.mjs $library
put 644 dist/native/*.node $library/native
modules=$library/node_modules
mkdir -p "$destination/$modules/@koromix"
cp -rL --no-preserve=mode,ownership node_modules/koffi "$destination/$modules"
cp -rL --no-preserve=mode,ownership node_modules/@koromix/koffi-linux-* "$destination/$modules/@koromix"

put 755 dist/remote-access-worker data/remote-access-session usr/libexec
put 644 data/*@.service usr/lib/systemd/user
put 644 data/remote-accessd.service usr/lib/systemd/system
put 644 data/org.freedesktop.RemoteAccess.service usr/share/dbus-1/system-services
put 644 dbus-policy/*.conf usr/share/dbus-1/system.d
put 644 data/*.policy usr/share/polkit-1/actions
put 644 data/desktops/*.desktop usr/share/remote-access/desktops
put 644 data/pam/remote-access etc/pam.d
