"""Long lists in parts: rows beyond a place in the list, never beyond a count of rows.

Newest first by when they began, which a row keeps for its life: what comes or changes meanwhile moves no other row.
"""

import json
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, Select, func, or_, select

from wachhund.ledger.engine import Database
from wachhund.ledger.schema import incidents, sessions

Row = dict[str, Any]
After = tuple[float, str] | None


@dataclass(frozen=True)
class IncidentsWanted:
    """Filters; None for any. `robot` is an id."""

    robot: str | None = None
    state: str | None = None
    level: str | None = None


@dataclass(frozen=True)
class SessionsWanted:
    """Filters; None for any. `robot` is an id, `is_open` whether it goes on, `at_t` host time at which it was open."""

    robot: str | None = None
    surface: str | None = None
    carrier: str | None = None
    is_open: bool | None = None
    at_t: float | None = None


class Lists:
    """A part of the ledger; safe to use from several threads. Every method may raise LedgerError."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def incidents(self, wanted: IncidentsWanted, after: After, limit: int) -> list[Row]:
        """At most `limit` incidents that stand behind `after`: when one began, and its id."""
        query = select(incidents.c.body)
        for column in ("robot", "state", "level"):
            value = getattr(wanted, column)
            if value is not None:
                query = query.where(incidents.c[column] == value)
        return self._part(query, incidents.c.first_t, incidents.c.id, after, limit)

    def sessions(self, wanted: SessionsWanted, after: After, limit: int) -> list[Row]:
        """At most `limit` sessions that stand behind `after`: when one began, and its id."""
        query = select(sessions.c.body)
        if wanted.robot is not None:
            query = query.where(sessions.c.robot == wanted.robot)
        if wanted.surface is not None:
            query = query.where(sessions.c.surface == wanted.surface)
        if wanted.carrier is not None:
            query = query.where(func.json_extract(sessions.c.body, "$.carrier") == wanted.carrier)
        if wanted.is_open is not None:
            query = query.where(sessions.c.last_t.is_(None) if wanted.is_open else sessions.c.last_t.is_not(None))
        if wanted.at_t is not None:
            still = or_(sessions.c.last_t.is_(None), sessions.c.last_t >= wanted.at_t)
            query = query.where(sessions.c.first_t <= wanted.at_t, still)
        return self._part(query, sessions.c.first_t, sessions.c.id, after, limit)

    def _part(
        self, query: Select[Any], began: ColumnElement[float], identity: ColumnElement[str], after: After, limit: int
    ) -> list[Row]:
        if after is not None:
            t, name = after
            query = query.where(or_(began < t, (began == t) & (identity > name)))
        with self._database.reading() as connection:
            rows = connection.execute(query.order_by(began.desc(), identity).limit(limit))
            return [dict(json.loads(body)) for body in rows.scalars()]
