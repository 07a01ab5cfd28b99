"""Where a ledger is: in its file, or on the server that a file beside it names.

That file is the one setting, and every command reads it: none can write into another ledger than the host does.
"""

import contextlib
import os
from pathlib import Path

from sqlalchemy import URL, make_url
from sqlalchemy.exc import ArgumentError

from wachhund.ledger.database import LedgerError

WHERE_PASSWORDS_STAND = "~/.pgpass, PGPASSWORD or a service file"
_SCHEMES = ("postgresql", "postgres", "postgresql+psycopg")
_SECRETS = ("password", "sslpassword")
_MAX_ADDRESS_CHARS = 2_000


def address_file(path: Path) -> Path:
    """The file that names a server in a ledger file's place: `ledger.url` beside `ledger.sqlite`."""
    return path.with_suffix(".url")


def server_of(path: Path) -> URL | None:
    """The server that holds the ledger in this file's place; None: the file does. Raises LedgerError."""
    setting = address_file(path)
    try:
        text = setting.read_text(encoding="utf-8")
    except FileNotFoundError:
        return None
    except UnicodeDecodeError:
        text = ""
    except OSError as error:
        raise LedgerError(f"ledger: {setting}: {error.strerror}: give this user the right to read it") from None
    if path.exists():
        raise LedgerError(f"ledger: {path.parent}: has {path.name} and {setting.name}: move away what is not to count")
    return server_address(text.strip(), str(setting))


def replica_file(path: Path) -> Path:
    """The file that names a standby of that server: `replica.url` beside it."""
    return path.with_name("replica.url")


def replica_of(path: Path) -> URL | None:
    """The standby from which pages are read; None: there is none. Raises LedgerError."""
    setting = replica_file(path)
    try:
        return server_address(setting.read_text(encoding="utf-8").strip(), str(setting))
    except FileNotFoundError:
        return None
    except UnicodeDecodeError:
        raise LedgerError(f"ledger: {setting}: not the address of a server") from None
    except OSError as error:
        raise LedgerError(f"ledger: {setting}: {error.strerror}: give this user the right to read it") from None


def settle_replica(path: Path, text: str) -> None:
    """Let pages be read from the standby of that address from now on. Raises LedgerError."""
    write_address(replica_file(path), server_address(text, "--replica"))


def settle(path: Path, text: str) -> None:
    """Let the ledger be on the server of that address from now on.

    Raises LedgerError when the address is none, or the ledger is in a file or on another server.
    """
    wanted, setting = server_address(text, "--ledger"), address_file(path)
    there = server_of(path)
    if there is not None and there != wanted:
        raise LedgerError(f"ledger: {setting}: names another server: take --ledger away, or write its address there")
    if there is None and path.exists():
        raise LedgerError(f"ledger: {path}: holds the ledger: `wachhund ledger move` brings it to a server")
    if there is None:
        write_address(setting, wanted)


def write_address(setting: Path, address: URL) -> None:
    """Write a server's address, whole or not at all. Raises LedgerError."""
    unfinished = setting.with_name(setting.name + ".new")
    try:
        unfinished.write_text(f"{shown(address)}\n", encoding="utf-8")
        with unfinished.open("rb+") as stream:
            os.fsync(stream.fileno())
        unfinished.rename(setting)
    except OSError as error:
        raise LedgerError(f"ledger: {setting}: {error.strerror}: give this user the right to write there") from None


def shown(address: URL) -> str:
    """An address as people write it."""
    return address.set(drivername="postgresql").render_as_string(hide_password=True)


def server_address(text: str, said_in: str) -> URL:
    """An address as `postgresql://user@host/database`. `said_in`: what to mend.

    Raises LedgerError, which holds nothing of the address: a password may stand in it.
    """
    url = None
    if len(text) <= _MAX_ADDRESS_CHARS and text.isprintable():
        with contextlib.suppress(ArgumentError, ValueError):
            url = make_url(text)
    if url is None or url.drivername not in _SCHEMES:
        raise LedgerError(f"ledger: {said_in}: not the address of a server: write postgresql://user@host/database")
    if url.password is not None or any(name in url.query for name in _SECRETS):
        raise LedgerError(f"ledger: {said_in}: holds a password: take it out, and give it by {WHERE_PASSWORDS_STAND}")
    return url.set(drivername="postgresql+psycopg")
