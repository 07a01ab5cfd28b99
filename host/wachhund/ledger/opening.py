"""Opening the database of a ledger, wherever it is."""

import contextlib
from pathlib import Path

from sqlalchemy import URL, Connection

from wachhund.ledger import engine
from wachhund.ledger.database import Database, LedgerError
from wachhund.ledger.engine import DatabaseFile
from wachhund.ledger.place import address_file, replica_of, server_of


def database_of(path: Path) -> Database:
    """The ledger's file, or the server that `ledger.url` names in its place. Raises LedgerError."""
    address = server_of(path)
    if address is not None:
        return database_at(address)
    file = DatabaseFile(path)
    if address_file(path).exists():  # it was moved to a server in this very moment
        file.abandon()
        raise LedgerError(f"ledger: {path}: was moved away meanwhile: start this again, to find it")
    return file


def database_with_replica(path: Path) -> Database:
    """The same, read from the standby that `replica.url` names where that may be (replica). Raises LedgerError."""
    address, standby = server_of(path), replica_of(path)
    if address is None or standby is None:
        return database_of(path)
    from wachhund.ledger.replica import ServerWithReplica

    return ServerWithReplica(address, standby)


def database_at(address: URL) -> Database:
    """The database on a server (see place.server_address). Raises LedgerError."""
    from wachhund.ledger.server import DatabaseServer  # psycopg is loaded where a server is used

    return DatabaseServer(address)


def reading_only(path: Path) -> contextlib.AbstractContextManager[Connection]:
    """One moment of a ledger, which stays as it is (engine.reading_only, server.reading_only). Raises LedgerError."""
    address = server_of(path)
    return reading_only_at(path if address is None else address)


def reading_only_at(place: Path | URL, is_checked: bool = False) -> contextlib.AbstractContextManager[Connection]:
    """The same of this file or server, whatever stands beside it. `is_checked`: all its pages were just read."""
    if isinstance(place, Path):
        return engine.reading_only(place, is_checked)
    from wachhund.ledger import server

    return server.reading_only(place)
