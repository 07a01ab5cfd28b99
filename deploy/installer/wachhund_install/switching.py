"""The version that runs: the switch to another, its trial, and the way back.

The trial ends in one of three ways: the agent marks that a host took its word (`finish`); it does not in time, or does
not stay up, and ends (`settle`, which systemd runs as root after each end of the agent: `ExecStopPost`); or the power
goes, and the next start is the trial again.
"""

import json
import os
from pathlib import Path
from typing import Any, Dict, Mapping, Optional

from wachhund_install.disk import NEW
from wachhund_install.outcome import FAILED, NOT_VERIFIED, ROLLED_BACK, Refused
from wachhund_install.places import UNIT
from wachhund_install.work import Work

_LOOK_S = 0.2
_START_S = 90.0  # beside the time that the trial has: until the new one runs, and the old one again
_MAX_BYTES = 4096


def read(path: Path) -> Dict[str, Any]:
    """A small JSON object; empty when there is none."""
    try:
        with path.open("rb") as file:
            found = json.loads(file.read(_MAX_BYTES).decode("utf-8"))
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}


def begin_trial(work: Work) -> Optional[str]:
    """Written before the switch: a version that was switched to is on trial, whenever the power goes."""
    before, asked = work.current_name(), read(work.places.trial)
    if before == work.bundle.name and not asked:
        return None
    if not work.is_enrolled() or work.options.within_s <= 0:
        work.disk.remove(work.places.trial)
        return "none: {}".format("nobody waits for a receipt" if work.is_enrolled() else "it is not enrolled")
    if asked.get("folder") != _robot_path(work):
        work.disk.remove(work.places.mark)
        found = {"folder": _robot_path(work), "before": before, "within_s": work.options.within_s}
        work.disk.write(work.places.trial, (json.dumps(found, sort_keys=True) + "\n").encode("utf-8"))
    return "{} comes back if no receipt comes within {} s".format(before, work.options.within_s)


def end_trial(work: Work) -> None:
    work.disk.remove(work.places.trial)


def switch(work: Work) -> Optional[str]:
    """One rename: there is no moment without a version."""
    if work.current_name() == work.bundle.name:
        # On trial it is this run's to undo, whichever run switched.
        return "current is {}".format(work.bundle.name) if read(work.places.trial) else None
    work.disk.link("versions/" + work.bundle.name, work.places.current)
    return "current is {}".format(work.bundle.name)


def take_back_first(work: Work) -> None:
    """Of a first installation."""
    work.disk.remove(work.places.current)


def enable(work: Work) -> Optional[str]:
    """The unit, which leads to the current version's, and that it starts with the robot."""
    target = work.places.as_the_robot_sees(work.places.current) + "/" + UNIT
    links = ((target, work.places.unit), (work.places.as_the_robot_sees(work.places.unit), work.places.wanted))
    changed = False
    for leads_to, path in links:
        if not path.is_symlink() or os.readlink(str(path)) != leads_to:
            work.disk.make_folder(path.parent)
            work.disk.link(leads_to, path)
            changed = True
    return "{} starts with the robot".format(UNIT) if changed else None


def disable(work: Work) -> Optional[str]:
    """Also of a unit whose program is gone."""
    names = [(path, path.with_name(path.name + NEW)) for path in (work.places.wanted, work.places.unit)]
    found = [path for pair in names for path in pair if os.path.lexists(str(path))]  # NEW: a run was cut off
    for path in found:
        work.disk.remove(path)
    return "{} is gone".format(UNIT) if found else None


def reload(work: Work) -> Optional[str]:
    work.services.reload()
    return "systemd has read it" if work.places.is_running_system else "not here"


