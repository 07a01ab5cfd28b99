"""Where files lie by which something starts by itself or lets somebody in again, on any Linux."""

import glob
import os
from pathlib import Path
from typing import List, NamedTuple, Sequence

PASSWD_BYTES = 4 << 20
HOMES_KEPT = 64


class Place(NamedTuple):
    """A glob of files and its class (protocol.md, `persistence.change`). "~" stands for every user's home.

    `secret`: a single file of which not even a hash is made; by whatever other name it is found.
    """

    path: str
    place_class: str
    secret: bool = False


GENERIC_PLACES = tuple(
    Place(path, place_class)
    for place_class, paths in (
        ("systemd", ("/etc/systemd/system/*", "/etc/systemd/system/*/*", "/lib/systemd/system/*",
                     "/run/systemd/system/*", "/usr/local/lib/systemd/system/*", "~/.config/systemd/user/*")),
        ("cron", ("/etc/crontab", "/etc/cron.*/*", "/var/spool/cron/*", "/var/spool/cron/crontabs/*")),
        ("rc", ("/etc/rc.local", "/etc/init.d/*", "/etc/profile", "/etc/profile.d/*", "/etc/bash.bashrc", "~/.bashrc",
                "~/.profile", "~/.bash_profile", "~/.zshrc", "/etc/ssh/sshd_config", "/etc/ssh/sshd_config.d/*")),
        ("desktop-autostart", ("/etc/xdg/autostart/*", "~/.config/autostart/*")),
        ("authorized_keys", ("~/.ssh/authorized_keys", "~/.ssh/authorized_keys2")),
        ("preload", ("/etc/ld.so.preload", "/etc/ld.so.conf", "/etc/ld.so.conf.d/*")),
        ("pam", ("/etc/pam.d/*", "/etc/security/*")),
        ("sudoers", ("/etc/sudoers", "/etc/sudoers.d/*")),
        ("udev", ("/etc/udev/rules.d/*", "/lib/udev/rules.d/*")),
        ("module", ("/etc/modules", "/etc/modules-load.d/*", "/etc/modprobe.d/*")),
        ("python-path", ("~/.local/lib/python3*/site-packages/*.pth", "/usr/lib/python3/dist-packages/*.pth",
                         "/usr/lib/python3*/sitecustomize.py", "~/.local/lib/python3*/site-packages/usercustomize.py")),
    )
    for path in paths
)  # fmt: skip


def homes(passwd: Path = Path("/etc/passwd")) -> List[str]:
    """The home folders of all users that have one."""
    found: List[str] = []
    try:
        content = passwd.read_bytes()[:PASSWD_BYTES]
    except OSError:
        return found
    for line in content.split(b"\n"):
        parts = line.split(b":")
        if len(parts) >= 6 and parts[5].startswith(b"/") and parts[5] not in (b"/", b"/nonexistent"):
            home = os.fsdecode(parts[5])
            if home not in found and os.path.isdir(home):
                found.append(home)
    return found[:HOMES_KEPT]


def of_all_users(places: Sequence[Place]) -> List[Place]:
    """The same, with one for each user's home in place of "~"."""
    found: List[Place] = []
    users = homes() if any(place.path.startswith("~") for place in places) else []
    for place in places:
        if place.path.startswith("~"):
            found += [Place(glob.escape(home) + place.path[1:], place.place_class) for home in users]
        else:
            found.append(place)
    return found
