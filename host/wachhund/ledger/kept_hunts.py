"""Hunts of all processes of the pages: what each found, for whichever process is asked; for an hour, and not many.

What they found is text of evidence: it goes with the next act of forgetting, whatever that takes (erasing).
"""

from dataclasses import dataclass

from sqlalchemy import delete, insert, select, update

from wachhund.ledger.database import Database
from wachhund.ledger.pages_schema import hunts

KEPT_S = 3600.0
ENDED_S = 15.0  # a process that runs one says so each second
GO_ON, END, GONE = "go on", "end", "gone"


@dataclass(frozen=True)
class KeptHunt:
    """`body`: as who ran it wrote it (JSON). `is_silent`: nobody has written for longer than a process that lives."""

    id: str
    body: str
    cancelled: bool
    is_silent: bool


class KeptHunts:
    """A part of the ledger; safe to use from several threads. Every method may raise LedgerError."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def begin(self, identity: str, body: str, now: float, most: int) -> None:
        """Keep a new one. Those over go, and all but the newest `most`."""
        with self._database.aside() as connection:
            connection.execute(delete(hunts).where(hunts.c.told_t < now - KEPT_S))
            row = {"id": identity, "started_t": now, "told_t": now, "cancelled": 0, "body": body}
            connection.execute(insert(hunts).values(**row))
            newest = select(hunts.c.id).order_by(hunts.c.started_t.desc(), hunts.c.id).limit(most).subquery()
            connection.execute(delete(hunts).where(hunts.c.id.not_in(select(newest.c.id))))

    def tell(self, identity: str, body: str, now: float) -> str:
        """How one stands now. Returns what is wanted of it: `go on`, `end`, or `gone`: it is kept no more, and not
        again."""
        mine = hunts.c.id == identity
        with self._database.aside() as connection:
            told = update(hunts).where(mine).values(told_t=now, body=body).returning(hunts.c.cancelled)
            row = connection.execute(told).one_or_none()
        return GONE if row is None else END if row.cancelled else GO_ON

    def cancel(self, identity: str) -> None:
        """Let the process that runs it end it."""
        with self._database.aside() as connection:
            connection.execute(update(hunts).where(hunts.c.id == identity).values(cancelled=1))

    def find(self, identity: str, now: float) -> KeptHunt | None:
        """One that is kept yet."""
        return next(iter(self._found(now, identity)), None)

    def all(self, now: float) -> list[KeptHunt]:
        """Those that are kept, the newest first."""
        return self._found(now, None)

    def _found(self, now: float, identity: str | None) -> list[KeptHunt]:
        kept = hunts.c.told_t >= now - KEPT_S
        query = select(hunts).where(kept).order_by(hunts.c.started_t.desc(), hunts.c.id)
        query = query if identity is None else query.where(hunts.c.id == identity)
        with self._database.reading() as connection:
            return [
                KeptHunt(row.id, row.body, bool(row.cancelled), row.told_t < now - ENDED_S)
                for row in connection.execute(query)
            ]
