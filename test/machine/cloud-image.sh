#!/bin/bash
# cloud-image.sh FOLDER ROOT: makes the Debian in ROOT what a cloud's image is when a machine first boots from it: with
# cloud-init and without users. FOLDER has the user-data that the cloud offers that machine, and remote-access.deb, which
# https://packages.example.com/ serves.
set -eu
folder=$1
root=$2
in_image() { env DEBIAN_FRONTEND=noninteractive chroot "$root" "$@"; }

mount -t proc proc "$root/proc"
trap 'umount "$root/proc"' EXIT
in_image sh -c 'dpkg --force-unsafe-io --install /var/lib/debs/cloud-init/*.deb'
for user in alice bob; do in_image userdel --remove "$user" 2>/dev/null; done

# There is one cloud, which offers no network, no mirror that could be reached, and no sshd that needs keys.
cat >"$root/etc/cloud/cloud.cfg.d/90-image.cfg" <<'END'
datasource_list: [NoCloud]
network: {config: disabled}
ssh_genkeytypes: []
END
: >"$root/etc/apt/sources.list"
install -D -m 600 -t "$root/var/lib/cloud/seed/nocloud" "$folder/user-data"
echo "instance-id: $(cat /proc/sys/kernel/random/uuid)" >"$root/var/lib/cloud/seed/nocloud/meta-data"

# A web server whose certificate this machine trusts.
name=packages.example.com
install -D -m 644 -t "$root/srv/packages" "$folder/remote-access.deb"
echo "127.0.0.1 $name" >>"$root/etc/hosts"
in_image openssl req -x509 -quiet -newkey rsa:2048 -nodes -subj "/CN=$name" -addext "subjectAltName=DNS:$name" \
    -keyout /srv/key.pem -out /srv/certificate.pem
cat "$root/srv/certificate.pem" >>"$root/etc/ssl/certs/ca-certificates.crt"
cat >"$root/etc/systemd/system/packages.service" <<'END'
[Unit]
DefaultDependencies=no
Before=cloud-init-network.service
[Service]
WorkingDirectory=/srv/packages
ExecStart=openssl s_server -accept 127.0.0.1:443 -cert /srv/certificate.pem -key /srv/key.pem -WWW
[Install]
WantedBy=cloud-init.target
END
in_image systemctl --quiet enable packages.service
