"""Reading from a standby: as new as the primary, or the primary itself; a real one that streams."""

import contextlib
import logging
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from sqlalchemy import Connection

from tests.robots import ledger_place
from tests.robots.throw_away_postgres import PROGRAMS, Standby, ThrowAwayPostgres
from tests.waiting import until
from wachhund.ledger import Ledger, LedgerError, fleet_look, places, replica
from wachhund.ledger.database import POOL_CONNECTIONS
from wachhund.ledger.place import replica_of, settle_replica, shown
from wachhund.ledger.reading_elsewhere import may_read_a_replica
from wachhund.ledger.replica import ServerWithReplica
from wachhund.ledger.schema import robots

pytestmark = pytest.mark.skipif(not PROGRAMS.exists(), reason="PostgreSQL 15 is not installed")
READ_AT = "SELECT pg_is_in_recovery()"


class Pair:
    """A server and its standby, with a ledger in both."""

    def __init__(self) -> None:
        self.server = ThrowAwayPostgres()
        self.address = self.server.database()
        self.standby: Standby = self.server.standby()

    def end(self) -> None:
        self.standby.end()
        self.server.end()


@pytest.fixture(scope="module")
def pair() -> Iterator[Pair]:
    pair = Pair()
    yield pair
    pair.end()


@pytest.fixture
def database(pair: Pair, monkeypatch: pytest.MonkeyPatch) -> Iterator[ServerWithReplica]:
    monkeypatch.setattr(replica, "WAIT_S", 20.0)  # a machine that stalls for a moment is not what is tested
    made = ServerWithReplica(pair.address, pair.standby.address(pair.address))
    yield made
    made.close()


def at_standby(database: ServerWithReplica) -> bool:
    """Where a page would be read from now."""
    with may_read_a_replica(), database.reading() as connection:
        return bool(connection.exec_driver_sql(READ_AT).scalar())


def write(database: ServerWithReplica, text: str) -> None:
    with database.writing() as connection:
        connection.exec_driver_sql(f"COMMENT ON TABLE robots IS '{text}'")


def told(database: ServerWithReplica) -> str:
    with may_read_a_replica(), database.reading() as connection:
        return str(connection.exec_driver_sql("SELECT obj_description('robots'::regclass)").scalar())


def test_only_who_allows_it_reads_from_the_standby(database: ServerWithReplica) -> None:
    """The intake and the judge read on from what they wrote: they have no business there."""
    assert at_standby(database)
    with database.reading() as connection:
        assert connection.exec_driver_sql(READ_AT).scalar() is False
    with may_read_a_replica(), database.writing() as connection:
        assert connection.exec_driver_sql(READ_AT).scalar() is False


def test_what_was_committed_is_read_whoever_committed_it(pair: Pair, database: ServerWithReplica) -> None:
    """A person's act is on his next page, also when another process took it."""
    other = ServerWithReplica(pair.address, pair.standby.address(pair.address))
    try:
        for number in range(200):
            write(database if number % 2 else other, f"act {number}")
            assert told(other if number % 2 else database) == f"act {number}"
    finally:
        other.close()


