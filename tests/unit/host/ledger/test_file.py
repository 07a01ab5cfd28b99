"""The ledger's file: made for its owner, brought up to date step by step, and one clear line when it is unusable."""

import os
import shutil
import sqlite3
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import Connection

from tests.robots.host_bench import HostBench
from tests.robots.scripted import ScriptedRobot
from wachhund.ledger import Ledger, LedgerError, Rejection
from wachhund.ledger.engine import DatabaseFile
from wachhund.ledger.migrations import STEPS, applied, apply_next
from wachhund_evidence import MisuseError

pytestmark = pytest.mark.of_the_file


def test_the_file_is_for_its_owner_only(tmp_path: Path) -> None:
    """It holds what runs on every robot."""
    Ledger.open(tmp_path / "ledger.sqlite").close()
    assert (tmp_path / "ledger.sqlite").stat().st_mode & 0o777 == 0o600


def test_a_commit_is_synced_to_disk(tmp_path: Path) -> None:
    """WAL with synchronous=FULL (2): with NORMAL a power cut may take a transaction that was receipted."""
    database = DatabaseFile(tmp_path / "ledger.sqlite")
    with database.writing() as connection:
        assert connection.exec_driver_sql("PRAGMA synchronous").scalar() == 2
        assert connection.exec_driver_sql("PRAGMA journal_mode").scalar() == "wal"
    database.close()


def test_a_step_that_fails_leaves_nothing_and_is_tried_again(tmp_path: Path) -> None:
    """Half a migration would be a ledger that no version knows."""

    def breaks(connection: Connection) -> None:
        connection.exec_driver_sql("CREATE TABLE half (x INTEGER)")
        raise sqlite3.OperationalError("power cut")

    database = DatabaseFile(tmp_path / "ledger.sqlite")
    with pytest.raises(LedgerError), database.writing() as connection:
        apply_next(connection, (*STEPS, breaks))
    with database.reading() as connection:
        assert connection.exec_driver_sql("SELECT count(*) FROM sqlite_master WHERE name = 'half'").scalar() == 0
    with database.writing() as connection:
        assert "breaks" not in applied(connection)
        assert not apply_next(connection)
    database.close()


def test_a_ledger_of_a_newer_wachhund_is_left_alone(tmp_path: Path) -> None:
    """An old host that writes into it could break what it does not know."""
    path = tmp_path / "ledger.sqlite"
    Ledger.open(path).close()
    with sqlite3.connect(path) as connection:
        connection.execute("INSERT INTO migrations VALUES ('of_the_future', 0)")
    connection.close()
    with pytest.raises(LedgerError, match="newer Wachhund"):
        Ledger.open(path)


def test_another_programs_database_is_left_alone(tmp_path: Path) -> None:
    """A wrong --data must not write into somebody's file."""
    path = tmp_path / "ledger.sqlite"
    with sqlite3.connect(path) as connection:
        connection.execute("CREATE TABLE theirs (x)")
    connection.close()
    with pytest.raises(LedgerError, match="another program"):
        Ledger.open(path)
    with sqlite3.connect(path) as connection:
        assert [row[0] for row in connection.execute("SELECT name FROM sqlite_master")] == ["theirs"]
    connection.close()


def test_a_file_that_is_no_database_is_one_line(tmp_path: Path) -> None:
    """What, where, and what to do."""
    path = tmp_path / "ledger.sqlite"
    path.write_bytes(b"something else entirely, " * 400)
    with pytest.raises(LedgerError) as caught:
        Ledger.open(path)
    assert str(caught.value).startswith(f"ledger: {path}: the file is damaged: ")
    assert "\n" not in str(caught.value)