def start(work: Work) -> Optional[str]:
    """Anew, also when one runs: that may be the version before."""
    if not work.is_enrolled():
        return "not yet: it is not enrolled"
    if not work.places.is_running_system:
        return "not here: it starts with the robot"
    if not work.options.starts:
        return "not now: it starts with the robot"
    if is_verified(work) and not read(work.places.trial) and work.services.state().get("ActiveState") == "active":
        return None
    try:
        work.services.restart()
    except Refused as error:
        if work.current_name() == work.bundle.name and not read(work.places.trial):
            raise
        raise Refused(ROLLED_BACK, "it did not stay up, and the version before comes back ({})".format(error)) from None
    state = work.services.state().get("ActiveState")
    if state != "active" and work.current_name() == work.bundle.name and not read(work.places.trial):
        raise Refused(FAILED, "{} is {}: look at `journalctl -u {}`".format(UNIT, state, UNIT))
    return "the agent is started"


def back(work: Work, before: str) -> None:
    """Nothing is asked of systemd."""
    if (work.places.versions / before).is_dir():
        work.disk.link("versions/" + before, work.places.current)
    work.disk.remove(work.places.trial)


def undo_switch(work: Work) -> None:
    """Of an update that failed: the version before runs again."""
    before = read(work.places.trial).get("before")
    if isinstance(before, str) and work.current_name() != before:
        back(work, before)
        work.services.reload()
        work.services.restart()


def is_verified(work: Work) -> bool:
    """Whether a host took the word of this version, in this enrolment."""
    return bool(read(work.places.mark).get("folder") == _robot_path(work))


def verify(work: Work) -> Optional[str]:
    """Waits until a host took the word of this version. Raises Refused when none does in time."""
    options = work.options
    if not work.is_enrolled() or options.within_s <= 0 or not work.places.is_running_system or not options.starts:
        return "nobody waits for a receipt"
    began = work.mono()
    on_trial = bool(read(work.places.trial))
    while not is_verified(work):
        waited = work.mono() - began
        # The agent ends its trial by itself and systemd takes the version before; where even that did not come about,
        # undoing the switch does it.
        if work.current_name() != work.bundle.name or (on_trial and waited > work.options.within_s + _START_S):
            before = read(work.places.trial).get("before") or work.current_name()
            text = "no receipt of a host came in time, or it did not stay up: {} runs again: look at `journalctl -u {}`"
            raise Refused(ROLLED_BACK, text.format(before, UNIT))
        if not on_trial and waited > work.options.within_s:
            text = "it runs, and no receipt of a host came within {} s: can the host be reached? It goes on trying"
            raise Refused(NOT_VERIFIED, text.format(work.options.within_s))
        work.sleep(_LOOK_S)
    return "a host took its word after {:.1f} s".format(work.mono() - began)


def finish(work: Work) -> Optional[str]:
    """The trial is over; of the versions before, the last one is kept."""
    before = read(work.places.trial).get("before")
    end_trial(work)
    keep = {work.bundle.name, before}
    gone = 0
    if before is not None:
        for path in sorted(work.places.versions.iterdir()):
            if path.name not in keep:
                work.disk.remove_tree(path)
                gone += 1
    return "{} is kept, {} older went".format(before, gone) if before else None


def settle(work: Work, environ: Mapping[str, str]) -> Optional[str]:
    """After each end of the agent: what becomes of a trial. Returns what was done, None when nothing was to be done.

    `environ`: systemd says in SERVICE_RESULT whether the end was one that somebody asked for.
    """
    trial = read(work.places.trial)
    if not trial:
        return None
    folder, before = trial.get("folder"), trial.get("before")
    if read(work.places.mark).get("folder") == folder or not isinstance(before, str):
        end_trial(work)
        return "the trial is over"
    if work.current_name() != str(folder).rsplit("/", 1)[-1]:
        return None
    if environ.get("SERVICE_RESULT", "success") == "success":
        return None
    back(work, before)
    work.services.reload()
    return "{} runs again: the version on trial ended ({})".format(before, environ.get("SERVICE_RESULT"))


def _robot_path(work: Work) -> str:
    return work.places.as_the_robot_sees(work.version)
