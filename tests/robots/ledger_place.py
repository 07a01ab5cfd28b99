"""Where the tests' ledgers are: in files, or, with WACHHUND_TEST_LEDGER=postgresql, on a server of this run's own."""

import contextlib
import functools
import os
import shutil
from collections.abc import Iterator
from pathlib import Path

from sqlalchemy import URL, Connection, create_engine
from sqlalchemy.pool import NullPool

from tests.robots.throw_away_postgres import ThrowAwayPostgres
from wachhund.ledger.moving import tables
from wachhund.ledger.place import address_file, server_of

ON_SERVER = os.environ.get("WACHHUND_TEST_LEDGER") == "postgresql"


@functools.cache
def server() -> ThrowAwayPostgres:
    """The server of this run, made when the first test needs it."""
    return ThrowAwayPostgres()


def ready(path: Path) -> Path:
    """The same path of a ledger, which is opened there or, if that is what is tested, on the server."""
    if ON_SERVER and not address_file(path).exists():
        name_server(path, server().database())
    return path


def name_server(path: Path, address: URL) -> None:
    """Let a ledger be on a server."""
    shown = address.set(drivername="postgresql").render_as_string()
    address_file(path).write_text(shown, encoding="utf-8")


def copy_data(folder: Path, to: Path) -> None:
    """A host's data folder with its ledger, as it is while nobody has it open."""
    shutil.copytree(folder, to)
    address = server_of(to / "ledger.sqlite")
    if address is not None:
        name_server(to / "ledger.sqlite", server().database(address.database or ""))


@contextlib.contextmanager
def beside(path: Path) -> Iterator[Connection]:
    """A transaction in a ledger's database of a program that goes around our code."""
    address = server_of(path) or URL.create("sqlite", database=str(path))
    engine = create_engine(address, poolclass=NullPool)
    try:
        with engine.begin() as connection:
            if connection.dialect.name == "sqlite":
                # Who asks for less than this can replace a row and ask no trigger: that is told of what it did after.
                connection.exec_driver_sql("PRAGMA recursive_triggers=ON")
            yield connection
    finally:
        engine.dispose()


@contextlib.contextmanager
def without_walls(path: Path) -> Iterator[Connection]:
    """The same by somebody whom no trigger stops: who has the file, or owns the server."""
    with beside(path) as connection:
        if connection.dialect.name == "sqlite":
            triggers = "SELECT name FROM sqlite_master WHERE type = 'trigger'"
            for name in connection.exec_driver_sql(triggers).scalars().all():
                connection.exec_driver_sql(f"DROP TRIGGER {name}")
        else:
            connection.exec_driver_sql("SET LOCAL session_replication_role = replica")
        yield connection


def take_away(path: Path) -> None:
    """Let a ledger that nobody has open be one that cannot be opened."""
    address = server_of(path)
    if address is not None:
        server().sql(f"DROP DATABASE {address.database} WITH (FORCE)")
    else:
        path.unlink()
        path.mkdir()


def all_that_it_holds(path: Path) -> str:
    """Every text in a ledger; of a file also what is left in its pages."""
    if server_of(path) is None:
        return path.read_bytes().decode("latin-1")
    with beside(path) as connection:
        return "\n".join(str(row) for table in tables() for row in connection.execute(table.select()))
