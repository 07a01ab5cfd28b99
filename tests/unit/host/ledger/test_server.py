"""The ledger on a server: the same tables and walls as in a file, and one clear line when it is unusable."""

import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest
from sqlalchemy import URL, Engine, create_engine, inspect
from sqlalchemy.exc import IntegrityError

from tests.robots import ledger_place
from tests.robots.host_bench import bench_on
from tests.robots.ledger_place import beside, name_server
from tests.robots.scripted import ScriptedRobot, random_text
from tests.robots.throw_away_postgres import ITS_PASSWORD, LOCKED_ROLE, PROGRAMS, ThrowAwayPostgres
from wachhund.ledger import Ledger, LedgerError, LedgerRefused
from wachhund.ledger.opening import database_of, reading_only
from wachhund.ledger.place import server_address
from wachhund.ledger.server import DatabaseServer

pytestmark = pytest.mark.skipif(not PROGRAMS.exists(), reason="PostgreSQL 15 is not installed")


@pytest.fixture(scope="module")
def server() -> ThrowAwayPostgres:
    return ledger_place.server()


@pytest.fixture
def at(server: ThrowAwayPostgres, tmp_path: Path) -> Path:
    """The path of a ledger that is on the server."""
    name_server(tmp_path / "ledger.sqlite", server.database())
    return tmp_path / "ledger.sqlite"


@pytest.fixture
def ledger(at: Path) -> Iterator[Ledger]:
    made = Ledger.open(at)
    yield made
    made.close()


def line(place: Path | URL) -> str:
    """What is said where a ledger cannot be opened."""
    with pytest.raises(LedgerError) as caught:
        DatabaseServer(place) if isinstance(place, URL) else Ledger.open(place)
    assert "\n" not in str(caught.value) and str(caught.value).startswith("ledger: ")
    return str(caught.value)


def shape(engine: Engine) -> dict[str, Any]:
    """Tables, their columns and whether they may be empty, and keys. A whole number may be called BIGINT or INTEGER."""
    kinds = {
        "BIGINT": "INTEGER", "DOUBLE PRECISION": "REAL", "DOUBLE_PRECISION": "REAL", "BYTEA": "BLOB",
        "BOOLEAN": "INTEGER", 'TEXT COLLATE "C"': "TEXT",
    }  # fmt: skip
    found, looked = {}, inspect(engine)
    for table in looked.get_table_names():
        keys = tuple(looked.get_pk_constraint(table)["constrained_columns"])
        columns = {
            one["name"]: (
                kinds.get(str(one["type"]), str(one["type"])),
                one["nullable"] and one["name"] not in keys,
            )
            for one in looked.get_columns(table)
        }
        unique = sorted(tuple(one["column_names"]) for one in looked.get_unique_constraints(table))
        indexes = sorted(
            (str(one["name"]), tuple(one["column_names"]))
            for one in looked.get_indexes(table)
            if not one.get("duplicates_constraint")
        )
        found[table] = (columns, keys, unique, indexes)
    engine.dispose()
    return found


# What only a server needs (0096): the indexes of a file end with the number of its row.
ONLY_ON_A_SERVER = {("tokens_by_commit", ("robot", "id"))}


def test_both_rooms_have_the_same_tables_keys_and_indexes(server: ThrowAwayPostgres, tmp_path: Path) -> None:
    """A step that one of them forgets shows here, and not at somebody's fleet."""
    Ledger.open(tmp_path / "ledger.sqlite").close()
    file = shape(create_engine(URL.create("sqlite", database=str(tmp_path / "ledger.sqlite"))))
    there = shape(create_engine(server.database()))
    assert set(there["tokens"][3]) - set(file["tokens"][3]) == ONLY_ON_A_SERVER
    there["tokens"] = (*there["tokens"][:3], [one for one in there["tokens"][3] if one not in ONLY_ON_A_SERVER])
    assert there == file and len(file) > 40


