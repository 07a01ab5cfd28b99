"""Whether this robot can take the bundle; each no is one line, with what would help. Nothing is changed."""

import errno
import os
import platform
import stat
import struct
import time
from pathlib import Path
from typing import Optional

from wachhund_install.bundle import Bundle
from wachhund_install.outcome import ARCHITECTURE, FAILED, NO_SPACE, NO_SYSTEMD, NOT_ROOT, PYTHON, READ_ONLY, Refused
from wachhund_install.places import Places
from wachhund_install.services import LEAST_VERSION, Services

_SPARE_BYTES = 16 << 20  # left to the robot beside the program
_JOURNAL_BYTES = 8 << 20  # for evidence from the start; later it takes what is free, up to its bound


def check_user() -> None:
    if os.geteuid() != 0:
        raise Refused(NOT_ROOT, "needs root: say sudo")


def check_machine(bundle: Bundle) -> None:
    """The kernel's word is not enough: a 64-bit kernel may carry a 32-bit system, as Raspbian does."""
    machine, bits = platform.machine(), 8 * struct.calcsize("P")
    if machine != bundle.description.arch or bits != 64:
        what = machine if bits == 64 else "{} with a {}-bit Python".format(machine, bits)
        raise Refused(
            ARCHITECTURE,
            "this bundle is for {}, this machine is {}: take the bundle for it, if there is one "
            "(there are no libraries for 32-bit machines)".format(bundle.description.arch, what),
        )
    bundle.wheels()


def check_python(python: str, places: Places) -> None:
    """The agent does not run as root, so its Python must not lie in root's own folder."""
    if not places.is_running_system:
        return
    for path in [Path(python), *Path(python).parents]:
        if not path.stat().st_mode & stat.S_IXOTH:
            raise Refused(
                PYTHON,
                "{}: only root can reach it, because of {}: name another with WACHHUND_PYTHON=/path/to/python3".format(
                    python, path
                ),
            )


def check_systemd(services: Services, places: Places) -> None:
    if not places.is_running_system:
        return
    found = services.version()
    if found < LEAST_VERSION:
        what = "systemd {}".format(found) if found else "no systemd"
        raise Refused(
            NO_SYSTEMD, "{}: the agent needs {} or newer to be kept in its bounds".format(what, LEAST_VERSION)
        )
    if not Path("/run/systemd/system").is_dir():
        raise Refused(NO_SYSTEMD, "systemd does not run here: install into an image with --root DIR")


def check_disk(places: Places, bundle: Bundle, half_finished_bytes: int = 0) -> None:
    """Room and the right to write, of all folders that something comes into. What is half-finished there goes first."""
    for folder in (places.program, places.units, places.state):
        if folder == places.program:
            needed = bundle.description.unpacked_bytes + _SPARE_BYTES - half_finished_bytes
        else:
            needed = _JOURNAL_BYTES if folder == places.state else 0
        check_room(places, folder, needed)
    if not places.program.parent.is_dir():
        raise Refused(FAILED, "{}: missing: make it with mkdir".format(places.program.parent))


def check_room(places: Places, folder: Path, needed: int) -> None:
    """That a folder, or where it will be made, can be written to and has so many bytes free."""
    there = folder
    while not there.is_dir():
        there = there.parent
    name = places.as_the_robot_sees(there)
    found = os.statvfs(str(there))
    if found.f_flag & os.ST_RDONLY:
        raise Refused(READ_ONLY, "{}: read-only: mount -o remount,rw {} first, and ro again afterwards".format(
            name, places.as_the_robot_sees(_mount_of(there))))  # fmt: skip
    free = found.f_bavail * found.f_frsize
    if free < needed:
        raise Refused(NO_SPACE, "{}: {:.1f} MB free, {:.1f} MB needed: make room".format(
            name, free / 1e6, needed / 1e6))  # fmt: skip


def clock_note(made: int, believed: float) -> Optional[str]:
    """A board without a clock believes itself years ago; that is said, and nothing depends on it.

    `made`: when the bundle's source was; `believed`: the robot's clock; seconds since 1970, both.
    """
    if believed >= made:
        return None
    return "this robot believes that it is {}: no matter, nothing here goes by its clock".format(
        time.strftime("%Y-%m-%d", time.gmtime(believed))
    )


def refusal(error: OSError, places: Places) -> Refused:
    """What an operation that failed means to a person."""
    where = error.filename or "the disk"
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return Refused(NO_SPACE, "{}: no room left: make room and say the same again".format(where))
    if error.errno == errno.EROFS:
        return Refused(READ_ONLY, "{}: read-only: mount -o remount,rw / first".format(where))
    return Refused(FAILED, "{}: {}".format(where, error.strerror))


def _mount_of(path: Path) -> Path:
    """By the kernel's list: a folder that is mounted onto itself is not seen otherwise."""
    points = {line.split()[4] for line in Path("/proc/self/mountinfo").read_text(errors="replace").splitlines()}
    while str(path) not in points and path != path.parent:
        path = path.parent
    return path
