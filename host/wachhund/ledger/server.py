"""The ledger on a PostgreSQL server: opening it, its transactions, and what goes wrong with it said in words.

What is committed is on the server's disk (synchronous_commit). A reader sees one moment (REPEATABLE READ) and may
write nothing. Writers take turns, by a lock of the transaction that every process of ours asks for first: numbers grow
in the order of commit, as in a file, and who reads by them misses none.
"""

import contextlib
import functools
import threading
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from sqlalchemy import URL, Connection, Engine, create_engine, event, func, select

from wachhund.ledger import lanes, migrations, server_steps
from wachhund.ledger.database import BUSY_SECONDS, POOL_CONNECTIONS, LedgerError
from wachhund.ledger.keeping_records import Room
from wachhund.ledger.place import shown
from wachhund.ledger.schema import metadata, newest
from wachhund.ledger.server_words import in_words

CONNECT_SECONDS = 10
_ASIDE_CONNECTIONS = 4  # who says that a worker is there does not wait for one behind its intake and judges
FREE_SECONDS = 30.0  # for one of our connections that is free: longer than any transaction that is not at fault
BYTES_OF_A_BYTE = 3.3  # of the database for each of a token's text, with rows and indexes: measured, four flows each
_LOCK = migrations.APPLICATION_ID
_WRITES = "SET TRANSACTION ISOLATION LEVEL READ COMMITTED, READ WRITE"
_LOCKED = f"SELECT pg_advisory_xact_lock({_LOCK})"
_ALONE = f"{_WRITES}; {_LOCKED}"
# A process that hangs in the middle lets go of what it holds after this: a worker's lanes may be another's then.
_ASIDE = f"{_WRITES}; SET LOCAL idle_in_transaction_session_timeout = '10s'"
_BESIDE = f"{_ASIDE}; SELECT pg_advisory_xact_lock_shared({_LOCK})"
_AT_THE_DESK = f"{_ASIDE}; {_LOCKED}"
_SESSION = """
    SET default_transaction_isolation = 'repeatable read';
    SET default_transaction_read_only = on;
    SET jit = off;
    SELECT set_config('synchronous_commit', 'on', false)
        WHERE current_setting('synchronous_commit') IN ('off', 'local', 'remote_write')
"""  # jit: what we ask takes milliseconds, and to compile it takes more


def _prepare(busy_s: float, connection: Any, _record: Any) -> None:
    connection.execute(f"SET lock_timeout = {busy_s * 1000:.0f}; {_SESSION}", prepare=False)
    connection.commit()


def _begin(connection: Connection) -> None:
    words = connection.get_execution_options().get("begins_with")
    if words is not None:
        raw: Any = connection.connection.driver_connection
        # All in one round trip. Nothing was read before the locks are ours.
        raw.execute(words, prepare=False)


def engine_of(
    address: URL, busy_s: float = BUSY_SECONDS, free_s: float = FREE_SECONDS, most: int = POOL_CONNECTIONS
) -> Engine:
    """Up to `most` connections to a server. For how long a writer waits for its turn, and anybody for one of them."""
    # client_encoding: of a server without one psycopg would hand on bytes, and nobody could say what is wrong.
    given = {"connect_timeout": str(CONNECT_SECONDS), "application_name": "wachhund", "client_encoding": "utf8"}
    # A server behind a cut wire says nothing: a lease is over long before TCP gives up by itself.
    patience = {
        "tcp_user_timeout": "10000",
        "keepalives_idle": "5",
        "keepalives_interval": "2",
        "keepalives_count": "3",
    }
    query = {**given, **patience, **address.query}
    made = address.set(query=query)
    engine = create_engine(made, pool_size=most, max_overflow=0, pool_timeout=free_s)
    event.listen(engine, "connect", functools.partial(_prepare, busy_s))
    event.listen(engine, "begin", _begin)
    return engine


@contextlib.contextmanager
def reading_only(address: URL) -> Iterator[Connection]:
    """One moment of a ledger on a server, which stays as it is.

    Raises LedgerError when it is none, or is of another version of Wachhund.
    """
    place, engine = shown(address), engine_of(address)
    try:
        with in_words(place), engine.connect() as connection, connection.begin():
            if not server_steps.is_ours(connection):
                raise LedgerError(f"ledger: {place}: not a ledger of Wachhund")
            if migrations.applied(connection) != {step.__name__ for step in server_steps.STEPS}:
                raise LedgerError(f"ledger: {place}: of another version of Wachhund: start `wachhund serve` on it once")
            yield connection
    finally:
        engine.dispose()


