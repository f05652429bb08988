#!/bin/bash
# Installs the built project (npm run build) into the root file system DESTDIR.
set -eu
destination=$(realpath "${1:?usage: scripts/install.sh DESTDIR}")
# Links of /proc lead here as well: nobody means this system who does not say so.
[ "$destination" != / ] || [ "$1" = / ] || { echo "$1 is this very system" >&2; exit 1; }
cd "$(dirname "$0")/.."

umask 022

# put MODE FILE... DIRECTORY, the directory inside the destination
put() {
    install -D -m "$1" -t "$destination/${*: -1}" "${@:2:$#-2}"
}

# put_as MODE FILE PATH, the path inside the destination
put_as() {
    install -D -m "$1" -T "$2" "$destination/$3"
}

library=usr/lib/remote-access
put 644 dist/remote-accessd.cjs dist/remote-access-agent.cjs $library
put 644 dist/native/descriptors.node dist/native/pipewire.node $library/native
put 644 dist/native/kerberos.so $library
put 755 dist/remote-access-worker dist/remote-access-initiator data/remote-access-session usr/libexec

put 644 data/remote-accessd.service data/remote-access-autostart@.service data/remote-access-sweep@.service usr/lib/systemd/system
put 644 data/remote-access-agent@.service usr/lib/systemd/user
put 644 data/org.freedesktop.RemoteAccess.service data/org.freedesktop.RemoteAccess.Daemon.service usr/share/dbus-1/system-services
put 644 data/org.freedesktop.RemoteAccess.policy usr/share/polkit-1/actions
put 644 dbus-policy/org.freedesktop.RemoteAccess.conf usr/share/dbus-1/system.d
put 644 data/desktops/*.desktop usr/share/remote-access/desktops
put 644 data/pam/remote-access data/pam/remote-access-login etc/pam.d

put 644 docs/configuration/remote-access.conf $library
mkdir -p "$destination/etc/remote-access/remote-access.conf.d" "$destination/etc/remote-access/session.d"

put_as 644 data/org.freedesktop.RemoteAccess.rules usr/share/polkit-1/rules.d/60-remote-access.rules
put_as 644 data/sysusers.conf usr/lib/sysusers.d/remote-access.conf
put_as 644 data/tmpfiles.conf usr/lib/tmpfiles.d/remote-access.conf

for page in docs/api/*.[1-9] docs/configuration/*.[1-9] data/man/*.[1-9]; do put 644 "$page" "usr/share/man/man${page##*.}"; done
put 644 dist/cli/*.mjs $library/cli
chmod 755 "$destination/$library/cli/remoteaccessctl.mjs"
mkdir -p "$destination/usr/bin"
ln -sfn ../lib/remote-access/cli/remoteaccessctl.mjs "$destination/usr/bin/remoteaccessctl"
put 644 dist/man/remoteaccessctl.1 usr/share/man/man1
put 644 dist/completions/bash/remoteaccessctl usr/share/bash-completion/completions
put 644 dist/completions/zsh/_remoteaccessctl usr/share/zsh/vendor-completions
put 644 dist/completions/fish/remoteaccessctl.fish usr/share/fish/vendor_completions.d
