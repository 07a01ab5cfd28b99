"""`wachhund ledger move`, and a host that is told by --ledger where its ledger is."""

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from sqlalchemy import URL

from tests.robots import ledger_place
from tests.robots.host_bench import HostBench
from tests.robots.ledger_place import beside
from tests.robots.three_days import DAY, MARKER, T, ThreeDays
from tests.robots.throw_away_postgres import PROGRAMS
from wachhund.cli import main
from wachhund.ledger import Ledger, LedgerError
from wachhund.ledger.moving import tables
from wachhund.ledger.opening import reading_only
from wachhund.ledger.place import settle, shown

pytestmark = [
    pytest.mark.of_the_file,
    pytest.mark.skipif(not PROGRAMS.exists(), reason="PostgreSQL 15 is not installed"),
]


@pytest.fixture
def told(tmp_path: Path) -> Iterator[ThreeDays]:
    """A ledger with evidence, faults, what was erased, people, incidents and sessions; nobody has it open."""
    bench = HostBench(tmp_path / "data")
    made = ThreeDays(bench)
    made.erase_before(T + DAY)
    made.robot.rewind(70)
    bench.take(made.row, made.robot.heartbeat(), t=T + 3 * DAY)
    made.robot.rewind(90)
    ledger = bench.ledger
    ledger.people.make("anna", "hash", {"all": "admin"}, by="test", why="test", t=T)
    incident = {"id": "i1", "robot": made.row.id, "state": "open", "level": "high", "first_t": 1.0, "last_t": 2.5}
    session = {"id": "s1", "robot": made.row.id, "surface": "ssh", "first_t": 1.0, "last_t": None, "user": "pi"}
    ledger.save_judgement(10_001, [{**incident, "title": "ä 'x' \\ \t"}], [session])
    assert ledger.save_minds((10_001, 0, 1, 0), "v", {made.row.id: bytes(range(256))})
    ledger.keeping.hold(made.row.id, None, None, None, "anna", "a court asks", T)
    bench.close()
    yield made


def rows(path: Path) -> dict[str, list[tuple[object, ...]]]:
    """All that a ledger holds, whichever holds it; of changes whose they are: each database counts them its own way."""
    with beside(path) as connection:
        return {
            table.name: [
                tuple(row)[:1] if table.name == "fleet_changes" else tuple(row)
                for row in connection.execute(table.select().order_by(*table.primary_key))
            ]
            for table in tables()
        }


@pytest.fixture
def address() -> URL:
    return ledger_place.server().empty_database()


def test_all_of_it_is_there_afterwards_and_the_host_goes_on(
    told: ThreeDays, address: URL, capsys: pytest.CaptureFixture[str]
) -> None:
    """Every row of every table, and numbers that go on where they were."""
    data = told.bench.data
    before = rows(data.ledger)
    assert sum(map(len, before.values())) > 200
    assert [name for name in ("erased", "faults", "forks", "minds", "acts") if not before[name]] == []
    assert main(["ledger", "move", shown(address), "--data", str(data.path)]) == 0
    assert "1 robots, the evidence of" in capsys.readouterr().out
    assert not data.ledger.exists() and data.ledger.with_name("ledger.sqlite.moved").exists()
    assert rows(data.ledger) == before and data.has_ledger()
    assert main(["verify", str(data.path)]) == 1, "a fork is in it, on the server as in the file"
    assert "rex" in capsys.readouterr().out

    bench = HostBench(data.path)
    told.bench = bench
    told.tell(T + 4 * DAY, 2)
    (newest,) = bench.ledger.newest_observations(told.row.id, 1, None)
    assert newest.id > max(int(str(row[0])) for row in before["observations"])
    assert bench.ledger.keeping.hold(told.row.id, None, None, None, "anna", "again", T) == 2
    assert bench.ledger.log.first_broken() is None
    with pytest.raises(LedgerError, match="takes no writes"), reading_only(data.ledger) as connection:
        connection.exec_driver_sql("DELETE FROM robots")
    bench.close()


def test_what_is_not_the_same_there_is_not_moved(
    told: ThreeDays, address: URL, capsys: pytest.CaptureFixture[str]
) -> None:
    """A server that keeps something else than it was given: here one that changes what is put into it."""
    path = told.bench.data.ledger
    ledger_place.name_server(path.with_name("there.sqlite"), address)
    Ledger.open(path.with_name("there.sqlite")).close()
    with beside(path.with_name("there.sqlite")) as connection:
        connection.exec_driver_sql("ALTER TABLE robots ALTER COLUMN name TYPE varchar(2) USING name")
        connection.exec_driver_sql("CREATE RULE other AS ON INSERT TO sessions DO INSTEAD NOTHING")
    assert main(["ledger", "move", shown(address), "--data", str(path.parent)]) == 1
    assert capsys.readouterr().err.startswith("wachhund: ledger: ")
    assert path.exists() and not path.with_suffix(".url").exists()
    assert not any(rows(path.with_name("there.sqlite")).values()), "none of it stays"


def test_nothing_is_moved_over_another_ledger_and_none_with_a_password_on_the_command_line(
    told: ThreeDays, address: URL, capsys: pytest.CaptureFixture[str]
) -> None:
    data = told.bench.data
    ledger_place.name_server(data.path / "other.sqlite", address)
    with closing(Ledger.open(data.path / "other.sqlite")) as other:
        other.log.record(t=1.0, who="anna", act="test")
    assert main(["ledger", "move", shown(address), "--data", str(data.path)]) == 1
    assert "holds a ledger already, in acts" in capsys.readouterr().err
    assert main(["ledger", "move", "postgresql://u:s3cret@h/d", "--data", str(data.path)]) == 1
    said = capsys.readouterr().err
    assert "holds a password: take it out" in said and "s3cret" not in said
    assert data.ledger.exists()


def test_a_host_is_told_once_where_its_ledger_is(tmp_path: Path, address: URL) -> None:
    """And never begins a second one beside what is there."""
    path = tmp_path / "ledger.sqlite"
    settle(path, shown(address))
    settle(path, shown(address))
    Ledger.open(path).close()
    assert not path.exists() and path.with_suffix(".url").read_text() == f"{shown(address)}\n"
    with pytest.raises(LedgerError, match="names another server"):
        settle(path, shown(address.set(database="other")))
    with pytest.raises(LedgerError, match="holds a password") as caught:
        settle(path, "postgresql://u:s3cret@h/d")
    assert "s3cret" not in str(caught.value)
    path.with_suffix(".url").unlink()
    Ledger.open(path).close()
    with pytest.raises(LedgerError, match="`wachhund ledger move` brings it to a server"):
        settle(path, shown(address))


def test_a_backup_of_a_ledger_on_a_server_is_a_file_and_restored_as_one(
    told: ThreeDays, address: URL, tmp_path: Path
) -> None:
    """The nightly backup of a host goes on as it was."""
    data = told.bench.data
    assert main(["ledger", "move", shown(address), "--data", str(data.path)]) == 0
    before = rows(data.ledger)
    assert main(["backup", str(tmp_path / "backup"), "--data", str(data.path)]) == 0
    assert main(["restore", str(tmp_path / "backup"), "--data", str(tmp_path / "new")]) == 0
    assert rows(tmp_path / "new" / "ledger.sqlite") == before
    assert MARKER.encode() in (tmp_path / "new" / "ledger.sqlite").read_bytes()
    assert (tmp_path / "backup" / "ledger.sqlite").stat().st_mode & 0o777 == 0o600
