"""What the rest of the ledger asks of a database, whichever it is: a file (engine) or a server (server)."""

import contextlib
from collections.abc import Callable, Collection, Mapping
from typing import Protocol

from sqlalchemy import Connection

from wachhund.ledger.keeping_records import Room
from wachhund_evidence import WachhundError

BUSY_SECONDS = 10.0  # `robots add` and a running host write the same ledger; each transaction takes milliseconds
POOL_CONNECTIONS = 16  # intake, judge and the web's threads; one that finds none waits


class LedgerError(WachhundError):
    """The ledger cannot be used. The text says which file or server, what is wrong and what to do."""


class LedgerRefused(LedgerError):
    """The ledger works, but does not take this: a row against its rules."""


class LaneLost(LedgerError):
    """Another worker has taken a lane that this one meant to write in: nothing of the transaction was kept.

    `robots`: those (ids) that are in lanes of others; none where it was not said of robots."""

    def __init__(self, text: str, robots: Collection[str] = ()) -> None:
        super().__init__(text)
        self.robots = frozenset(robots)


class Database(Protocol):
    """Transactions. Safe to use from several threads; writers take turns, also those of other processes: what is
    written is numbered, and is read by its numbers, in the order of commit. Every method may raise LedgerError."""

    def reading(self) -> contextlib.AbstractContextManager[Connection]:
        """One moment of the ledger."""

    def writing(self) -> contextlib.AbstractContextManager[Connection]:
        """One transaction, on disk when the block ends; none of it after an exception."""

    def aside(self) -> contextlib.AbstractContextManager[Connection]:
        """The same for rows that are found by their keys and never read in an order: it takes no turn, so that neither
        a stranger at the door keeps evidence waiting, nor a writer the workers that agree who holds which lane."""

    def beside(self, held: Callable[[], Mapping[int, int]]) -> "Database":
        """The same database for a worker of a fleet on several machines: its transactions run beside those of workers
        that hold other lanes. `held`: the epochs of its own, by number (lanes)."""

    def room(self) -> Room:
        """How large it is, and how much of that is in use."""

    def give_back(self, pages: int) -> bool:
        """Give at most so many empty pages back to the file system. False when none are left that it could."""

    def clear_wal(self) -> bool:
        """Empty a write-ahead log of ours. False when a reader or writer was in the way."""

    def rewrite(self) -> None:
        """Write all anew, without remains of what was erased."""

    def close(self) -> None:
        """Close every connection. Nothing is lost without it."""
