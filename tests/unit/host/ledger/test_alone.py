"""A ledger's file for one alone, and whoever comes to it meanwhile."""

import os
import sqlite3
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from tests.waiting import until
from wachhund.ledger import Ledger, LedgerError, engine, opening
from wachhund.ledger.alone import alone
from wachhund.ledger.engine import reading_only
from wachhund.ledger.place import address_file

pytestmark = pytest.mark.of_the_file


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """A ledger's file with one act on record, which nobody has open."""
    path = tmp_path / "ledger.sqlite"
    write(path, "before")
    return path


def write(path: Path, act: str) -> None:
    with closing(Ledger.open(path)) as ledger:
        ledger.log.record(t=1.0, who="anna", act=act)


def acts(path: Path) -> list[str]:
    """What is on record in this file, wherever it lies."""
    with reading_only(path) as connection:
        return list(connection.exec_driver_sql("SELECT act FROM acts ORDER BY number").scalars())


def test_nobody_else_opens_it_and_it_can_be_read_as_it_lies_there(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Also after somebody in the same process has read it: POSIX lets go of a file's locks with any of its handles."""
    monkeypatch.setattr(engine, "BUSY_SECONDS", 0.2)
    with alone(path):
        for _ in range(2):
            assert acts(path) == ["before"] and not path.with_name("ledger.sqlite-wal").exists()
            with pytest.raises(LedgerError, match=r"another program has held it for .* `wachhund ledger move`$"):
                write(path, "meanwhile")
            program = f"import sqlite3; sqlite3.connect({str(path)!r}, timeout=0).execute('DELETE FROM migrations')"
            done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
            assert "database is locked" in done.stderr
    write(path, "after")
    assert acts(path) == ["before", "after"]


def test_who_looks_for_it_in_the_moment_of_its_move_makes_no_second_ledger(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No server was named when he asked, and the file is not there any more when he opens it."""
    folder = tmp_path / "data"
    folder.mkdir()

    def moved_right_behind_that(path: Path) -> None:
        address_file(path).write_text("postgresql:///ledger", encoding="utf-8")

    monkeypatch.setattr(opening, "server_of", moved_right_behind_that)
    with pytest.raises(LedgerError, match="was moved away meanwhile: start this again, to find it"):
        Ledger.open(folder / "ledger.sqlite")
    assert [path.name for path in folder.iterdir()] == ["ledger.url"]


def test_who_has_it_open_is_in_the_way_and_goes_on(path: Path) -> None:
    """Commands run for minutes, and write now and then: none of it may fall between two files."""
    with closing(Ledger.open(path)) as other:
        with pytest.raises(LedgerError, match="another program has it open: end that program"), alone(path, 0.2):
            pass
        other.log.record(t=2.0, who="anna", act="goes on")
    with alone(path, 0.2):
        assert acts(path) == ["before", "goes on"]


def test_who_ends_meanwhile_is_waited_for(path: Path) -> None:
    """A command takes a moment."""
    other = Ledger.open(path)
    ends = threading.Timer(0.4, other.close)
    ends.start()
    with alone(path, 10):
        assert acts(path) == ["before"]
    ends.join()


def test_what_a_killed_one_left_beside_the_file_comes_into_it(path: Path) -> None:
    """A WAL that stayed beside a file that was moved away would be lost, or taken for another's."""
    program = (
        "import os, pathlib; from wachhund.ledger import Ledger; "
        f"Ledger.open(pathlib.Path({str(path)!r})).log.record(t=2.0, who='anna', act='killed'); os._exit(0)"
    )
    subprocess.run([sys.executable, "-c", program], check=True)
    assert path.with_name("ledger.sqlite-wal").stat().st_size
    with alone(path):
        moved = path.rename(path.with_name("moved"))
    assert acts(moved) == ["before", "killed"] and not path.with_name("ledger.sqlite-wal").exists()


def test_who_waited_until_it_was_moved_away_is_told_and_writes_nowhere(path: Path) -> None:
    """He had the old file open already, and would go on in it; or make an empty ledger in its place."""
    said: list[str] = []

    def command() -> None:
        try:
            write(path, "lost")
        except LedgerError as error:
            said.append(str(error))

    waiting = threading.Thread(target=command)
    with alone(path):
        held = handles(path)
        waiting.start()
        until(lambda: handles(path) > held, 10, "it waits at the door")
        moved = path.rename(path.with_name("moved"))
    waiting.join(20)
    assert said == [f"ledger: {path}: was moved away meanwhile: start this again, to find it"]
    assert acts(moved) == ["before"] and [one.name for one in path.parent.iterdir()] == ["moved"]


def test_a_file_that_is_another_one_now_is_not_written_to(path: Path) -> None:
    """Whoever had it open: by a connection that he had, and by a new one."""
    with closing(Ledger.open(path)) as ledger:
        moved = path.rename(path.with_name("moved"))
        for _ in range(2):
            with pytest.raises(LedgerError, match="was moved away meanwhile"):
                ledger.log.record(t=2.0, who="anna", act="lost")
        with ledger.moment(), pytest.raises(LedgerError, match="was moved away meanwhile"):
            ledger.log.record(t=2.0, who="anna", act="lost")
        assert not path.exists()
        write(path, "of another ledger")
        with pytest.raises(LedgerError, match="was moved away meanwhile"):
            ledger.log.record(t=2.0, who="anna", act="lost")
    assert acts(path) == ["of another ledger"]
    with closing(sqlite3.connect(moved)) as connection:
        assert connection.execute("SELECT act FROM acts").fetchall() == [("before",)]


def handles(path: Path) -> int:
    """How many handles of this process lead to the file."""
    found = 0
    for one in Path("/proc/self/fd").iterdir():
        try:
            found += one.resolve() == path
        except OSError:
            continue
    return found


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Path]:
    """A small disk."""
    folder = tmp_path / "disk"
    folder.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=8m", "tmpfs", str(folder)], check=True)
    yield folder
    subprocess.run(["umount", str(folder)], check=True)


@pytest.mark.needs_root("a disk of its own")
@pytest.mark.parametrize(("state", "says"), [("full", "the disk is full"), ("read-only", "the disk reports an error")])
def test_a_disk_that_takes_nothing_is_said_and_the_file_stays_as_it_is(disk: Path, state: str, says: str) -> None:
    """There is no having it alone then, for others could still come."""
    path = disk / "ledger.sqlite"
    write(path, "before")
    if state == "full":
        free = os.statvfs(disk).f_bavail * os.statvfs(disk).f_frsize
        (disk / "filler").write_bytes(bytes(free))
    else:
        subprocess.run(["mount", "-o", "remount,ro", str(disk)], check=True)
    before = path.read_bytes()
    with pytest.raises(LedgerError, match=says), alone(path, 0.2):
        pass
    assert path.read_bytes() == before and acts(path) == ["before"]
