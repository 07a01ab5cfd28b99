"""The first steps of every version: its folder is made beside the others, tried, and only then gets its name."""

import compileall
import os
import py_compile
import subprocess
import time
from pathlib import Path
from typing import List, Optional

from wachhund_install.outcome import FAILED, Refused
from wachhund_install.places import PREFIX_NEW, PROGRAM, STATE, UNIT
from wachhund_install.robot import check_disk, check_machine, check_python, check_systemd, check_user, clock_note
from wachhund_install.work import Work

AGENT = "agent.py"  # starts the agent with nothing but what lies beside it
_PYTHON_OF_IMAGES = "/usr/bin/python3"  # ours is not the one that will run the agent there
_TRY_S = 120.0  # a slow card reads 15 MB of libraries for the first time


def check(work: Work) -> Optional[str]:
    """Nothing is changed before all of this holds."""
    check_user()
    check_machine(work.bundle)
    check_python(work.options.python, work.places)
    check_systemd(work.services, work.places)
    if not work.version.is_dir():
        check_disk(work.places, work.bundle, sum(size_of(path) for path in _half_finished(work)))
    note = clock_note(work.bundle.description.epoch, time.time())
    if note:
        work.telling.step("check", "note", note)
    what = work.bundle.description
    signed = "signed by {}".format(work.bundle.key[:16]) if work.bundle.key else "an UNSIGNED development build"
    return "wachhund-agent {} for {}, {}".format(what.version, what.arch, signed)


def clean(work: Work) -> Optional[str]:
    """What an earlier run left when it was cut off."""
    left = _half_finished(work)
    for path in left:
        work.disk.remove_tree(path)
    return "took away {} half-finished version".format(len(left)) if left else None


def unpack(work: Work) -> Optional[str]:
    """Libraries, agent, installer and unit, with all that the unit needs to be told."""
    if work.version.is_dir():
        return None
    work.disk.make_folder(work.places.program)
    if not work.places.made.exists():
        # Before anything outside is made: who takes us away must know what was not there.
        absent = [one for one in work.places.around if not one.exists()]
        lines = "".join(work.places.as_the_robot_sees(one) + "\n" for one in absent)
        work.disk.write(work.places.made, lines.encode("utf-8"))
    work.disk.make_folder(work.new)
    files = 0
    for wheel in work.bundle.wheels():
        for name, data in work.bundle.files(wheel):
            files += _put(work, "lib/" + name, data, 0o755 if ".so" in Path(name).suffixes else 0o644)
    for name, data in work.bundle.installer():
        files += _put(work, "installer/" + name, data, 0o644)
    python = work.options.python if work.places.is_running_system else _PYTHON_OF_IMAGES
    for name, text in (
        (AGENT, work.bundle.text(AGENT)),
        (UNIT, render_unit(work.bundle.text(UNIT), python)),
        ("LICENSE", work.bundle.text("LICENSE")),
    ):
        files += _put(work, name, text.encode("utf-8"), 0o644)
    _compile(work)
    return "{} files, {:.1f} MB".format(files, size_of(work.new) / 1e6)


def take_away_new(work: Work) -> None:
    """The version that has no name yet."""
    work.disk.remove_tree(work.new)
    take_away_program_if_empty(work)


def take_away_program_if_empty(work: Work) -> None:
    """Nothing of ours stays behind a first installation that failed."""
    if not _children(work.places.versions):
        take_away_around(work)
        for path in (work.places.trial, work.places.made):
            work.disk.remove(path)
        for folder in (work.places.versions, work.places.program):
            work.disk.remove_folder(folder)


def take_away_around(work: Work) -> None:
    """The folders outside that were not there before, where nothing else has come into them."""
    made = work.places.made.read_text(encoding="utf-8").splitlines() if work.places.made.exists() else []
    for line in reversed(made):
        work.disk.remove_folder(work.places.at(line))


def attempt(work: Work) -> Optional[str]:
    """That it starts here: the libraries fit this machine and this Python."""
    if work.version.is_dir():
        return None
    argv = [work.options.python, "-I", "-S", "-B", str(work.new / AGENT), "--version"]
    try:
        done = subprocess.run(
            argv, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, universal_newlines=True,
            timeout=_TRY_S,
        )  # fmt: skip
    except subprocess.TimeoutExpired:
        raise Refused(FAILED, "the agent does not answer --version within {:g} s".format(_TRY_S)) from None
    if done.returncode:
        said = done.stderr.strip().splitlines()
        raise Refused(FAILED, "the agent does not start here: {}".format(said[-1][:300] if said else "no reason said"))
    return done.stdout.strip()


def place(work: Work) -> Optional[str]:
    """From now on the version has its name, and all of it is on disk."""
    if work.version.is_dir():
        return None
    work.disk.sync_tree(work.new)
    work.disk.rename(work.new, work.version)
    return work.places.as_the_robot_sees(work.version)


def take_away_version(work: Work) -> None:
    """Unless it is the one that runs."""
    if work.current_name() != work.bundle.name:
        work.disk.remove_tree(work.version)
        take_away_program_if_empty(work)


def render_unit(template: str, python: str) -> str:
    """The unit for this robot's Python."""
    return template.replace("@PYTHON@", python).replace("@PROGRAM@", str(PROGRAM)).replace("@STATE@", str(STATE))


def size_of(folder: Path) -> int:
    """Bytes of all files."""
    return sum(
        (Path(where) / name).lstat().st_size for where, _, files in os.walk(str(folder)) for name in files
    )  # fmt: skip


def _put(work: Work, name: str, data: bytes, mode: int) -> int:
    path = work.new / name
    work.disk.make_folder(path.parent)
    work.disk.put(path, data, mode)
    return 1


def _compile(work: Work) -> None:
    """Once here instead of at each start; checked by content, for dates mean nothing on a board without a clock."""
    for folder in ("lib", "installer"):
        where = "{}/{}".format(work.places.as_the_robot_sees(work.version), folder)
        work.disk.on_change("compile {}".format(folder))
        compileall.compile_dir(
            str(work.new / folder), ddir=where, quiet=2, invalidation_mode=py_compile.PycInvalidationMode.CHECKED_HASH
        )


def _children(folder: Path) -> List[Path]:
    return sorted(folder.iterdir()) if folder.is_dir() else []


def _half_finished(work: Work) -> List[Path]:
    return [path for path in _children(work.places.versions) if path.name.startswith(PREFIX_NEW)]
