"""The log of people's acts as the rest of the host asks for it. What records into it is `ledger.acts.record`."""

from collections.abc import Mapping
from typing import Any

from wachhund.ledger import acts
from wachhund.ledger.acts import Act, Search
from wachhund.ledger.bell import Bell
from wachhund.ledger.database import Database


class ActLog:
    """A part of the ledger; safe to use from several threads. Every method may raise LedgerError."""

    def __init__(self, database: Database, changes: Bell) -> None:
        self._database, self._changes = database, changes

    def record(
        self, *, t: float, who: str, act: str, subject: str = "", robot: str = "", why: str = "",
        detail: Mapping[str, Any] | None = None,
    ) -> int:  # fmt: skip
        """Put on record an act that changes nothing in the ledger, such as handing on a file. Returns its number."""
        with self._database.writing() as connection:
            number = acts.record(
                connection, t=t, who=who, act=act, subject=subject, robot=robot, why=why, detail=detail
            )
        self._changes.ring()
        return number

    def find(self, wanted: Search, limit: int, offset: int = 0) -> tuple[int, list[Act]]:
        """How many there are of these, and at most `limit` of them, the newest first."""
        with self._database.reading() as connection:
            return acts.count(connection, wanted), acts.find(connection, wanted, limit, offset)

    def after(self, wanted: Search, beyond: int, up_to: int, limit: int) -> list[Act]:
        """At most `limit` of these with a number beyond that one, none beyond `up_to`, the oldest first."""
        with self._database.reading() as connection:
            return acts.after(connection, wanted, beyond, up_to, limit)

    def last_number(self) -> int:
        """The number of the newest act; 0 for none."""
        with self._database.reading() as connection:
            return acts.last_number(connection)

    def first_broken(self) -> int | None:
        """The number of the first act that is not what was recorded; None when the chain holds."""
        with self._database.reading() as connection:
            return acts.first_broken(connection)
