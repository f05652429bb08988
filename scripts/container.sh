#!/bin/bash
# container.sh ENTRY project|nothing [PREPARE]: boots a pristine copy of the root file system in the cache entry ENTRY
# (see rootfs.sh) with the project, or nothing, installed and the repository at /src, read-only. PREPARE is a program
# that changes the copy before it boots, and is given its path. The first line that is printed is the container's cgroup;
# what follows is the console.
#
# The container lives as long as somebody holds standard input open. Everything it consists of belongs to namespaces
# and one cgroup, so nothing stays when it ends, whichever way: not even if this script is killed with SIGKILL.
set -eu
entry=$1
installed=$2
prepare=${3:-}
repository=$(realpath "$(dirname "$0")/..")

if [ "${4:-}" = inside ]; then
    cgroups=("${@:5}")
    for cgroup in "${cgroups[@]}"; do echo $$ >"$cgroup/cgroup.procs"; done
    # nspawn keeps its own state by machine name: a private place for it allows any number of containers of one name.
    mkdir -p /run/systemd/nspawn
    mount -t tmpfs tmpfs /run/systemd/nspawn
    mount -t tmpfs -o mode=755 tmpfs "$entry/overlay"
    cd "$entry/overlay"
    mkdir upper work root
    mount -t overlay -o "lowerdir=$entry/tree,upperdir=$PWD/upper,workdir=$PWD/work" overlay root
    [ "$installed" = nothing ] || "$repository/scripts/install.sh" root
    [ -z "$prepare" ] || "$prepare" root
    binds=("--bind-ro=$repository:/src")
    # A work tree may share the packages of another through a symbolic link.
    modules=$(realpath "$repository/node_modules")
    [ "$modules" = "$repository/node_modules" ] || binds+=("--bind-ro=$modules")
    # Neither is there a machined to register with, nor a unit to make on every host.
    # Exit status 133 is nspawn's word for a reboot.
    status=133
    while [ $status = 133 ]; do
        status=0
        SYSTEMD_NSPAWN_UNIFIED_HIERARCHY=1 systemd-nspawn --quiet --boot --directory=root --machine=remote-access \
            --hostname=debian --register=no --keep-unit --private-network --private-users=no --resolv-conf=off \
            --timezone=off --link-journal=no --console=pipe "${binds[@]}" </dev/null || status=$?
    done
    exit $status
fi

# The container's own cgroup, in the unified hierarchy and beside it in the named one of a hybrid host: nspawn makes
# its payload's cgroup below its own, and two containers in one cgroup would stop each other's services.
name=remote-access-$(cat /proc/sys/kernel/random/uuid)
cgroups=()
for mount in /sys/fs/cgroup /sys/fs/cgroup/unified /sys/fs/cgroup/systemd; do
    case $mount:$(stat -f -c %T $mount 2>/dev/null) in
        */systemd:cgroupfs) own=$(sed -n 's/^[0-9]*:name=systemd://p' /proc/self/cgroup) ;;
        *:cgroup2fs) own=$(sed -n 's/^0:://p' /proc/self/cgroup) ;;
        *) continue ;;
    esac
    cgroups+=("$mount${own%/}/$name")
done
end() {
    # Whoever read the output may be gone.
    trap '' PIPE
    exec 2>/dev/null
    local -a left
    mapfile -t left < <(jobs -rp)
    [ ${#left[@]} = 0 ] || kill -KILL "${left[@]}" || true
    wait
    # The last processes of a killed process namespace leave their cgroup a moment later.
    for _ in {1..100}; do
        find "${cgroups[@]}" -depth -type d -exec rmdir {} + && return
        sleep 0.05
    done
}
trap end EXIT
trap 'exit 143' TERM
trap 'exit 130' INT
mkdir "${cgroups[@]}"
echo "${cgroups[0]}"

exec 3<&0 4<"$entry"
flock --shared 4
setpriv --pdeathsig KILL unshare --mount --pid --fork --kill-child --mount-proc \
    "$0" "$entry" "$installed" "$prepare" inside "${cgroups[@]}" 3<&- </dev/null &
setpriv --pdeathsig KILL cat <&3 >/dev/null &
exec 3<&-
# Whichever ends first: the container (its status is this script's), or the wish to have it.
wait -n