class DatabaseServer:
    """Transactions in one database of a server. Safe to use from several threads; writers take turns."""

    def __init__(self, address: URL, busy_s: float = BUSY_SECONDS) -> None:
        self._place = shown(address)
        self._turn = threading.Lock()
        self._engine = engine_of(address, busy_s)
        self._aside = engine_of(address, busy_s, most=_ASIDE_CONNECTIONS)
        self._open()

    def _open(self) -> None:
        try:
            self._claim()
            while True:
                with self.writing() as connection:
                    if not migrations.apply_next(connection, server_steps.STEPS):
                        break
        except BaseException:
            self._engine.dispose()
            raise

    def _claim(self) -> None:
        """Refuse another program's database, one of a newer Wachhund, and one that cannot hold every text."""
        with self.writing() as connection:
            encoding = connection.exec_driver_sql("SHOW server_encoding").scalar()
            if encoding != "UTF8":
                raise LedgerError(f"ledger: {self._place}: its texts are {encoding}: make a database with UTF8")
            if not server_steps.is_ours(connection):
                if server_steps.holds_tables(connection):
                    raise LedgerError(f"ledger: {self._place}: the database of another program: give one of its own")
                server_steps.prepare(connection)
            unknown = migrations.applied(connection) - {step.__name__ for step in server_steps.STEPS}
            if unknown:
                raise LedgerError(f"ledger: {self._place}: made by a newer Wachhund: install that one")

    @contextlib.contextmanager
    def reading(self) -> Iterator[Connection]:
        """One moment of the ledger. Raises LedgerError."""
        with in_words(self._place), self._engine.connect() as connection, connection.begin():
            yield connection

    @contextlib.contextmanager
    def writing(self) -> Iterator[Connection]:
        """One transaction, on the server's disk when the block ends; none of it after an exception.

        Raises LedgerError."""
        with self._turn, self._writing(_ALONE) as connection:
            yield connection

    def aside(self) -> contextlib.AbstractContextManager[Connection]:
        """One transaction that takes no turn (database.Database). Raises LedgerError."""
        return self._writing(_ASIDE, self._aside)

    @contextlib.contextmanager
    def _writing(self, begins_with: str, engine: Engine | None = None, **options: Any) -> Iterator[Connection]:
        with in_words(self._place), (engine or self._engine).connect() as connection:
            connection = connection.execution_options(begins_with=begins_with, **options)
            with connection.begin():
                yield connection

    def beside(self, held: Callable[[], Mapping[int, int]]) -> "ServerOfLanes":
        """The same, written to beside workers that hold other lanes (database.Database)."""
        return ServerOfLanes(self._engine, self._aside, self._place, held)

    def room(self) -> Room:
        """How large the database is, and about how much of it evidence takes up. Raises LedgerError.

        The files of a server do not shrink when rows go: what is in use is told by the evidence that is kept."""
        with self.reading() as connection:
            size = connection.exec_driver_sql("SELECT pg_database_size(current_database())").scalar_one()
            kept = connection.execute(select(func.sum(newest.c.kept_bytes))).scalar() or 0
        return Room(size, min(size, int(int(kept) * BYTES_OF_A_BYTE)))

    def give_back(self, pages: int) -> bool:
        """False: the server's autovacuum makes room for new rows, and gives nothing back."""
        return False

    def clear_wal(self) -> bool:
        """True: the server's log is the server's business."""
        return True

    def rewrite(self) -> None:
        """Write every table anew. Each is locked meanwhile. Raises LedgerError."""
        with in_words(self._place), self._turn, self._engine.connect() as connection:
            bare = connection.execution_options(isolation_level="AUTOCOMMIT")
            for table in metadata.sorted_tables:
                bare.exec_driver_sql(f"VACUUM (FULL, ANALYZE) {table.name}")

    def close(self) -> None:
        """Close every connection."""
        self._engine.dispose()
        self._aside.dispose()


class ServerOfLanes(DatabaseServer):
    """The same connections for a worker: who writes has each of its lanes alone, and all others beside it.

    Who holds DESK has everything alone, what is done once in a fleet is written as people's acts are; but a worker that
    hangs does not keep it."""

    def __init__(self, engine: Engine, aside: Engine, place: str, held: Callable[[], Mapping[int, int]]) -> None:
        self._engine, self._aside, self._place, self._held = engine, aside, place, held

    @contextlib.contextmanager
    def writing(self) -> Iterator[Connection]:
        """One transaction. Raises LaneLost when one of the lanes is another's by now, LedgerError."""
        held = dict(self._held())
        # In one order: two workers that both believe in a lane must not wait for each other.
        first = _AT_THE_DESK if lanes.DESK in held else _BESIDE
        words = "; ".join([first, *(lanes.lock_words(number) for number in sorted(held))])
        with self._writing(words, lanes=frozenset(held)) as connection:
            lanes.require_held(connection, held)
            yield connection

    def close(self) -> None:
        """Nothing: the connections are the other's."""
