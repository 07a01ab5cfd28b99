"""A ledger's file for one process alone: nobody else reads or writes it, and nobody has it open.

SQLite's write lock would not do where a file is about to be moved away: who has it open, or waits for the lock, would
go on in the file that was moved. So whoever has it open is in the way, whoever comes later waits at the door, and
looks again at which file it came to (engine).
"""

import contextlib
import sqlite3
import time
from collections.abc import Iterator
from pathlib import Path

from wachhund.ledger.database import BUSY_SECONDS, LedgerError
from wachhund.ledger.engine import address_of, in_words

_ASKED_AGAIN_S = 0.1


@contextlib.contextmanager
def alone(path: Path, busy_s: float | None = None) -> Iterator[None]:
    """Have the file alone, and all of it in the file: there is no WAL meanwhile, and it can be read as it lies there
    (engine.reading_only). It is as it was afterwards, also when this process is killed.

    `busy_s`: for how long others are waited for; None: as long as for every lock. Raises LedgerError.
    """
    with in_words(path):
        connection = _taken(path, time.monotonic() + (BUSY_SECONDS if busy_s is None else busy_s))
    with contextlib.closing(connection):
        yield


def _taken(path: Path, until: float) -> sqlite3.Connection:
    while (connection := _take(path)) is None:
        if time.monotonic() >= until:
            raise LedgerError(f"ledger: {path}: another program has it open: end that program")
        time.sleep(_ASKED_AGAIN_S)
    return connection


def _take(path: Path) -> sqlite3.Connection | None:
    """A connection that shuts all others out; None while another has it open."""
    connection = sqlite3.connect(address_of(path, "mode=rw"), uri=True, timeout=0, isolation_level=None)
    try:
        connection.execute("PRAGMA locking_mode=EXCLUSIVE")  # from the next statement on, and never let go between two
        connection.execute("PRAGMA journal_mode=DELETE")  # all of the WAL comes into the file, until it is opened again
        connection.execute("BEGIN EXCLUSIVE")
    except sqlite3.OperationalError as error:
        connection.close()
        if error.sqlite_errorcode & 0xFF in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED):
            return None
        raise
    except BaseException:
        connection.close()
        raise
    return connection
