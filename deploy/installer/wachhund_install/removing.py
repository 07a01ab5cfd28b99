"""Away again: nothing of ours stays, and nothing else is touched."""

import os
from pathlib import Path
from typing import Optional

from wachhund_install.outcome import NOT_INSTALLED, Refused
from wachhund_install.robot import check_user
from wachhund_install.unpacking import take_away_around
from wachhund_install.vendor_tunnel import record
from wachhund_install.work import Work

_TRACEFS = ("/sys/kernel/tracing", "/sys/kernel/debug/tracing")
_INSTANCE = "wachhund-"


def check_installed(work: Work) -> Optional[str]:
    """Half of an installation counts."""
    check_user()
    places = work.places
    ours = (places.program, places.unit, places.wanted, places.state, places.state_link)
    if not any(os.path.lexists(str(path)) for path in ours):
        raise Refused(NOT_INSTALLED, "nothing of Wachhund is installed here")
    return work.current_name() or "a half-finished installation"


def stop(work: Work) -> Optional[str]:
    """The agent says goodbye to its host."""
    work.services.stop()
    return "the agent does not run"


def forget_instances(work: Work) -> Optional[str]:
    """Buffers of kernel events that a killed agent left; their names hold its pid."""
    gone = 0
    for folder in _TRACEFS if work.places.is_running_system else ():
        where = Path(folder) / "instances"
        try:
            names = [path.name for path in where.iterdir()]
        except OSError:
            continue
        for name in names:
            pid = name[len(_INSTANCE) :].split("-")[0]
            if name.startswith(_INSTANCE) and pid.isdecimal() and not Path("/proc/" + pid).exists():
                try:
                    (where / name).rmdir()
                    gone += 1
                except OSError:
                    pass  # another agent's after all
    return "{} buffers of kernel events".format(gone) if gone else None


def take_away_program(work: Work) -> Optional[str]:
    """Last: all versions, and the code that runs now, of which everything is in memory."""
    program = work.places.program
    if not program.exists():
        return None
    take_away_around(work)
    keep = work.places.current.resolve() / "installer" if work.current_name() else None
    for path in sorted(work.places.versions.iterdir()) if work.places.versions.is_dir() else []:
        if keep is None or path != keep.parent:
            work.disk.remove_tree(path)
        else:
            # What can still take us away when this run is cut off goes last.
            for one in sorted(path.iterdir()):
                if one != keep:
                    work.disk.remove_tree(one)
    if keep is not None:
        work.disk.remove_tree(keep.parent)
    work.disk.remove_tree(program)
    return work.places.as_the_robot_sees(program)


def last_words(work: Work) -> str:
    """The vendor's tunnel stays disabled: who takes a guard away does not ask for a door to be opened."""
    if not record.exists(work):
        return "nothing of Wachhund is left on this robot"
    text = "of Wachhund only {} is left: the vendor's tunnel stays disabled until restore-vendor-tunnel is said"
    return text.format(record.FOLDER)


def forget(work: Work) -> Optional[str]:
    """systemd's memory of it."""
    work.services.reload()
    work.services.forget()
    return "systemd knows it no more"
