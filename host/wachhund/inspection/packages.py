"""Which packages have holes that are publicly known, and does the system still get mends?

The table (data: known/packages.json) holds holes that matter on a robot and can be told from a version alone, with the
version that mends each release of Debian, from Debian's own security tracker.
"""

import json
import re
from importlib import resources
from typing import Any

from wachhund.inspection.finding import Answer
from wachhund.inspection.known_robot import KnownRobot
from wachhund.inspection.looking import Look
from wachhund.robot_tree.files import Files

_STATUS = "/var/lib/dpkg/status"
_RELEASE = "/etc/os-release"
PLACES = (_STATUS, _RELEASE, "/usr/lib/os-release", "/etc/debian_version")


def old_packages(files: Files, _robot: KnownRobot) -> Answer:
    """dpkg's list of what is installed, against the table."""
    look = Look(files, "old-packages", "Is software with publicly known holes installed?")
    known = json.loads(resources.files("wachhund.inspection").joinpath("known", "packages.json").read_text("utf-8"))
    installed = _installed(look)
    release = _release(look)
    if not installed:
        look.missed(f"{_STATUS}: no list of packages: their versions are not known")
        return look.answer()
    ended = known["ended"].get(release)
    if ended:
        look.found(
            "release-ended", "medium", f"Debian {release} gets no mends any more", [f"{_RELEASE}: {release}", ended],
            "Holes that are found from now on stay open.",
            ("Keep the robot off networks that you do not control; ask the maker for a newer image",),
            "cat /etc/os-release", ("CWE-1104",),
        )  # fmt: skip
    for hole in known["holes"]:
        version, mended = installed.get(hole["package"]), hole["mended"].get(release)
        if version is not None and mended is not None and compare(version, mended) < 0:
            look.found(
                f"package-{hole['package']}-{hole['cve'].lower()}", hole["level"], f"{hole['package']}: {hole['what']}",
                [f"{_STATUS}: {hole['package']} {version}, mended in {mended}"], hole["means"],
                (f"sudo apt-get install --only-upgrade {hole['package']}, where the maker's image lets you",),
                f"dpkg-query -W {hole['package']}", (hole["cve"],),
            )  # fmt: skip
    return look.answer()


def _installed(look: Look) -> dict[str, str]:
    found: dict[str, str] = {}
    name, is_installed = None, False
    for line in [*(look.lines(_STATUS) or ()), ""]:
        key, _, value = line.partition(": ")
        if not line:
            name, is_installed = None, False
        elif key == "Package":
            name = value.strip()
        elif key == "Status":
            is_installed = value.endswith(" installed")
        elif key == "Version" and name is not None and is_installed:
            found[name] = value.strip()
    return found


def _release(look: Look) -> str:
    """Debian's name of the release ("buster"); empty when it is not said."""
    for path in (_RELEASE, "/usr/lib/os-release"):
        for line in look.lines(path) or ():
            if line.startswith("VERSION_CODENAME="):
                return line.partition("=")[2].strip().strip('"')
    return ""


def compare(one: str, other: str) -> int:
    """Two versions as dpkg orders them (Debian Policy 5.6.12): below 0, 0 or above 0."""
    (epoch, upstream, revision), (other_epoch, other_upstream, other_revision) = _split(one), _split(other)
    return (epoch - other_epoch) or _order(upstream, other_upstream) or _order(revision, other_revision)


def _split(version: str) -> tuple[int, str, str]:
    epoch, colon, rest = version.partition(":")
    upstream, _, revision = (rest if colon else version).rpartition("-")
    number = int(epoch) if colon and epoch.isascii() and epoch.isdecimal() and len(epoch) < 10 else 0
    return (number, upstream, revision) if upstream else (number, revision, "0")


def _order(one: str, other: str) -> int:
    for left, right in zip(_pieces(one, other), _pieces(other, one), strict=True):
        if left != right:
            return 1 if left > right else -1
    return 0


def _pieces(text: str, beside: str) -> list[tuple[Any, ...]]:
    """Letters and numbers in turn, as many as of the other: ~ sorts before the end, letters before all other signs."""
    count = max(len(re.findall(r"\D*\d*", text)), len(re.findall(r"\D*\d*", beside)))
    found: list[tuple[Any, ...]] = []
    for letters, digits in re.findall(r"(\D*)(\d*)", text):
        ranks = [-1 if sign == "~" else ord(sign) if sign.isalpha() else ord(sign) + 256 for sign in letters]
        found.append((*ranks, 0, int(digits[:18] or 0)))
    return found + [(0, 0)] * (count - len(found))