def test_the_server_has_a_wall_for_each_of_the_files(ledger: Ledger, tmp_path: Path) -> None:
    """By their names; and none of them lets a table be emptied at once, which a file has no word for."""
    Ledger.open(tmp_path / "other.sqlite").close()
    with beside(tmp_path / "other.sqlite") as database:
        of_file = set(database.exec_driver_sql("SELECT name FROM sqlite_master WHERE type = 'trigger'").scalars())
    with beside(ledger.path) as database:
        there = set(database.exec_driver_sql("SELECT tgname FROM pg_trigger WHERE NOT tgisinternal").scalars())
    walls = {name for name in of_file if "_no_" in name}
    assert walls == {name for name in there if name.endswith(("_no_update", "_no_delete"))} and len(walls) > 25
    tables = {name.rsplit("_no_", 1)[0] for name in walls}
    assert {f"{table}_no_truncate" for table in tables} <= there
    with pytest.raises(IntegrityError, match="append-only"), beside(ledger.path) as database:
        database.exec_driver_sql("TRUNCATE tokens CASCADE")
    changing = {name for name in there if name.endswith("_changes_the_fleet")}
    for table in (name.split("_insert_")[0] for name in of_file if name.endswith("_insert_changes_the_fleet")):
        assert any(name.startswith(table) for name in changing), table


def test_a_commit_is_on_the_servers_disk_whatever_the_server_was_told(server: ThrowAwayPostgres, at: Path) -> None:
    """What was receipted must not go with its power. A standby that the server waits for is waited for as before."""
    name = server_address((at.with_suffix(".url")).read_text(), "").database
    for said, stays in (("off", "on"), ("local", "on"), ("remote_apply", "remote_apply")):
        server.sql(f"ALTER DATABASE {name} SET synchronous_commit = {said}")
        database = database_of(at)
        with database.writing() as connection:
            assert connection.exec_driver_sql("SHOW synchronous_commit").scalar() == stays
        database.close()


def test_a_reader_sees_one_moment_and_writes_nothing(ledger: Ledger) -> None:
    """A page that shows the half of a change would show what never was."""
    with ledger.moment() as connection:
        assert connection.exec_driver_sql("SELECT count(*) FROM acts").scalar() == 0
        ledger.log.record(t=1.0, who="anna", act="test")
        assert connection.exec_driver_sql("SELECT count(*) FROM acts").scalar() == 0
    with ledger.moment() as connection:
        assert connection.exec_driver_sql("SELECT count(*) FROM acts").scalar() == 1
    with pytest.raises(LedgerError, match="it takes no writes"), ledger.moment() as connection:
        connection.exec_driver_sql("DELETE FROM robots")


