"""What install, update and uninstall do, step by step: these tables are the whole of it."""

from typing import Optional, Tuple

from wachhund_install import enrolling, removing, switching, unpacking
from wachhund_install.outcome import NOT_INSTALLED, OTHER_VERSION, Refused
from wachhund_install.steps import Step
from wachhund_install.work import Work


def _none_other(work: Work) -> Optional[str]:
    found = work.current_name()
    if found is not None and found != work.bundle.name:
        raise Refused(OTHER_VERSION, "{} is installed: say update".format(found))
    return unpacking.check(work)


def _an_earlier_one(work: Work) -> Optional[str]:
    found = work.current_name()
    if found is None:
        raise Refused(NOT_INSTALLED, "nothing is installed here: say install")
    ours, theirs = version_key(work.bundle.name), version_key(found)
    if ours < theirs and not work.options.older:
        raise Refused(OTHER_VERSION, "{} is newer than this one, {}: give --older to go back".format(
            found, work.bundle.description.version))  # fmt: skip
    return unpacking.check(work)


def version_key(name: str) -> Tuple[int, ...]:
    """The numbers of a version, to be compared; the hash behind them counts for nothing."""
    return tuple(int(part) if part.isdecimal() else 0 for part in name.split("-")[0].split("."))


_FOLDER = (
    Step("clean", "take away what an earlier run left half-finished", unpacking.clean),
    Step("unpack", "unpack agent and libraries beside what is there", unpacking.unpack, unpacking.take_away_new),
    Step("try", "start the agent once to see that it fits this robot", unpacking.attempt),
    Step("place", "give the version its name", unpacking.place, unpacking.take_away_version),
)

INSTALL = (
    Step("check", "look whether this robot can take it", _none_other, looks=True),
    *_FOLDER,
    Step("state", "make the folder for key and journal", enrolling.make_state, enrolling.take_away_new_state),
    Step("switch", "make it the current version", switching.switch, switching.take_back_first),
    Step("unit", "let it start with the robot", switching.enable, lambda work: _undo_unit(work)),
    Step("reload", "let systemd read the unit", switching.reload),
    Step("enrol", "enrol at the host that the token names", enrolling.enrol, stays=True),
    Step("start", "start the agent", switching.start, stays=True),
    Step("verify", "wait until a host took its word", switching.verify),
)

UPDATE = (
    Step("check", "look whether this robot can take it", _an_earlier_one, looks=True),
    *_FOLDER,
    Step(
        "trial", "note which version comes back if this one is not verified", switching.begin_trial, switching.end_trial
    ),
    Step("switch", "make it the current version", switching.switch, switching.undo_switch),
    Step("unit", "let it start with the robot", switching.enable),
    Step("reload", "let systemd read the unit", switching.reload),
    Step("start", "start the new version", switching.start),
    Step("verify", "wait until a host took its word", switching.verify),
    Step("finish", "end the trial, keep the version before, take older ones away", switching.finish),
)

UNINSTALL = (
    Step("check", "look what is installed", removing.check_installed, looks=True),
    Step("stop", "stop the agent", removing.stop),
    Step("unit", "take its unit away", switching.disable),
    Step("forget", "let systemd forget it", removing.forget),
    Step("kernel", "take away what it left in the kernel", removing.forget_instances),
    Step("state", "take away key, configuration and journal", enrolling.take_away_state),
    Step("program", "take the program away", removing.take_away_program),
)


def _undo_unit(work: Work) -> None:
    switching.disable(work)
    work.services.reload()
