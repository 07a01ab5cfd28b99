"""Prints the robot's files: a JSON object a path, with what it is, whose, and what it holds or leads to.

Only of the root file system. Python 3.7; without pathlib, which an emulated machine takes minutes for.
"""

import hashlib
import json
import os
import stat
import sys

# What the system itself writes at any time; that something is there, and whose, is told all the same.
_ALIVE = ("/var/log/", "/var/lib/systemd/", "/var/cache/", "/var/lib/sudo/", "/var/spool/rsyslog/")


def of_this_boot(name: str) -> bool:
    """What systemd names after a boot, or sets aside after a power cut. A folder of our own service is none."""
    return (name.startswith("systemd-private-") and "wachhund" not in name) or name.endswith(".journal~")


def holds(path: str, mode: int) -> str:
    if stat.S_ISLNK(mode):
        return os.readlink(path)  # noqa: PTH115
    if not stat.S_ISREG(mode) or path.startswith(_ALIVE):
        return ""
    with open(path, "rb") as file:  # noqa: PTH123
        return hashlib.sha256(file.read()).hexdigest()


def main() -> None:
    device = os.lstat("/").st_dev
    for top, folders, files in os.walk("/"):
        above = top.rstrip("/")
        folders[:] = [name for name in folders if os.lstat(f"{above}/{name}").st_dev == device]
        folders[:] = [name for name in folders if not of_this_boot(name)]
        for name in folders + files:
            if of_this_boot(name):
                continue
            path = f"{above}/{name}"
            found = os.lstat(path)
            told = [path, oct(found.st_mode), found.st_uid, found.st_gid, holds(path, found.st_mode)]
            sys.stdout.write(json.dumps(told) + "\n")


main()