def test_writers_of_several_processes_take_turns(ledger: Ledger) -> None:
    """Numbers are given, and read from, in the order of commit: who is overtaken would never be read."""
    other = Ledger.open(ledger.path)

    def write(one: Ledger) -> None:
        for _ in range(20):
            one.log.record(t=1.0, who="anna", act="test")

    threads = [threading.Thread(target=write, args=(one,)) for one in (ledger, other, ledger, other)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    other.close()
    assert ledger.log.last_number() == 80 and ledger.log.first_broken() is None


def test_who_holds_it_too_long_is_told_of_in_a_line(ledger: Ledger, at: Path) -> None:
    """Not a thread that waits for ever."""
    database = DatabaseServer(server_address(at.with_suffix(".url").read_text(), ""), busy_s=0.2)
    held = pytest.raises(LedgerError, match="another program has held it")
    with ledger._database.writing(), held, database.writing():
        raise AssertionError("two writers at once")
    with database.writing():
        pass
    database.close()


def test_wherever_a_commit_is_cut_off_nothing_of_it_is_there_and_the_next_goes_through(
    server: ThrowAwayPostgres, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A server that is restarted, or a network that ends: the robots send again what was not receipted."""
    bench = bench_on(server, tmp_path / "data")
    robot = ScriptedRobot()
    row = bench.add("rex", robot)
    bench.take(row, robot.heartbeat())
    many = robot.token(*(robot.saw("process.exit", puid=f"{number}-1") for number in range(80)))  # go by COPY
    verified = [bench.verified(row, token) for token in (many, robot.heartbeat())]
    at_statement, seen = 0, 0

    def cutting(name: str) -> Any:
        does = getattr(psycopg.Cursor, name)

        def cut(self: Any, *arguments: Any, **words: Any) -> Any:
            nonlocal seen
            seen += 1
            if seen == at_statement:
                server.sql(f"SELECT pg_terminate_backend({self.connection.info.backend_pid}, 5000)")
            return does(self, *arguments, **words)

        return cut

    for name in ("execute", "executemany", "copy"):  # whether SQLAlchemy asks or we do
        monkeypatch.setattr(psycopg.Cursor, name, cutting(name))
    at_statement = 1
    while True:
        seen = 0
        try:
            bench.ledger.commit(verified)
        except LedgerError as error:
            assert not isinstance(error, LedgerRefused) and "\n" not in str(error), error
            found = bench.ledger.held(row.id, robot.chain, (), 9)
            assert (found.seq, found.runs) == (1, ()) and bench.ledger.last_observation() == 1
            at_statement += 1
            continue
        break
    monkeypatch.undo()
    assert at_statement > 15 and bench.ledger.held(row.id, robot.chain, (), 9).seq == 3
    bench.close()


def test_a_server_that_was_away_is_used_again_when_it_is_back(tmp_path: Path) -> None:
    """Nobody starts the host again after the server's upgrade."""
    own = ThrowAwayPostgres()
    try:
        bench = bench_on(own, tmp_path / "data")
        robot = ScriptedRobot()
        row = bench.add("rex", robot)
        bench.take(row, robot.heartbeat())
        own.stop()
        assert bench.take(row, robot.heartbeat()) == [] and bench.intake.fault is not None
        bench.ledger.close()
        assert "cannot be reached: start PostgreSQL there, or mend the address" in line(bench.data.ledger)
        own.start()
        again = robot.made[2]
        assert [one.seq for one in bench.take(row, again) or bench.take(row, again)] == [2]
        assert bench.intake.fault is None
        bench.close()
    finally:
        own.end()


def test_no_other_programs_database_is_taken_and_none_of_a_newer_wachhund(
    server: ThrowAwayPostgres, tmp_path: Path
) -> None:
    """A wrong address must not write into somebody's tables."""
    path = tmp_path / "ledger.sqlite"
    name_server(path, server.empty_database())
    with beside(path) as database:
        database.exec_driver_sql("CREATE TABLE theirs (x INTEGER)")
    assert "the database of another program" in line(path)
    with pytest.raises(LedgerError, match="not a ledger of Wachhund"), reading_only(path):
        raise AssertionError("it was read")
    name_server(path, server.database())
    with beside(path) as database:
        database.exec_driver_sql("INSERT INTO migrations VALUES ('of_the_future', 0)")
    assert "made by a newer Wachhund" in line(path)
    name_server(path, server.empty_database("TEMPLATE template0 ENCODING 'SQL_ASCII' LC_COLLATE 'C' LC_CTYPE 'C'"))
    assert "make a database with UTF8" in line(path)


def test_what_is_wrong_with_an_address_is_one_line_and_no_secret_of_it(
    server: ThrowAwayPostgres, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "ledger.sqlite"
    assert "there is no such database" in line(server.address("nowhere"))
    assert "the login is refused" in line(server.database().set(username="nobody_known"))
    locked = server.database().set(username=LOCKED_ROLE)
    assert "the login is refused" in line(locked)
    monkeypatch.setenv("PGPASSWORD", "not-this-one")
    assert "the login is refused" in line(locked) and "not-this-one" not in line(locked)
    monkeypatch.setenv("PGPASSWORD", ITS_PASSWORD)
    assert "this role may not do that" in line(locked)
    monkeypatch.delenv("PGPASSWORD")
    for text in (
        "postgresql://wachhund:s3cret@host/ledger", "postgresql://host/ledger?password=s3cret", "s3cret",
        "mysql://s3cret@host/ledger", "postgresql://h:s3cret/ledger", "s3cret\x00",
    ):  # fmt: skip
        path.with_suffix(".url").write_text(text)
        told = line(path)
        assert "s3cret" not in told and str(path.with_suffix(".url")) in told
    path.with_suffix(".url").write_bytes(b"\xff\xfe")
    assert "not the address of a server" in line(path)


def test_a_ledger_in_two_places_is_opened_in_neither(at: Path) -> None:
    """Nobody knows which of them the robots' receipts are of."""
    at.touch()
    assert "has ledger.sqlite and ledger.url: move away what is not to count" in line(at)


def test_a_text_that_no_index_holds_is_that_rows_fault(ledger: Ledger) -> None:
    """One robot's endless name must not stop what the others say."""
    with pytest.raises(LedgerRefused), ledger._database.writing() as connection:
        values = {"robot": "r", "kind": "tag", "value": random_text(9_000), "t": 1.0, "by": "anna"}
        statement = "INSERT INTO robot_labels VALUES (%(robot)s, %(kind)s, %(value)s, %(t)s, %(by)s)"
        connection.exec_driver_sql(statement, values)
    assert ledger.robots() == []


def test_it_is_written_anew_and_its_room_is_told(ledger: Ledger) -> None:
    room = ledger.keeping.room()
    assert room.file > 1_000_000 and room.used == 0 and not ledger.keeping.give_back(10)
    ledger.keeping.rewrite(5.0)
    assert ledger.keeping.rewritten() == (5.0, 0)
