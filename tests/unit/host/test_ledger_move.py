"""`wachhund ledger move`, and a host that is told by --ledger where its ledger is."""

import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest
from sqlalchemy import URL, create_engine, text

from tests.robots import ledger_place
from tests.robots.host_bench import HostBench
from tests.robots.ledger_place import beside
from tests.robots.running_host import RunningHost
from tests.robots.scripted import ScriptedRobot
from tests.robots.three_days import DAY, MARKER, T, ThreeDays
from tests.robots.throw_away_postgres import PROGRAMS, ThrowAwayPostgres
from tests.waiting import until
from wachhund.cli import main
from wachhund.ledger import Ledger, LedgerError, engine
from wachhund.ledger.moving import tables
from wachhund.ledger.opening import database_at, reading_only
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


def _slow(address: URL, path: Path, waits: str = "PERFORM pg_sleep(600)") -> None:
    """Make a server on which a move stands still when it has put the robots in, and half of all the rest."""
    ledger_place.name_server(path.with_name("there.sqlite"), address)
    Ledger.open(path.with_name("there.sqlite")).close()
    with beside(path.with_name("there.sqlite")) as connection:
        connection.exec_driver_sql(
            f"CREATE FUNCTION waits() RETURNS boolean LANGUAGE plpgsql AS 'BEGIN {waits}; RETURN true; END'"
        )
        connection.exec_driver_sql("ALTER TABLE robots ADD CONSTRAINT slow CHECK (waits())")


def _waits(address: URL, for_what: str = "PgSleep") -> bool:
    asked = "SELECT count(*) FROM pg_stat_activity WHERE datname = :name AND wait_event = :event"
    engine = create_engine(address)
    with engine.connect() as connection:
        found = connection.execute(text(asked), {"name": address.database, "event": for_what}).scalar_one()
    engine.dispose()
    return bool(found)


