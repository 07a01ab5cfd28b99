"""Putting back what was disabled, as it was, step by step; each goes on where an earlier run was killed."""

import os
from pathlib import Path
from typing import Callable, List, Optional

from wachhund_install.disk import NEW
from wachhund_install.outcome import FILE_CHANGED, Refused
from wachhund_install.vendor_tunnel import disabling, looking, processes, record, vendor_file
from wachhund_install.work import Work

_COMES_S, _LOOK_S = 3.0, 0.2  # of a service that was started


def check(work: Work) -> Optional[str]:
    """That all can be put back as it was. Raises Refused, before anything is changed."""
    disabling.check(work)
    kept = record.read(work)
    for one in kept.files:
        if record.stands(work, one) == record.CHANGED:
            _changed(work, one.path, "cp {}/{} {}".format(record.FOLDER, one.copy, one.path))
    for link in kept.links:
        if os.path.lexists(str(work.places.at(link.path))) and record.target(work, link) != link.target:
            _changed(work, link.path, "ln -sfn {} {}".format(link.target, link.path))
    return "it can be put back"


def begin(work: Work) -> Optional[str]:
    record.begin(work)
    return "begun"


def list_back(work: Work) -> Optional[str]:
    """The files as they were: content, mode, owner, time."""
    done, root = [], work.places.root
    for one in record.read(work).files:
        vendor_file.clean(work.disk, root, one.path)
        is_exact = record.is_exactly(vendor_file.read(root, one.path), one)
        if not is_exact and record.stands(work, one) != record.CHANGED:
            vendor_file.replace(work.disk, root, one.path, record.content(work, one), keep_time=True)
            done.append(one.path)
    return "{} is as it was".format(", ".join(done)) if done else None


def links_back(work: Work) -> Optional[str]:
    done = []
    for one in record.read(work).links:
        path = work.places.at(one.path)
        work.disk.remove(work.places.at(one.path + NEW))  # a run was killed
        if not os.path.lexists(str(path)):
            work.disk.make_folder(path.parent)
            work.disk.link(one.target, path, _dressed_as(one))
            done.append(one.path)
    return "{} is there again".format(", ".join(done)) if done else None


def _dressed_as(kept: record.KeptLink) -> Callable[[Path], None]:
    def dress(new: Path) -> None:
        os.lchown(str(new), kept.uid, kept.gid)
        os.utime(str(new), ns=(kept.mtime_ns, kept.mtime_ns), follow_symlinks=False)

    return dress


def start_services(work: Work) -> Optional[str]:
    """Those that ran; of the others it is said that they don't."""
    kept, said = record.read(work), []
    for name in kept.services:
        one = looking.service(work, name)
        if not work.places.is_running_system:
            said.append("{} starts with the robot".format(name))
            continue
        try:
            one.start()
        except Refused as error:
            said.append("{} does NOT run again ({})".format(name, error))
            continue
        state = one.state().get("ActiveState")
        said.append("{} {}".format(name, "runs again" if state in ("active", "activating") else "does NOT stay up"))
    missing = _missing(work, kept)
    if missing:
        said.append("NOT started: {}: the vendor's autostart does that when it runs next".format(", ".join(missing)))
    return "; ".join(said) or None


def _missing(work: Work, kept: record.Record) -> List[str]:
    """Programs that ran and do not come back with a service."""
    began = work.mono()
    while True:
        runs = {one.what for one in processes.running(work)}
        missing = [one for one in kept.programs if one not in runs]
        if not missing or not kept.services or work.mono() - began > _COMES_S:
            return missing
        work.sleep(_LOOK_S)


def start_again(work: Work) -> None:
    """When all is undone."""
    said = start_services(work)
    if said:
        work.telling.step("stop", "note", said)


def finish(work: Work) -> Optional[str]:
    record.take_away(work)
    return "{} is gone".format(record.FOLDER)


def _changed(work: Work, path: str, command: str) -> None:
    what = "{}: was {} since it was disabled".format(
        path, "changed" if os.path.lexists(str(work.places.at(path))) else "taken away")  # fmt: skip
    if not work.options.keep_changed:
        text = "{}: nothing was put back: `sudo {}` gives it back, or keep it as it is with --keep-changed"
        raise Refused(FILE_CHANGED, text.format(what, command))
    work.telling.step("check", "note", "{}: it stays as it is".format(what))
