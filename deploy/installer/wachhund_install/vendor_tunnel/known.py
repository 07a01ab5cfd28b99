"""What the vendor's tunnel of a Unitree Go1 is known by: CloudSail and NPS, as public dumps of real units show them.

The vendor's autostart reads a list of words and starts `WORD/WORD.sh` of each; `tunnel` is one. It waits for the modem,
then installs CloudSail, whose service starts with the robot from then on. CVE-2025-2894.
"""

import re
from typing import Tuple

AUTOSTART = "/home/pi/Unitree/autostart"
START_LIST = AUTOSTART + "/.startlist.sh"
# Programs and scripts in them are the tunnel's.
FOLDERS = (AUTOSTART + "/tunnel", "/usr/local/zhexi")
NAMES = ("csclient", "npc")  # of its programs; elsewhere such a one is somebody else's, or was moved
INSTALLED = (
    ("CloudSail", "/usr/local/zhexi/cloudsail/csclient"),
    ("CloudSail's enrolment", "/usr/local/zhexi/cloudsail/stat.yml"),
    ("CloudSail's installer", AUTOSTART + "/tunnel/csclient"),
    ("NPS", AUTOSTART + "/tunnel/linux_arm64_client/npc"),
)
UNIT_FOLDERS = (
    "/etc/systemd/system",
    "/usr/local/lib/systemd/system",
    "/lib/systemd/system",
    "/usr/lib/systemd/system",
)
# Other ways in which something starts by itself; they are read, and never changed.
ELSEWHERE: Tuple[str, ...] = (
    "/etc/rc.local",
    "/etc/crontab",
    "/var/spool/cron/crontabs/root",
    "/var/spool/cron/crontabs/pi",
    "/home/pi/.bashrc",
    "/home/pi/.profile",
)
RETAINED = ("usys/uuid", "usys/internet")  # what enrolment leaves at the robot's own broker
_WORD = re.compile(rb"(?<![^\s\"'(])tunnel(?![^\s\"')])")


def names_it(text: bytes) -> bool:
    """Whether a start-up file names one of its folders or CloudSail's program."""
    return any(folder.encode("ascii") + b"/" in text for folder in FOLDERS) or b"csclient" in text


def without_the_word(start_list: bytes) -> bytes:
    """The start list without `tunnel`, else the same bytes. A line that held nothing else goes whole.

    A word in a comment counts: what reads the list splits it at blanks.
    """
    kept = []
    for line in start_list.splitlines(True):
        left = line
        found = _WORD.search(left)
        while found:
            start, end = found.span()
            if left[start - 1 : start] in (b" ", b"\t"):
                start -= 1
            elif left[end : end + 1] in (b" ", b"\t"):
                end += 1
            left = left[:start] + left[end:]
            found = _WORD.search(left)
        if left == line or left.strip():
            kept.append(left)
    return b"".join(kept)
