# Prepares a fresh machine to build, test and demonstrate the project. Sourced by ./check and ./demo, which have
# already changed into the repository. Everything it says goes to standard error.

build_packages=(gcc libc6-dev libuv1-dev libpam0g-dev libkrb5-dev libpipewire-0.3-dev pkg-config debhelper)
container_packages=(dbus-daemon mmdebstrap systemd-container)

refuse() {
    echo "$1" >&2
    exit 1
}

progress() {
    echo "==> $1" >&2
}

# Ends the command in one line, with nothing changed, where it could not work.
require_machine() {
    local name=$1 system
    system=$(. /etc/os-release 2>/dev/null && echo "${ID:-} ${VERSION_ID:-}")
    case $system in
        'debian 12' | 'debian 13') ;;
        *) refuse "$name needs Debian 12 or 13: run it in a virtual machine with one of them" ;;
    esac
    [ "$(id -u)" = 0 ] || refuse "$name needs root, to boot a container: run it with sudo"
    node -e 'const [major, minor] = process.versions.node.split(".").map(Number);
        process.exit(major > 20 || (major === 20 && minor >= 19) ? 0 : 1)' 2>/dev/null ||
        refuse "$name needs Node.js 20.19 or newer: install one and put it first in PATH"
}

install_packages() {
    local package missing=()
    for package; do
        [ "$(dpkg-query -W -f '${db:Status-Status}' "$package" 2>/dev/null)" = installed ] || missing+=("$package")
    done
    [ ${#missing[@]} = 0 ] && return
    progress "Installing ${missing[*]}"
    export DEBIAN_FRONTEND=noninteractive
    apt-get -qq update >&2
    apt-get -qq -o Dpkg::Use-Pty=0 install --no-install-recommends "${missing[@]}" >/dev/null
}

# npm ci deletes and refills node_modules, so it runs only where something in there differs from the lock file.
modules_installed() {
    node -e 'const [wanted, present] = ["package-lock.json", "node_modules/.package-lock.json"].map(
            (path) => JSON.parse(fs.readFileSync(path)).packages);
        const same = ([path, { integrity, optional }]) =>
            path === "" || (path in present ? present[path].integrity === integrity : optional);
        process.exit(Object.entries(wanted).every(same) ? 0 : 1)' 2>/dev/null
}

setup() {
    require_machine "$1"
    install_packages "${build_packages[@]}" "${container_packages[@]}"
    if ! modules_installed; then
        [ ! -L node_modules ] || refuse 'node_modules links to packages that differ from package-lock.json: run npm ci there'
        progress 'Installing the npm packages of package-lock.json'
        npm ci --loglevel=error >/dev/null
    fi
    npm run --silent build >&2
}
