"""The database file: opening it, its transactions, and what goes wrong with it said in words.

WAL with synchronous=FULL: what is committed survives a power cut (protocol-attacks.md, C5), and readers never wait.
"""

import contextlib
import os
import sqlite3
import threading
import urllib.parse
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

from sqlalchemy import URL, Connection, Engine, create_engine, event
from sqlalchemy.exc import DataError, DBAPIError, IntegrityError, InterfaceError, ProgrammingError, SQLAlchemyError
from sqlalchemy.pool import NullPool

from wachhund.ledger import migrations
from wachhund.ledger.database import BUSY_SECONDS, POOL_CONNECTIONS, Database, LedgerError, LedgerRefused
from wachhund.ledger.keeping_records import Room

CHECKED_BYTES = 64 * 1024 * 1024  # up to here the whole file is checked at start: about 0.2 s
REWRITTEN_BYTES = 256 * 1024 * 1024  # up to here an older file is written anew at start, to give room back: some 3 s
# Pages of the WAL that wait to be brought into the file, 66 MB: one that changes again meanwhile is written there once,
# and they go there side by side (0098). Below `journal_size_limit`, which would cut the WAL back each time.
_CHECKPOINT_PAGES = 16_000
_INCREMENTAL = 2  # PRAGMA auto_vacuum: empty pages are given back when asked


def _words(error: BaseException) -> str:
    if isinstance(error, OSError):
        return f"{error.strerror}: give this user the right to write there, or another --data folder"
    text = str(getattr(error, "orig", None) or error)
    if "is full" in text:
        return "the disk is full: free some space; nothing that was receipted is lost, the robots keep the rest"
    if "malformed" in text or "not a database" in text or "file is encrypted" in text:
        return "the file is damaged: put back a copy, or move it away: robots send again what they hold"
    if "readonly" in text or "read-only" in text:
        return "the file or its folder is read-only: give this user the right to write there"
    if "unable to open" in text:
        return "cannot be opened: make the folder, or give this user the right to write there"
    if "locked" in text:
        return f"another program has held it for {BUSY_SECONDS:.0f} s: end it, or wait if it is `wachhund ledger move`"
    if "disk I/O" in text:
        return "the disk reports an error, or is full: look at the system's log"
    return text


@contextlib.contextmanager
def in_words(path: Path) -> Iterator[None]:
    """Turn what SQLite and SQLAlchemy raise inside into a LedgerError."""
    try:
        yield
    except (IntegrityError, DataError, InterfaceError, ProgrammingError) as error:
        raise LedgerRefused(f"ledger: {path}: {_words(error)}") from error
    except (DBAPIError, SQLAlchemyError, sqlite3.Error, OSError) as error:
        raise LedgerError(f"ledger: {path}: {_words(error)}") from error


def address_of(path: Path, how: str) -> str:
    """Of a file, as SQLite takes it. `how`: such as mode=rw."""
    return f"file:{urllib.parse.quote(os.fsencode(path.resolve()))}?{how}"


def _which(path: Path) -> tuple[int, int] | None:
    """Names the file that lies there; None: none does."""
    try:
        found = path.stat()
    except FileNotFoundError:
        return None
    return found.st_dev, found.st_ino


def _prepare(connection: Any, _record: Any) -> None:
    connection.isolation_level = None  # sqlite3's own idea of transactions would leave DDL outside them
    # auto_vacuum counts in an empty file only, and must come first. secure_delete: what is erased is overwritten.
    # recursive_triggers: without it INSERT OR REPLACE deletes a row and asks no delete trigger.
    for pragma in (
        "auto_vacuum=INCREMENTAL", "journal_mode=WAL", "synchronous=FULL", "secure_delete=ON", "foreign_keys=ON",
        "recursive_triggers=ON",
    ):  # fmt: skip
        connection.execute(f"PRAGMA {pragma}")
    connection.execute(f"PRAGMA wal_autocheckpoint={_CHECKPOINT_PAGES}")
    connection.execute("PRAGMA journal_size_limit=67108864")  # a WAL that a long reader let grow is cut back


