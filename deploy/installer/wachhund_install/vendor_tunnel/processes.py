"""What runs of the vendor's tunnel: programs of its folders, and scripts there that a shell or Python runs.

By what the kernel says of a process, not by its name, which anybody may choose.
"""

import os
import re
import signal
from pathlib import Path
from typing import Iterator, List, NamedTuple, Optional, Set

from wachhund_install.outcome import TUNNEL_STAYS, Refused
from wachhund_install.vendor_tunnel.known import FOLDERS, NAMES
from wachhund_install.work import Work

_TERM_S, _KILL_S, _LOOK_S = 5.0, 10.0, 0.1
_STAYS_AWAY_S = 3.0  # what starts it again each second or two has had its turn
_INTERPRETER = re.compile(r"(sh|dash|bash|busybox|python[0-9.]*)\Z")


class Running(NamedTuple):
    """`what`: program or script. `started`: clock ticks after the boot; it and the pid name a process for good."""

    pid: int
    started: str
    what: str


def running(work: Work) -> List[Running]:
    """Nothing where no system runs (an image)."""
    return list(_all(work)) if work.places.is_running_system else []


def of_that_name_elsewhere(work: Work) -> List[str]:
    """Programs that are called as the tunnel's are and lie in another place."""
    if not work.places.is_running_system:
        return []
    found = set()
    for pid in _pids():
        exe = _link(pid, "exe")
        if os.path.basename(exe) in NAMES and not _is_its(exe):
            found.add(_shown(exe))
    return sorted(found)


def stop(work: Work) -> List[str]:
    """Ends all of it: asks first, then kills. Returns what ran. Raises Refused when something can't be ended."""
    began = work.mono()
    asked: Set[Running] = set()
    while True:
        left = running(work)
        if not left:
            return sorted({one.what for one in asked})
        waited = work.mono() - began
        if waited > _TERM_S + _KILL_S:
            text = "{}: can't be ended, or comes back at once: something else starts it, which has to be found first"
            raise Refused(TUNNEL_STAYS, text.format(_told(left)))
        for one in left:
            if waited > _TERM_S:
                _end(one, signal.SIGKILL)
            elif one not in asked:
                work.disk.on_change("end {}".format(one.what))
                asked.add(one)
                _end(one, signal.SIGTERM)
        work.sleep(_LOOK_S)


def check_stays_away(work: Work) -> None:
    """Raises Refused when it is started again by something that is not known here."""
    began = work.mono()
    while work.places.is_running_system and work.mono() - began < _STAYS_AWAY_S:
        left = running(work)
        if left:
            text = "{}: came back: something else starts it, which has to be found first"
            raise Refused(TUNNEL_STAYS, text.format(_told(left)))
        work.sleep(_LOOK_S)


def _all(work: Work) -> Iterator[Running]:
    for pid in _pids():
        started, exe = _started(pid), _link(pid, "exe")
        what = exe if _is_its(exe) else _script(pid, exe)
        if started is not None and what is not None and pid != os.getpid():
            yield Running(pid, started, _shown(what))


def _pids() -> List[int]:
    return sorted(int(name) for name in os.listdir("/proc") if name.isdecimal())


def _link(pid: int, name: str) -> str:
    """Of a program that was removed too; empty for the kernel's own threads and for what is gone."""
    try:
        found = os.readlink("/proc/{}/{}".format(pid, name))
    except OSError:
        return ""
    return found[: -len(" (deleted)")] if found.endswith(" (deleted)") else found


def _script(pid: int, exe: str) -> Optional[str]:
    """The script of the tunnel that an interpreter runs: its first argument that is no option."""
    if not _INTERPRETER.match(os.path.basename(exe)):
        return None
    try:
        words = Path("/proc/{}/cmdline".format(pid)).read_bytes().decode("utf-8", "surrogateescape").split("\0")[1:]
    except OSError:
        return None
    first = next((word for word in words if word and not word.startswith("-")), None)
    if first is None:
        return None
    path = os.path.normpath(os.path.join(_link(pid, "cwd") or "/", first))
    return path if _is_its(path) else None


def _is_its(path: str) -> bool:
    return any(path.startswith(folder + "/") for folder in FOLDERS)


def _shown(path: str) -> str:
    """Whoever made a file chose its name."""
    return "".join(one if one.isprintable() else "?" for one in path[:200])


def _started(pid: int) -> Optional[str]:
    """None for what is gone, or is dead and not waited for."""
    try:
        # After the name, which may hold anything: state is the third field, the start the twenty-second (proc(5)).
        fields = Path("/proc/{}/stat".format(pid)).read_bytes().rpartition(b")")[2].split()
    except OSError:
        return None
    return fields[19].decode("ascii") if len(fields) > 19 and fields[0] not in (b"Z", b"X") else None


def _end(one: Running, number: int) -> None:
    if _started(one.pid) == one.started:
        try:
            os.kill(one.pid, number)
        except ProcessLookupError:
            pass  # it ended by itself


def _told(left: List[Running]) -> str:
    return ", ".join("{} (pid {})".format(one.what, one.pid) for one in left[:5])