@contextmanager
def _wachhund(*words: str) -> Iterator["subprocess.Popen[str]"]:
    """A command beside the test, which ends with the block."""
    program = [Path(sys.executable).with_name("wachhund"), *words]
    with subprocess.Popen(program, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as running:
        try:
            yield running
        finally:
            running.kill()


def _state(path: Path) -> object:
    with beside(path) as connection:
        return connection.exec_driver_sql("SELECT state FROM robots").scalar_one()


def test_what_a_command_would_write_meanwhile_is_refused_and_not_left_behind(
    told: ThreeDays, address: URL, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """A robot whose key was stolen is revoked, the command says that it is done, and the host on the server lets it in
    for good: nobody would look for that. A move takes minutes."""
    data = told.bench.data
    revoke = ["robots", "revoke", told.row.name, "--data", str(data.path)]
    _slow(address, data.ledger)
    with _wachhund("ledger", "move", shown(address), "--data", str(data.path)) as moving:
        until(lambda: moving.poll() is None and _waits(address), 30, "half of it is there")
        monkeypatch.setattr(engine, "BUSY_SECONDS", 0.2)
        assert main(revoke) == 1
        said = capsys.readouterr()
        assert said.err.endswith(": end it, or wait if it is `wachhund ledger move`\n") and said.out == ""
        assert main(["verify", str(data.path)]) == 1, "who only reads it does"
    monkeypatch.undo()
    assert _state(data.ledger) == "active"
    assert main(revoke) == 0 and _state(data.ledger) == "revoked"


def test_a_command_that_waits_until_it_is_moved_writes_there_or_says_that_it_did_nothing(
    told: ThreeDays, address: URL
) -> None:
    """It had come to the file, and goes on when that is let go."""
    data = told.bench.data
    _slow(address, data.ledger, "PERFORM pg_advisory_lock(7); PERFORM pg_advisory_unlock(7)")
    revoke = ("robots", "revoke", told.row.name, "--data", str(data.path))
    holder = create_engine(address)
    with holder.connect() as connection:
        connection.exec_driver_sql("SELECT pg_advisory_lock(7)")
        with _wachhund("ledger", "move", shown(address), "--data", str(data.path)) as moving:
            until(lambda: moving.poll() is None and _waits(address, "advisory"), 30, "half of it is there")
            with _wachhund(*revoke) as waiting:
                opened = Path(f"/proc/{waiting.pid}/fd")
                until(lambda: any(one.resolve() == data.ledger for one in opened.iterdir()), 20, "it is at the file")
                connection.exec_driver_sql("SELECT pg_advisory_unlock(7)")
                said = waiting.communicate(timeout=60)[1]
            assert moving.wait(60) == 0
    holder.dispose()
    assert waiting.returncode == 1 and ("was moved away meanwhile" in said or "has held it for" in said)
    assert _state(data.ledger) == "active" and sorted(one.name for one in data.path.glob("ledger*")) == [
        "ledger.sqlite.moved", "ledger.url",
    ]  # fmt: skip
    assert main(list(revoke)) == 0 and _state(data.ledger) == "revoked"


def test_a_command_that_has_it_open_is_in_the_way(
    told: ThreeDays, address: URL, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """`wachhund flash` runs for long, and would go on in the file that was moved away."""
    data = told.bench.data
    monkeypatch.setattr("wachhund.ledger.alone.BUSY_SECONDS", 0.2)
    with closing(Ledger.open(data.ledger)) as other:
        assert main(["ledger", "move", shown(address), "--data", str(data.path)]) == 1
        said = f"wachhund: ledger: {data.ledger}: another program has it open: end that program\n"
        assert capsys.readouterr().err == said
        other.log.record(t=1.0, who="anna", act="goes on")
    assert main(["ledger", "move", shown(address), "--data", str(data.path)]) == 0
    assert [str(row[3]) for row in rows(data.ledger)["acts"]][-1:] == ["goes on"]


def test_a_server_that_cannot_be_named_is_not_where_the_ledger_is(
    told: ThreeDays, address: URL, capsys: pytest.CaptureFixture[str]
) -> None:
    """Such as on a disk that became full meanwhile: the host goes on with its file."""
    data = told.bench.data
    before = rows(data.ledger)
    (data.path / "ledger.sqlite.moved").mkdir()
    assert main(["ledger", "move", shown(address), "--data", str(data.path)]) == 1
    said = capsys.readouterr().err
    assert said.startswith(f"wachhund: ledger: {data.ledger}: Is a directory; the ledger stays its file: ")
    assert said.count("\n") == 1
    assert not data.ledger_address.exists() and rows(data.ledger) == before


def test_a_move_that_is_killed_half_way_leaves_the_ledger_where_it_was(told: ThreeDays, address: URL) -> None:
    """And none of it on the server: the next move finds it empty."""
    path = told.bench.data.ledger
    before = rows(path)
    _slow(address, path)
    program = [Path(sys.executable).with_name("wachhund"), "ledger", "move", shown(address), "--data", path.parent]
    with subprocess.Popen(program, stdout=subprocess.DEVNULL) as moving:
        until(lambda: moving.poll() is None and _waits(address), 30, "half of it is there")
        moving.kill()
    assert moving.returncode == -signal.SIGKILL
    # The server notices that nobody listens when it has something to say: who runs it ends what hangs.
    ledger_place.server().sql(
        f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '{address.database}'"
    )
    assert not path.with_suffix(".url").exists() and rows(path) == before
    assert not any(rows(path.with_name("there.sqlite")).values())
    with beside(path.with_name("there.sqlite")) as connection:
        connection.exec_driver_sql("ALTER TABLE robots DROP CONSTRAINT slow")
    assert main(["ledger", "move", shown(address), "--data", str(path.parent)]) == 0
    assert rows(path) == before


@pytest.mark.needs_root("a disk of its own for the server")
def test_a_server_whose_disk_is_full_takes_none_of_it(
    told: ThreeDays, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    data = told.bench.data
    before = rows(data.ledger)
    folder = Path(tempfile.mkdtemp(prefix="wachhund-pg-full-", dir="/tmp"))
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=96m,mode=0755", "tmpfs", str(folder)], check=True)
    try:
        server = ThrowAwayPostgres(folder)
        try:
            address = server.empty_database()
            database_at(address).close()
            free = os.statvfs(folder).f_bavail * os.statvfs(folder).f_frsize
            filler = folder / "filler"
            filler.write_bytes(bytes(free - 256 * 1024))
            assert main(["ledger", "move", shown(address), "--data", str(data.path)]) == 1
            said = capsys.readouterr().err
            assert "its disk is full" in said or "cannot be reached" in said, "a full log stops the whole server"
            assert data.ledger.exists() and not data.ledger_address.exists() and rows(data.ledger) == before
            filler.unlink()
            server.stop()
            server.start()
            assert main(["ledger", "move", shown(address), "--data", str(data.path)]) == 0
            assert rows(data.ledger) == before
            told.bench.data.ledger_address.unlink()
        finally:
            server.end()
    finally:
        subprocess.run(["umount", str(folder)], check=True)
        folder.rmdir()


def test_what_a_robot_told_meanwhile_comes_in_after(told: ThreeDays, address: URL) -> None:
    """It keeps what no receipt covers, and sends it to the host that has its ledger on the server."""
    robot = ScriptedRobot()
    with RunningHost(told.bench.data.path) as host:
        sender = host.connect("moved", robot)
        sender.send(robot.heartbeat())
        sender.receipt(lambda receipt: receipt.seq == 1)
        sender.close()
        config = host.configs["moved"]
    waiting = [robot.heartbeat() for _ in range(20)]
    assert main(["ledger", "move", shown(address), "--data", str(told.bench.data.path)]) == 0
    waiting += [robot.heartbeat() for _ in range(20)]
    with RunningHost(told.bench.data.path) as host:
        host.configs["moved"] = {**config, "broker": f"mqtt://127.0.0.1:{host.broker.port}"}
        sender = host.connect("moved", robot)

        def all_is_receipted() -> bool:
            """Sends what no receipt covers, as robots do: the host may not listen yet when its broker does."""
            covered = max((receipt.seq for receipt in sender.receipts), default=1)
            for token in waiting[covered - 1 :]:
                sender.send(token)
            return covered == 41

        until(all_is_receipted, 30, "each of them has a receipt", pause_s=0.5)
        (line,) = host.ledger.chain_line(config["robot"])
        assert (line.last_seq, host.ledger.gaps(config["robot"]), host.ledger.faults(config["robot"])) == (41, [], [])


def test_indexes_references_and_walls_are_as_before(told: ThreeDays, address: URL) -> None:
    """They are taken away and made again while it is moved."""
    asked = (
        "SELECT indexdef FROM pg_indexes WHERE schemaname = 'public' ORDER BY 1",
        "SELECT conrelid::regclass::text, conname, convalidated, pg_get_constraintdef(oid) FROM pg_constraint "
        "WHERE connamespace = 'public'::regnamespace ORDER BY 1, 2",
        "SELECT tgrelid::regclass::text, tgname, tgenabled FROM pg_trigger WHERE NOT tgisinternal ORDER BY 1, 2",
    )

    def shape(path: Path) -> list[list[object]]:
        with beside(path) as connection:
            return [[tuple(row) for row in connection.exec_driver_sql(one)] for one in asked]

    path = told.bench.data.ledger
    other = path.with_name("other.sqlite")
    ledger_place.name_server(other, ledger_place.server().empty_database())
    Ledger.open(other).close()
    assert main(["ledger", "move", shown(address), "--data", str(path.parent)]) == 0
    assert shape(path) == shape(other) and all(shape(path))
