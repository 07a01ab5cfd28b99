"""Reading from a standby of the ledger's server, where whoever reads allows it; all else is the primary's.

The rule: a transaction reads from the standby only if that has replayed everything the primary had committed when the
transaction began; it is waited for a moment. So nobody reads there what was so before his own act, whichever process
took it, and nothing goes backwards between two looks. A standby that is away or behind is left alone for a while, with
one line in the log, and the primary is asked.
"""

import contextlib
import logging
import threading
import time
from collections.abc import Iterator
from typing import Any

import psycopg
from sqlalchemy import URL, Connection
from sqlalchemy.exc import DBAPIError, SQLAlchemyError

from wachhund.ledger.place import shown
from wachhund.ledger.reading_elsewhere import is_allowed
from wachhund.ledger.server import DatabaseServer, engine_of
from wachhund.ledger.server_words import in_words, words

WAIT_S = 0.2  # a standby on the same network is some milliseconds behind
ALONE_S = 5.0  # for so long one that was away or behind is not asked
_CONNECT_S = 2  # a page waits for that: once in ALONE_S
FREE_S = 2.0  # the same for one of our connections that is free: hunts may have taken all of them
_STEP_S = 0.005
_IS_OURS = "SELECT pg_is_in_recovery(), (SELECT system_identifier FROM pg_control_system()), current_database()"
_REPLAYED = "SELECT CASE WHEN pg_is_in_recovery() THEN pg_last_wal_replay_lsn() - '0/0' END"
_log = logging.getLogger(__name__)


class _NotNow(Exception):
    """The standby can't be read from; its text says why."""


class ServerWithReplica(DatabaseServer):
    """A server, and a standby of it. Safe to use from several threads."""

    def __init__(self, address: URL, replica: URL) -> None:
        super().__init__(address)
        self._replica_place = shown(replica)
        timeout = {"connect_timeout": str(_CONNECT_S), **replica.query}
        self._replica = engine_of(replica.set(query=timeout), free_s=FREE_S)
        self._lock = threading.Lock()
        self._not_before = 0.0
        self._is_left = False
        self._identity = self._ask_primary(
            "SELECT system_identifier::text, current_database() FROM pg_control_system()"
        )

    @contextlib.contextmanager
    def reading(self) -> Iterator[Connection]:
        """One moment of the ledger: of the standby, where that is allowed and it is as new. Raises LedgerError."""
        begun = self._begun_there() if is_allowed() and time.monotonic() >= self._not_before else None
        with super().reading() if begun is None else self._reading_there(begun) as connection:
            yield connection

    def _begun_there(self) -> Connection | None:
        """A transaction at the standby, whose moment has begun; None when it can't be read from. Raises LedgerError of
        the primary."""
        floor = self.written_up_to()
        try:
            with contextlib.ExitStack() as stack:
                connection = stack.enter_context(self._replica.connect())
                self._require_as_new(connection, floor)
                connection.begin()
                connection.exec_driver_sql("SELECT 1")  # the moment that is read begins here
                stack.pop_all()
        except _NotNow as why:
            self._leave_alone(str(why))
            return None
        except (SQLAlchemyError, psycopg.Error) as error:  # also that none of our connections got free
            self._leave_alone(words(error))
            return None
        self._note_back()
        return connection

    @contextlib.contextmanager
    def _reading_there(self, begun: Connection) -> Iterator[Connection]:
        with in_words(self._replica_place):
            try:
                # Its end asks the standby too, which may have gone meanwhile: with nothing read, or under a query that
                # went past SQLAlchemy.
                with begun as connection:
                    yield connection
            except (DBAPIError, psycopg.Error) as error:
                self._leave_alone(words(error))
                raise

    def written_up_to(self) -> int:
        """How far the primary's log is on disk: what anybody was told is committed lies before. Raises LedgerError."""
        (position,) = self._ask_primary("SELECT pg_current_wal_flush_lsn() - '0/0'")
        return int(position)

    def _ask_primary(self, question: str) -> tuple[Any, ...]:
        with in_words(self._place), self._engine.connect() as connection:
            return _answer(connection, question)

    def _require_as_new(self, connection: Connection, floor: int) -> None:
        try:
            if not connection.info.get("is of the primary"):
                is_standby, identity, database = _answer(connection, _IS_OURS)
                if not is_standby or (str(identity), database) != self._identity:
                    raise _NotNow("is no standby of the ledger's server, or another database: mend its address")
                connection.info["is of the primary"] = True
            until = time.monotonic() + WAIT_S
            while True:
                (replayed,) = _answer(connection, _REPLAYED)
                if replayed is None:
                    raise _NotNow("is no standby any more: mend its address")
                if int(replayed) >= floor:
                    return
                if time.monotonic() >= until:
                    raise _NotNow(f"is behind, by {floor - int(replayed)} bytes of the primary's log")
                time.sleep(_STEP_S)
        except psycopg.Error:
            connection.invalidate()
            raise

    def _leave_alone(self, why: str) -> None:
        with self._lock:
            self._not_before = time.monotonic() + ALONE_S
            said, self._is_left = self._is_left, True
        if not said:
            _log.warning("replica: %s: %s; the primary is asked meanwhile", self._replica_place, why)

    def _note_back(self) -> None:
        with self._lock:
            was, self._is_left = self._is_left, False
        if was:
            _log.warning("replica: %s: is read from again", self._replica_place)

    def close(self) -> None:
        """Close every connection."""
        self._replica.dispose()
        super().close()


def _answer(connection: Connection, question: str) -> tuple[Any, ...]:
    """One row, outside of any transaction."""
    raw: Any = connection.connection.driver_connection
    raw.autocommit = True
    try:
        found: tuple[Any, ...] = raw.execute(question).fetchone()
    finally:
        if not raw.closed:
            raw.autocommit = False
    return found
