"""Long lists in parts: rows beyond a place in the list, never beyond a count of rows.

Newest first by when they began, which a row keeps for its life: what comes or changes meanwhile moves no other row.
"""

import json
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, Select, func, or_, select

from wachhund.ledger.database import Database
from wachhund.ledger.schema import incidents, sessions
from wachhund.ledger.session_search import Wanted, matching

Row = dict[str, Any]
After = tuple[float, str] | None


@dataclass(frozen=True)
class IncidentsWanted:
    """Filters; None for any. `robot` is an id."""

    robot: str | None = None
    state: str | None = None
    level: str | None = None


class Lists:
    """A part of the ledger; safe to use from several threads. Every method may raise LedgerError."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def incidents(self, wanted: IncidentsWanted, after: After, limit: int) -> list[Row]:
        """At most `limit` incidents that stand behind `after`: when one began, and its id."""
        query = select(incidents.c.body).where(*_incidents(wanted))
        return self._part(query, incidents.c.first_t, incidents.c.id, after, limit)

    def incidents_of_span(self, robot: str, from_t: float, to_t: float, limit: int) -> tuple[int, list[Row]]:
        """How many incidents of a robot (its id) went on in a span of host time, and at most `limit`: the newest."""
        within = (incidents.c.robot == robot) & (incidents.c.first_t <= to_t) & (incidents.c.last_t >= from_t)
        count = self._count(select(func.count()).select_from(incidents).where(within))
        query = select(incidents.c.body).where(within)
        return count, self._part(query, incidents.c.first_t, incidents.c.id, None, limit)

    def count_incidents(self, wanted: IncidentsWanted) -> int:
        """How many there are."""
        return self._count(select(func.count()).select_from(incidents).where(*_incidents(wanted)))

    def sessions(self, wanted: Wanted, after: After, limit: int) -> list[Row]:
        """At most `limit` sessions that stand behind `after`: when one began, and its id."""
        rows = matching(wanted)
        query = select(sessions.c.body).join(rows, rows.c.id == sessions.c.id)
        return self._part(query, sessions.c.first_t, sessions.c.id, after, limit)

    def _count(self, query: Select[Any]) -> int:
        with self._database.reading() as connection:
            return int(connection.execute(query).scalar() or 0)

    def _part(
        self, query: Select[Any], began: ColumnElement[float], identity: ColumnElement[str], after: After, limit: int
    ) -> list[Row]:
        if after is not None:
            t, name = after
            query = query.where(or_(began < t, (began == t) & (identity > name)))
        with self._database.reading() as connection:
            rows = connection.execute(query.order_by(began.desc(), identity).limit(limit))
            return [dict(json.loads(body)) for body in rows.scalars()]


def _incidents(wanted: IncidentsWanted) -> list[ColumnElement[bool]]:
    given = {name: value for name, value in vars(wanted).items() if value is not None}
    return [incidents.c[name] == value for name, value in given.items()]