def test_a_damaged_page_is_found_at_start(bench: HostBench) -> None:
    """Not a week later, by the first query that happens to read it."""
    robot = ScriptedRobot()
    row = bench.add("go1", robot)
    bench.take(row, *[robot.heartbeat() for _ in range(200)])
    bench.ledger.close()
    size = bench.data.ledger.stat().st_size
    with bench.data.ledger.open("r+b") as file:
        for page in range(4, size // 4096, 3):
            file.seek(page * 4096)
            file.write(os.urandom(4096))
    with pytest.raises(LedgerError, match="damaged"):
        Ledger.open(bench.data.ledger)


def test_a_folder_that_is_not_there_is_one_line(tmp_path: Path) -> None:
    """The same words for whoever mistypes a path."""
    with pytest.raises(LedgerError, match=r"ledger: .*/nowhere/ledger\.sqlite: No such"):
        Ledger.open(tmp_path / "nowhere" / "ledger.sqlite")


@pytest.fixture
def locked_folder() -> Iterator[Path]:
    """A folder that the test may read and not write; root becomes somebody else for that time."""
    folder = Path(tempfile.mkdtemp())
    Ledger.open(folder / "there.sqlite").close()
    (folder / "there.sqlite").chmod(0o444)
    folder.chmod(0o555)
    root = os.geteuid() == 0
    if root:
        os.seteuid(65534)
    yield folder
    if root:
        os.seteuid(0)
    folder.chmod(0o700)
    shutil.rmtree(folder)


@pytest.mark.parametrize("name", ["new.sqlite", "there.sqlite"])
def test_a_read_only_folder_is_one_line(locked_folder: Path, name: str) -> None:
    """SQLite needs to write beside its file."""
    with pytest.raises(LedgerError, match=rf"ledger: .*/{name}: .*the right to write there"):
        Ledger.open(locked_folder / name)


def test_counts_of_refusals_add_up(tmp_path: Path) -> None:
    """Each flush adds to what stands there, and the newest sample is kept."""
    ledger = Ledger.open(tmp_path / "ledger.sqlite")
    ledger.add_rejections([Rejection("a", "signature", 3, 1.0, 2.0, "first")])
    ledger.add_rejections([Rejection("a", "signature", 4, 5.0, 6.0, "second"), Rejection("", "topic", 1, 5.0, 5.0, "")])
    assert ledger.rejections()[("a", "signature")] == Rejection("a", "signature", 7, 1.0, 6.0, "second")
    assert set(ledger.rejections()) == {("a", "signature"), ("", "topic")}
    ledger.close()


def test_a_name_and_a_key_are_registered_once(bench: HostBench) -> None:
    """Two robots with one key could deny everything that either says."""
    robot = ScriptedRobot()
    row = bench.add("go1", robot)
    with pytest.raises(MisuseError, match="one of that name"):
        bench.add("go1", ScriptedRobot())
    with pytest.raises(MisuseError, match="registered already"):
        bench.add("go2", robot)
    assert bench.ledger.robot_by_name("go1") == row


def test_judgements_are_kept_by_their_ids_and_replay_changes_nothing(bench: HostBench) -> None:
    """The judge may read evidence again after a crash."""
    incident = {"id": "i1", "robot": "r", "state": "open", "level": "high", "first_t": 1.0, "last_t": 2.0, "title": "x"}
    session = {"id": "s1", "robot": "r", "surface": "ssh", "first_t": 1.0, "last_t": None, "user": "pi"}
    for _ in range(2):
        bench.ledger.save_judgement(7, [incident], [session])
    assert bench.ledger.judge_cursor() == 7
    assert bench.ledger.incidents() == [incident] and bench.ledger.incident("i1") == incident
    assert bench.ledger.sessions(open_only=True) == [session]
    bench.ledger.save_judgement(9, [{**incident, "level": "critical", "last_t": 9.0}], [{**session, "last_t": 9.0}])
    assert bench.ledger.incident_counts() == {("open", "critical"): 1}
    assert bench.ledger.sessions(open_only=True) == []
    assert bench.ledger.incidents(robot="other") == [] and bench.ledger.incident("i2") is None