def _begin(connection: Connection) -> None:
    writes = connection.get_execution_options().get("writes", False)
    # A transaction that will write takes the lock first: to ask for it later may fail, and waits for nobody.
    connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")


@contextlib.contextmanager
def reading_only(path: Path, is_checked: bool = False) -> Iterator[Connection]:
    """One moment of a ledger's file, which stays as it is: also a copy, and one that somebody else wrote.

    `is_checked`: its pages are not looked through again. Raises LedgerError when it is none, is damaged, or is of
    another version of Wachhund.
    """
    if not path.is_file():
        raise LedgerError(f"ledger: {path}: no such file: give a ledger.sqlite or its folder")
    # A copy without its WAL can be read as it is. Beside a running host the WAL belongs to it.
    has_wal = path.with_name(path.name + "-wal").exists()
    address = address_of(path, "mode=ro" if has_wal else "mode=ro&immutable=1")
    engine = create_engine("sqlite://", creator=lambda: sqlite3.connect(address, uri=True), poolclass=NullPool)
    try:
        with in_words(path), engine.connect() as connection:
            if connection.exec_driver_sql("PRAGMA application_id").scalar() != migrations.APPLICATION_ID:
                raise LedgerError(f"ledger: {path}: not a ledger of Wachhund")
            if not is_checked and connection.exec_driver_sql("PRAGMA quick_check(1)").scalar() != "ok":
                raise sqlite3.DatabaseError("malformed")
            known = {step.__name__ for step in migrations.STEPS}
            if migrations.applied(connection) != known:
                raise LedgerError(f"ledger: {path}: of another version of Wachhund: open it once with `wachhund serve`")
            yield connection
    finally:
        engine.dispose()


