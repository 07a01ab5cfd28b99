"""What PostgreSQL and psycopg raise, said in one line for a person: what is wrong, and what to do."""

import contextlib
from collections.abc import Iterator

import psycopg
from sqlalchemy.exc import DataError, DBAPIError, IntegrityError, OperationalError, SQLAlchemyError
from sqlalchemy.exc import TimeoutError as NoneFree

from wachhund.ledger.database import BUSY_SECONDS, LedgerError, LedgerRefused
from wachhund.ledger.place import WHERE_PASSWORDS_STAND

_LOGIN = f"the login is refused: give the role's password by {WHERE_PASSWORDS_STAND}, or ask who runs the server"
_BY_STATE = {
    "53100": "its disk is full: free some space; nothing that was receipted is lost, the robots keep the rest",
    "53300": "it takes no more connections: raise its max_connections, or end other programs",
    "55P03": f"another program has held it for too long ({BUSY_SECONDS:.0f} s): end that program",
    "25006": "it takes no writes: give the address of the primary, not of a standby",
    "42501": "this role may not do that: make it the owner of the database and its tables",
    "58030": "its disk reports an error: look at the server's log",
    "XX001": "it reports damaged data: put back a backup: robots send again what they hold",
    "XX002": "it reports a damaged index: REINDEX it, or put back a backup",
}
# A text too long for an index: it is that row's fault, and stops no other.
_TOO_LONG = ("54000",)
# The server refuses a connection with a sentence and no code that libpq would hand on.
_BY_SENTENCE = (
    ("password authentication failed", _LOGIN),
    ("no password supplied", _LOGIN),
    ("no pg_hba.conf entry", _LOGIN),
    ("authentication failed", _LOGIN),
    ('role "', _LOGIN),
    ("the database system is", "it is starting or stopping: wait a moment"),
    ("too many clients", _BY_STATE["53300"]),
    ("remaining connection slots", _BY_STATE["53300"]),
    ("definition of service", "no such service: name it in ~/.pg_service.conf"),
)
_NO_DATABASE = "there is no such database: make it (`createdb -E UTF8 -T template0 NAME`), or mend the address"
_GONE = "cannot be reached: start PostgreSQL there, or mend the address"


def words(error: BaseException) -> str:
    """One line about what was raised."""
    if isinstance(error, NoneFree):
        return "all connections of this process are in use: look what takes so long"
    origin = getattr(error, "orig", None) or error
    told = " ".join(str(origin).split())
    state = getattr(origin, "sqlstate", None)
    if state in _BY_STATE:
        return _BY_STATE[state]
    if isinstance(origin, psycopg.OperationalError):
        if 'database "' in told and "does not exist" in told:
            return _NO_DATABASE
        found = next((what for sentence, what in _BY_SENTENCE if sentence in told), None)
        if found is not None:
            return found
        # Of several addresses tried, or a hint, the first line says enough.
        return f"{_GONE} ({str(origin).strip().splitlines()[0].strip()})" if told else _GONE
    return str(origin).strip().splitlines()[0] if told else type(origin).__name__


@contextlib.contextmanager
def in_words(place: str) -> Iterator[None]:
    """Turn what psycopg and SQLAlchemy raise inside into a LedgerError."""
    try:
        yield
    except (IntegrityError, DataError, psycopg.IntegrityError, psycopg.DataError) as error:
        raise LedgerRefused(f"ledger: {place}: {words(error)}") from error
    except (OperationalError, psycopg.OperationalError) as error:
        refused = getattr(getattr(error, "orig", error), "sqlstate", None) in _TOO_LONG
        raise (LedgerRefused if refused else LedgerError)(f"ledger: {place}: {words(error)}") from error
    except (DBAPIError, SQLAlchemyError, psycopg.Error) as error:
        raise LedgerError(f"ledger: {place}: {words(error)}") from error
