#!/bin/bash
# Builds the Debian 13 root file system that containers boot from, unless it is in the cache, and prints the cache
# entry's path: `tree` is the file system, `overlay` an empty folder for container.sh to mount on. An entry is named
# after this file's contents, appears complete or not at all, and is only a cache: it may be deleted at any time.
set -eu

packages=(
    # the system
    systemd systemd-sysv dbus dbus-user-session libpam-systemd polkitd passwd login procps iproute2 nodejs
    # the desktop
    mutter gnome-shell gnome-session gdm3 xwayland pipewire pipewire-bin wireplumber libei1 libeis1
    libgl1-mesa-dri libegl1 xdg-desktop-portal xdg-desktop-portal-gnome fonts-dejavu-core adwaita-icon-theme
    # what somebody sitting there would use
    gnome-text-editor
    # what a remote desktop tool and the tests use
    gstreamer1.0-tools gstreamer1.0-pipewire gstreamer1.0-plugins-base gstreamer1.0-plugins-good
    gstreamer1.0-plugins-bad gstreamer1.0-nice gir1.2-gst-plugins-base-1.0 gir1.2-gst-plugins-bad-1.0
    python3-gi gir1.2-gtk-4.0 libglib2.0-bin
    # what the package is judged with: its checker, the reader of its manual pages, shells that complete its commands
    lintian man-db bash-completion zsh fish
)
# Kept as .deb files for the tests and benchmarks that install them, as they would change every other container: each set
# is complete, in a folder of its own in /var/lib/debs.
declare -A later=(
    [cloud-init]='cloud-init'
    # a realm with its clients
    [kerberos]='krb5-kdc krb5-admin-server krb5-user libgssapi-krb5-2 python3-gssapi'
    # users that no file of the system's own knows
    [nss]='libnss-extrausers'
    # the peer that logins are measured against, with a window manager, a client, and a screen for that
    [xrdp]='xrdp xorgxrdp twm x11-apps x11-xserver-utils xvfb freerdp3-x11'
)

cache=${XDG_CACHE_HOME:-$HOME/.cache}/remote-access
entry=$cache/rootfs-$({ cat "$0"; uname -m; } | sha256sum | cut -c1-16)
mkdir -p "$cache"

# One builder at a time, so what an interrupted one left is nobody's. An entry goes when it was not used for a day (work
# trees with different packages take turns) and no container locks it.
exec 9>"$cache/lock"
flock 9
rm -rf --one-file-system "$cache"/partial-*
find "$cache" -maxdepth 1 -name 'rootfs-*' ! -path "$entry" -mmin +1440 \
    -exec flock --nonblock {} rm -rf --one-file-system {} \;

if [ ! -d "$entry" ]; then
    echo '==> Building the Debian 13 root file system (about two minutes, once)' >&2
    partial=$cache/partial-$$
    clean() {
        local -a left
        mapfile -t left < <(jobs -rp)
        [ ${#left[@]} = 0 ] || kill -KILL "${left[@]}" 2>/dev/null || true
        wait
        rm -rf --one-file-system "$partial"
    }
    trap clean EXIT
    trap 'exit 143' TERM
    trap 'exit 130' INT
    mkdir -p "$partial/overlay"
    accounts='for user in alice bob; do useradd -m -s /bin/bash $user; echo $user:$user-password; done | chpasswd'
    # There is no graphics card in a container, and GDM without one starts its local display over and over.
    gdm='[daemon]\nPreferredDisplayServer=none\n'
    downloads=()
    for set in "${!later[@]}"; do
        downloads+=("--customize-hook=APT_CONFIG=\$MMDEBSTRAP_APT_CONFIG apt-get -qq install --download-only ${later[$set]} &&
            mkdir -p \"\$1/var/lib/debs/$set\" && mv \"\$1\"/var/cache/apt/archives/*.deb \"\$1/var/lib/debs/$set\"")
    done
    # In namespaces, so that no process or mount of an interrupted build stays.
    setpriv --pdeathsig KILL unshare --mount --pid --fork --kill-child --mount-proc \
        mmdebstrap --mode=root --variant=minbase \
        --aptopt='APT::Install-Recommends "false"' --aptopt='Acquire::Languages "none"' --aptopt='APT::Sandbox::User "root"' \
        --dpkgopt=force-unsafe-io --dpkgopt='path-exclude=/usr/share/man/*' \
        --dpkgopt='path-exclude=/usr/share/doc/*' --dpkgopt='path-exclude=/usr/share/locale/*' \
        --include="$(IFS=,; echo "${packages[*]}")" \
        --customize-hook="chroot \"\$1\" sh -c '$accounts'" \
        --customize-hook="printf '$gdm' >\"\$1/etc/gdm3/daemon.conf\"" \
        --customize-hook='echo LANG=C.UTF-8 >"$1/etc/default/locale"' \
        --customize-hook='rm "$1"/var/cache/apt/archives/*.deb' \
        "${downloads[@]}" \
        --customize-hook='rm "$1/etc/dpkg/dpkg.cfg.d/99mmdebstrap"' \
        --customize-hook='echo debian >"$1/etc/hostname"; rm -f "$1/etc/resolv.conf"' \
        trixie "$partial/tree" 9>&- </dev/null >&2 &
    wait -n
    mv -T "$partial" "$entry"
fi
touch "$entry"
echo "$entry"
