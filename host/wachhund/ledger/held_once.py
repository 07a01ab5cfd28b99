"""What is kept between a question and its answer: for one holder each, taken once, for minutes, and not many at a time.

It lies in the ledger: the answer may come to another process of the pages than the one that asked, or to the same after
it was started anew. Whoever reads the ledger comes in with none of it: a holder's name is a hash of what a browser has.
"""

from sqlalchemy import delete, func, select

from wachhund.ledger.database import Database
from wachhund.ledger.dialects import upsert
from wachhund.ledger.pages_schema import held_once

MOST = 1024


class HeldOnce:
    """A part of the ledger; safe to use from several threads. Every method may raise LedgerError.

    A holder has one of a kind at a time: a new one makes the one before void. Times: host time.
    """

    def __init__(self, database: Database) -> None:
        self._database = database

    def put(self, kind: str, holder: str, body: str, *, until_t: float, now: float, most: int = MOST) -> None:
        """Keep it for that holder. Those that are over go, and the oldest when there are more than `most`."""
        made = upsert(held_once).values(kind=kind, holder=holder, until_t=until_t, body=body)
        changed = {"until_t": made.excluded.until_t, "body": made.excluded.body}
        mine = held_once.c.kind == kind
        with self._database.aside() as connection:
            connection.execute(made.on_conflict_do_update(index_elements=["kind", "holder"], set_=changed))
            connection.execute(delete(held_once).where(held_once.c.until_t <= now))
            count = connection.execute(select(func.count()).select_from(held_once).where(mine)).scalar() or 0
            if count > most:
                oldest = select(held_once.c.holder).where(mine, held_once.c.holder != holder)
                oldest = oldest.order_by(held_once.c.until_t, held_once.c.holder).limit(count - most)
                connection.execute(delete(held_once).where(mine, held_once.c.holder.in_(oldest.scalar_subquery())))

    def take(self, kind: str, holder: str, now: float) -> str | None:
        """The holder's, which is used up by that whatever becomes of it; None: there is none, or it is too old."""
        mine = (held_once.c.kind == kind) & (held_once.c.holder == holder)
        taking = delete(held_once).where(mine).returning(held_once.c.until_t, held_once.c.body)
        with self._database.aside() as connection:
            row = connection.execute(taking).one_or_none()
        return row.body if row is not None and now < row.until_t else None
