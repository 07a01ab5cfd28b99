"""What runs of the vendor's tunnel, by real processes: found by file and script, ended, and nobody else's touched."""

import contextlib
import shutil
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.waiting import until
from wachhund_install.disk import Disk
from wachhund_install.outcome import TUNNEL_STAYS, Refused, Telling
from wachhund_install.places import Places
from wachhund_install.services import Services
from wachhund_install.vendor_tunnel import processes
from wachhund_install.work import Options, Work

Start = Callable[..., "subprocess.Popen[bytes]"]


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Of the tunnel, for this test."""
    made = tmp_path / "tunnel"
    made.mkdir()
    monkeypatch.setattr(processes, "FOLDERS", (str(made),))
    return made


@pytest.fixture
def work() -> Work:
    places = Places(Path("/"))
    return Work(places, Disk(), Services(False), Telling(False), Options(), None)


@pytest.fixture
def start() -> Iterator[Start]:
    with contextlib.ExitStack() as stack:

        def run(*argv: str | Path, cwd: Path | None = None) -> "subprocess.Popen[bytes]":
            child = subprocess.Popen([str(word) for word in argv], cwd=cwd)
            stack.callback(child.wait, 10)
            stack.callback(child.kill)
            return child

        yield run


def found(work: Work) -> set[int]:
    return {one.pid for one in processes.running(work)}


def test_a_program_of_the_folder_is_found_also_when_its_file_is_gone(work: Work, folder: Path, start: Start) -> None:
    """An update of the vendor's takes the file away under it."""
    program = folder / "csclient"
    shutil.copy(shutil.which("sleep") or "", program)
    child = start(program, "600")
    until(lambda: found(work) == {child.pid}, 10, "it is found")
    program.unlink()
    assert found(work) == {child.pid}


def test_a_script_is_found_by_what_runs_it_and_a_reader_is_not(work: Work, folder: Path, start: Start) -> None:
    """Somebody who looks into the script, or stands in the folder, is no tunnel."""
    script = folder / "run.sh"
    script.write_text("read nothing < $1\n")
    pipe = folder / "pipe"
    subprocess.run(["mkfifo", str(pipe)], check=True)
    runs = start("sh", "./run.sh", pipe, cwd=folder)
    start("tail", "-f", script)
    start("sleep", "600", cwd=folder)
    start("sh", "-c", "sleep 600; :", str(script))
    until(lambda: found(work) == {runs.pid}, 10, "the script and nothing else")


def test_all_of_it_is_ended_also_what_does_not_listen(work: Work, folder: Path, start: Start) -> None:
    """A worker that ignores SIGTERM is killed; what ran is told."""
    program = folder / "csclient"
    shutil.copy(shutil.which("dash") or shutil.which("sh") or "", program)
    children = [start(program, "-c", f"{trap}while :; do sleep 0.05; done") for trap in ("", "trap '' TERM; ")]
    other = start("sleep", "600")
    until(lambda: found(work) == {child.pid for child in children}, 10, "both are found")
    work = work._replace(mono=lambda: 8 * time.monotonic())  # its patience is 5 s, and 3 s more to be sure
    assert processes.stop(work) == [str(program)]
    assert found(work) == set() and other.poll() is None
    assert processes.stop(work) == [], "a second time there is nothing"
    processes.check_stays_away(work)


def test_what_comes_back_is_told(work: Work, folder: Path, start: Start) -> None:
    """Something starts it that is not known: to say that it is off would be a lie."""
    program = folder / "csclient"
    shutil.copy(shutil.which("sleep") or "", program)
    start("sh", "-c", f"sleep 1; exec {program} 600")
    with pytest.raises(Refused, match="came back") as told:
        processes.check_stays_away(work)
    assert told.value.status == TUNNEL_STAYS


def test_a_name_is_told_for_people(work: Work, folder: Path, start: Start) -> None:
    """Whoever made the file chose its name."""
    program = folder / "a\n\x1b[31mb"
    shutil.copy(shutil.which("sleep") or "", program)
    start(program, "600")
    until(lambda: found(work) != set(), 10, "it is found")
    assert [one.what for one in processes.running(work)] == [f"{folder}/a??[31mb"]


def test_a_program_of_that_name_elsewhere_is_named_and_left(work: Work, folder: Path, start: Start) -> None:
    """It may be anybody's."""
    program = folder.parent / "npc"
    shutil.copy(shutil.which("sleep") or "", program)
    start(program, "600")
    until(lambda: str(program) in processes.of_that_name_elsewhere(work), 10, "it is named")
    assert found(work) == set()