def test_a_standby_that_is_behind_is_left_alone_and_said_once(
    pair: Pair, database: ServerWithReplica, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Old pages would be worse than slow ones; a line for each would fill the log."""
    monkeypatch.setattr(replica, "WAIT_S", 1.0)
    monkeypatch.setattr(replica, "ALONE_S", 3.0)
    caplog.set_level(logging.INFO)
    pair.standby.pause()
    try:
        write(database, "while it stood still")
        assert told(database) == "while it stood still"
        began = time.monotonic()
        assert not at_standby(database) and time.monotonic() - began < replica.WAIT_S, "it is not waited for each time"
        time.sleep(replica.ALONE_S)
        assert not at_standby(database)
    finally:
        pair.standby.resume()
    until(lambda: at_standby(database), 20, "it is read from again")
    said = [one.getMessage() for one in caplog.records if one.name == "wachhund.ledger.replica"]
    assert len(said) == 2 and "is behind" in said[0] and "is read from again" in said[1]


def test_a_standby_that_goes_away_and_comes_back_is_no_fault_of_any_page(
    pair: Pair, database: ServerWithReplica, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also with connections that were open to it."""
    monkeypatch.setattr(replica, "ALONE_S", 0.0)
    assert at_standby(database)
    pair.standby.stop()
    assert [at_standby(database) for _ in range(3)] == [False] * 3
    pair.standby.start()
    until(lambda: at_standby(database), 20, "it is read from again")


def test_pages_ask_the_primary_while_none_of_the_connections_to_the_standby_is_free(
    pair: Pair, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As many hunts at a time must not take the pages from everybody."""
    monkeypatch.setattr(replica, "ALONE_S", 0.0)
    monkeypatch.setattr(replica, "FREE_S", 0.1)
    made = ServerWithReplica(pair.address, pair.standby.address(pair.address))
    try:
        with contextlib.ExitStack() as hunts, may_read_a_replica():
            for _ in range(POOL_CONNECTIONS):
                hunts.enter_context(made.reading())
            assert [at_standby(made) for _ in range(2)] == [False] * 2
        assert at_standby(made)
    finally:
        made.close()
    assert [one.getMessage().split(": ", 2)[2] for one in caplog.records if one.name == "wachhund.ledger.replica"] == [
        "all connections of this process are in use: look what takes so long; the primary is asked meanwhile",
        "is read from again",
    ]


@pytest.mark.parametrize(
    "asked",
    [
        lambda _: None,
        lambda connection: connection.exec_driver_sql("SELECT 1"),
        fleet_look.heard,
        lambda connection: places.rows_at_each(connection, [(robots, ("id",), [("r1",)])]),
    ],
    ids=["nothing more", "a query", "a raw query", "a pipeline"],
)
def test_a_standby_that_goes_while_a_page_is_read_is_told_as_every_fault_of_the_ledger(
    pair: Pair, database: ServerWithReplica, monkeypatch: pytest.MonkeyPatch, asked: Callable[[Connection], object]
) -> None:
    """Whatever was asked last: pages, hunts and reports know LedgerError, and the next one is read from the primary."""
    monkeypatch.setattr(replica, "ALONE_S", 60.0)
    assert at_standby(database)
    try:
        with (
            pytest.raises(LedgerError, match="ledger: postgresql:"),
            may_read_a_replica(),
            database.reading() as connection,
        ):
            pair.standby.stop()
            asked(connection)
        assert not at_standby(database)
    finally:
        pair.standby.start()


def test_no_other_server_is_taken_for_the_standby(pair: Pair, caplog: pytest.LogCaptureFixture) -> None:
    """The primary itself, another database, another server: each would show somebody else's fleet, or an old one."""
    stranger = ledger_place.server().database()
    elsewhere = pair.standby.address(pair.address.set(database="floor"))
    for wrong in (pair.address, stranger, elsewhere):
        made = ServerWithReplica(pair.address, wrong)
        try:
            assert not at_standby(made)
        finally:
            made.close()
    assert caplog.text.count("is no standby of the ledger's server") == 3


def test_where_the_standby_is_stands_beside_the_ledger(pair: Pair, tmp_path: Path) -> None:
    """Told once, as the ledger's server is; and no password in it."""
    path = tmp_path / "ledger.sqlite"
    ledger_place.name_server(path, pair.address)
    assert replica_of(path) is None
    settle_replica(path, shown(pair.standby.address(pair.address)))
    ledger = Ledger.open_with_replica(path)
    try:
        with may_read_a_replica(), ledger.moment() as connection:
            assert connection.exec_driver_sql(READ_AT).scalar() is True
    finally:
        ledger.close()
    with pytest.raises(LedgerError, match="--replica: holds a password"):
        settle_replica(path, "postgresql://a:b@c/d")
