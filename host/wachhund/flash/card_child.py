"""The process that looks at a card's image which is to be flashed, or was.

    python -m wachhund.flash.card_child IMAGE

Prints one JSON object, the fields of `card_looking.CardSystem`, or `refused` and why.
"""

import hashlib
import re
import struct
import sys
from typing import Any

from wachhund.flash import first_boot
from wachhund.flash.bundles import MAX_BYTES
from wachhund.robot_tree import card_process
from wachhund.robot_tree.card import Card, root
from wachhund.robot_tree.files import CannotLook, Files

PYTHONS = tuple(f"3.{minor}" for minor in range(7, 12))  # that the agent's libraries are built for
_MACHINES = {0xB7: "aarch64", 0x3E: "x86_64", 0x28: "arm", 0x03: "i386"}  # e_machine, elf(5)
_SYSTEMD = re.compile(r"libsystemd-shared-([0-9]{1,4})[.\-]")
_SYSTEMD_FOLDERS = (
    *("/lib/systemd", "/usr/lib/systemd"),
    *("/usr/lib/aarch64-linux-gnu/systemd", "/usr/lib/x86_64-linux-gnu/systemd"),
)
_SUPERBLOCK = 1024  # from the file system's beginning (the kernel's "ext4 Data Structures and Algorithms")
_JOURNAL_LEFT, _64BIT = 0x4, 0x80  # s_feature_incompat


def read(card: Card) -> dict[str, Any]:
    """All that is asked of the image. Raises CannotLook, TooMuch."""
    start, held = root(card)
    if held.lacks_bytes:
        raise CannotLook("/", f"the image is cut off: {held.lacks_bytes} bytes at its end are missing")
    files = Files(held)
    pythons = [version for version in PYTHONS if files.exists(f"/usr/bin/python{version}")]
    program = files.read(f"/usr/bin/python{pythons[0]}", 64) if pythons else files.read("/bin/sh", 64)
    machine, bits = _machine(program or b"")
    return {
        "start": start, "machine": machine, "bits": bits, "pythons": pythons, "systemd": _systemd(files),
        **_superblock(card, start),
        "traces": [path for path in first_boot.TRACES if files.itself(path) is not None],
        "around": {path: _standing(files, path) for path in first_boot.AROUND},
        "written": _written(files),
    }  # fmt: skip


def _machine(program: bytes) -> tuple[str, int | None]:
    if program[:4] != b"\x7fELF" or len(program) < 20:
        return "unknown", None
    number = struct.unpack("<H", program[18:20])[0]
    return _MACHINES.get(number, f"machine {number}"), {1: 32, 2: 64}.get(program[4])


def _systemd(files: Files) -> int | None:
    found = [_SYSTEMD.match(name) for folder in _SYSTEMD_FOLDERS for name in files.names(folder)]
    return max((int(one[1]) for one in found if one), default=None)


def _superblock(card: Card, start: int) -> dict[str, int | bool]:
    block = card.read(start + _SUPERBLOCK, 1024)

    def number(offset: int) -> int:
        return int(struct.unpack_from("<I", block, offset)[0])

    blocks, free, log_size, features = number(4), number(12), number(24), number(96)
    if features & _64BIT:
        blocks, free = blocks | number(0x150) << 32, free | number(0x158) << 32
    if log_size > 6:
        raise CannotLook("/", "its superblock is damaged")
    unit = 10 + log_size
    return {"size": blocks << unit, "free_bytes": free << unit, "has_journal_left": bool(features & _JOURNAL_LEFT)}


def _standing(files: Files, path: str) -> str:
    real = files.real(path)
    if real is None:
        return "missing"
    place = files.place(path)
    return "folder" if real == path and place is not None and place.is_folder else "elsewhere"


def _written(files: Files) -> dict[str, list[Any]]:
    """What a first boot consists of, as it lies there: permissions, owner, and the SHA-256 of a file or where a link
    leads."""
    paths = [first_boot.FOLDER, *(f"{first_boot.FOLDER}/{name}" for name in files.names(first_boot.FOLDER))]
    paths += [first_boot.AROUND[-1], first_boot.UNIT_FILE, first_boot.WANTED]
    found = {}
    for path in paths:
        place = files.itself(path)
        if place is None:
            continue
        what = ""
        if place.is_link:
            what = files.target(path)
        elif place.is_file:
            what = hashlib.sha256(files.read(path, MAX_BYTES) or b"").hexdigest()
        found[path] = [place.mode, place.uid, what]
    return found


if __name__ == "__main__":
    sys.exit(card_process.main(read, sys.argv[1]))
