#!/bin/sh
# Makes a bare Debian into the virtual robot. $1: its root; $2: the public key of who may log in; $3: the user.
# Commands of the robot itself run in a chroot, emulated.
set -eu
root=$1 key=$2 user=$3

echo robot > "$root/etc/hostname"
printf '127.0.0.1 localhost\n127.0.1.1 robot\n' > "$root/etc/hosts"
echo '/dev/vda / ext4 defaults,noatime 0 1' > "$root/etc/fstab"

# QEMU's user network, without a way out of it: a robot has no internet.
printf '[Match]\nType=ether\n\n[Network]\nAddress=10.0.2.15/24\nLinkLocalAddressing=no\nIPv6AcceptRA=no\n' \
  > "$root/etc/systemd/network/lan.network"
chroot "$root" systemctl enable systemd-networkd.service
# It has no way to the time either; and no work that would come at any moment of a run.
chroot "$root" systemctl mask systemd-networkd-wait-online.service systemd-timesyncd.service \
  apt-daily.timer apt-daily-upgrade.timer

# As Raspberry Pi OS has it, with the password that every stock Go1 has.
chroot "$root" useradd --create-home --shell /bin/bash --groups sudo,video,adm "$user"
echo "$user:123" | chroot "$root" chpasswd
echo "$user ALL=(ALL) NOPASSWD: ALL" > "$root/etc/sudoers.d/010_$user-nopasswd"
chmod 440 "$root/etc/sudoers.d/010_$user-nopasswd"
mkdir -m 700 "$root/home/$user/.ssh"
cp "$key" "$root/home/$user/.ssh/authorized_keys"
chmod 600 "$root/home/$user/.ssh/authorized_keys"
chroot "$root" chown -R "$user:" "/home/$user/.ssh"
# QEMU's network answers no question about names; sshd would wait for it.
echo 'UseDNS no' > "$root/etc/ssh/sshd_config.d/no-names.conf"

# An empty one would make each start a first one, with questions on the console.
tr -d - < /proc/sys/kernel/random/uuid > "$root/etc/machine-id"
rm -rf "$root"/var/lib/apt/lists/* "$root"/var/cache/apt/*