class DatabaseFile:
    """Transactions on one file. Safe to use from several threads; writers take turns."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._turn = threading.Lock()
        self._engine: Engine = create_engine(
            URL.create("sqlite", database=str(path)),
            creator=self._connect,
            pool_size=POOL_CONNECTIONS,
            max_overflow=0,
        )
        event.listen(self._engine, "connect", _prepare)
        event.listen(self._engine, "begin", _begin)
        with in_words(path):
            self._is_new = not path.exists()
            if self._is_new:
                path.touch(mode=0o600)
            self._file: tuple[int, int] | None = None  # as it is named once it is open: on overlayfs not before
            try:
                self._open()
            except BaseException:
                self.close()
                raise

    def _open(self) -> None:
        self._claim()
        while True:
            with self.writing() as connection:
                if not migrations.apply_next(connection):
                    break
        self._make_shrinkable()

    def _connect(self) -> sqlite3.Connection:
        """Never makes a file: a second ledger would lie where the first was moved away from."""
        if self._file is not None:
            self._require_there()
        made = sqlite3.connect(
            address_of(self.path, "mode=rw"), uri=True, timeout=BUSY_SECONDS, check_same_thread=False
        )
        try:
            made.execute("SELECT count(*) FROM sqlite_master").fetchone()  # waits for who has it alone
            self._file = self._file or _which(self.path)
            self._require_there()
        except BaseException:
            made.close()
            raise
        return made

    def _require_there(self) -> None:
        """Raises LedgerError where the file that is open is not the ledger any more (alone)."""
        if self._file is None or _which(self.path) != self._file:
            raise LedgerError(f"ledger: {self.path}: was moved away meanwhile: start this again, to find it")

    def _claim(self) -> None:
        """Refuse a damaged file, another program's, and one of a newer Wachhund."""
        with self._engine.connect() as connection:
            identity = connection.exec_driver_sql("PRAGMA application_id").scalar()
            tables = connection.exec_driver_sql("SELECT count(*) FROM sqlite_master").scalar()
            if identity != migrations.APPLICATION_ID and tables:
                raise LedgerError(f"ledger: {self.path}: the database of another program: give another --data folder")
            if self.path.stat().st_size <= CHECKED_BYTES:
                verdict = connection.exec_driver_sql("PRAGMA quick_check(1)").scalar()
                if verdict != "ok":
                    raise sqlite3.DatabaseError("malformed")
        with self.writing() as connection:
            connection.exec_driver_sql(f"PRAGMA application_id={migrations.APPLICATION_ID}")
            migrations.prepare(connection)
            unknown = migrations.applied(connection) - {step.__name__ for step in migrations.STEPS}
            if unknown:
                raise LedgerError(f"ledger: {self.path}: made by a newer Wachhund: install that one")

    @contextlib.contextmanager
    def reading(self) -> Iterator[Connection]:
        """One moment of the ledger. Raises LedgerError."""
        with in_words(self.path), self._engine.connect() as connection, connection.begin():
            yield connection

    @contextlib.contextmanager
    def writing(self) -> Iterator[Connection]:
        """One transaction, on disk when the block ends; none of it after an exception. Raises LedgerError."""
        with in_words(self.path), self._turn, self._engine.connect() as connection:
            connection = connection.execution_options(writes=True)
            with connection.begin():
                # Nobody moves it from here on. What is written to a file that was moved away would be lost.
                self._require_there()
                yield connection

    def aside(self) -> contextlib.AbstractContextManager[Connection]:
        """As writing: a file has one writer at a time whatever is written."""
        return self.writing()

    def _make_shrinkable(self) -> None:
        """A file that was made before room was given back has to be written anew once, before it can shrink."""
        with self._bare() as connection:
            if connection.execute("PRAGMA auto_vacuum").fetchone()[0] == _INCREMENTAL:
                return
        if self.path.stat().st_size <= REWRITTEN_BYTES:
            self.rewrite()

    def beside(self, held: Callable[[], Mapping[int, int]]) -> Database:
        """Raises LedgerError: a file has one writer."""
        raise LedgerError(
            f"ledger: {self.path}: a file is for one machine: `wachhund ledger move` brings it to a server"
        )

    def room(self) -> Room:
        """How large the file is, and how much of it is in use. Raises LedgerError."""
        with self.reading() as connection:
            size, pages, empty = (
                connection.exec_driver_sql(f"PRAGMA {name}").scalar() or 0
                for name in ("page_size", "page_count", "freelist_count")
            )
        return Room(size * pages, size * (pages - empty))

    def give_back(self, pages: int) -> bool:
        """Give at most so many empty pages back to the file system. False when none are left. Raises LedgerError."""
        with self._bare() as connection:
            # executescript: the statement answers with rows of no column, which execute takes for its end.
            connection.executescript(f"PRAGMA incremental_vacuum({pages:d})")
            return bool(connection.execute("PRAGMA freelist_count").fetchone()[0])

    def clear_wal(self) -> bool:
        """Empty the WAL. False when a reader or writer was in the way: nobody is made to wait. Raises LedgerError."""
        with self._bare() as connection:
            connection.execute("PRAGMA busy_timeout=0")
            try:
                return bool(connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()[0] == 0)
            finally:
                connection.execute(f"PRAGMA busy_timeout={BUSY_SECONDS * 1000:.0f}")

    def rewrite(self) -> None:
        """Write the whole file anew. Raises LedgerError: it is then as it was."""
        with self._bare() as connection:
            connection.execute("VACUUM")
        self.clear_wal()

    @contextlib.contextmanager
    def _bare(self) -> Iterator[sqlite3.Connection]:
        """A writer's turn without a transaction: for what SQLite does outside of one."""
        with in_words(self.path), self._turn, self._engine.connect() as connection:
            raw: Any = connection.connection.driver_connection
            yield raw

    def abandon(self) -> None:
        """Close it, and take it away if it was made here."""
        self.close()
        if self._is_new:
            for name in (self.path, *self.path.parent.glob(f"{self.path.name}-*")):
                name.unlink(missing_ok=True)

    def close(self) -> None:
        """Close every connection. The file is whole without its WAL afterwards."""
        self._engine.dispose()
