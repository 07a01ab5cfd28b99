"""What the virtual robot's disk is made of. A change of it makes another image (`digest`)."""

import hashlib
from pathlib import Path

from tests.robots.virtual import stock

FURNISH = Path(__file__).with_name("furnish.sh")

# The oldest Debian with arm64 that the archive still serves. A Go1 has buster (Python 3.7, systemd 241, a 5.4 kernel);
# this is Python 3.9, systemd 247, Linux 5.10.
SUITE = "bullseye"
ARCHITECTURE = "arm64"
PACKAGES = (
    "linux-image-arm64",
    "initramfs-tools",
    "systemd-sysv",
    "udev",
    "dbus",
    "libpam-systemd",  # a login is a session, as on the robot
    "openssh-server",
    "sudo",
    "python3",
    "rsyslog",  # /var/log/auth.log, as on the robot
    "iproute2",
    "iptables",
    "procps",
    "kmod",
    "mosquitto",  # the daemons of a stock Go1 (stock.py), but for those of its access point
    "mosquitto-clients",
    "nginx-light",
)
# Nobody reads manuals there, and no hardware but QEMU's is found: a third of the size.
LEFT_OUT = (
    "/usr/share/doc/*",
    "/usr/share/man/*",
    "/usr/share/locale/*",
    "/lib/modules/*/kernel/drivers/gpu/*",
    "/lib/modules/*/kernel/drivers/net/ethernet/*",
    "/lib/modules/*/kernel/drivers/net/wireless/*",
    "/lib/modules/*/kernel/sound/*",
)
DISK = "3G"  # sparse; the agent leaves a tenth of a disk free
USER = "pi"


def digest() -> str:
    """Of all that the image depends on, but the archive's state of the day."""
    made_of = repr((SUITE, ARCHITECTURE, PACKAGES, LEFT_OUT, DISK, USER, sorted(stock.files().items())))
    return hashlib.sha256(made_of.encode() + FURNISH.read_bytes()).hexdigest()[:12]
