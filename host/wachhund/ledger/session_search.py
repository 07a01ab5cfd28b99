"""Finding sessions: those that were open in a span of time, filtered, counted, grouped and a page at a time.

Whose sessions cover a moment is a question about two ends, and an index has one order. So ended sessions stand in
classes of length: one of class k is shorter than 2**k seconds, and what was open at T began at most so long before it.
Each class is one short range of the index, and what is read grows with what is found, not with what is kept.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import ColumnElement, Connection, Select, Subquery, case, distinct, func, or_, select, union_all

from wachhund.ledger.database import Database
from wachhund.ledger.keeping_schema import erasures
from wachhund.ledger.schema import chains, sessions
from wachhund.ledger.session_keys import CLASSES, NOT_ALLOWED, UNKNOWN

# What a filter may be about, and the column that holds it.
FIELDS: Mapping[str, str] = {
    "surface": "surface", "origin": "outside", "carrier": "carrier", "user": "user_name", "allowed": "verdict",
    "robot": "robot",
}  # fmt: skip
GROUPS = ("origin", "carrier", "user")
_KEYS = ("id", "robot", "surface", "carrier", "outside", "user_name", "verdict", "first_t", "last_t")


@dataclass(frozen=True)
class Wanted:
    """Which sessions. `from_t` and `to_t`: open at some time of that span, host time; None: open now.

    `only` and `but`: by field of FIELDS the values one of which it has, and those of which it has none.
    """

    from_t: float | None = None
    to_t: float | None = None
    only: Mapping[str, frozenset[Any]] = field(default_factory=dict)
    but: Mapping[str, frozenset[Any]] = field(default_factory=dict)


@dataclass(frozen=True)
class Counted:
    """How many sessions, on how many robots, and how many of them in each verdict of session_keys."""

    sessions: int
    robots: int
    verdicts: Mapping[int, int]


@dataclass(frozen=True)
class Group:
    """Sessions that have one value in common. `first_t` and `newest_t`: when the first and the last of them began."""

    value: str
    sessions: int
    robots: int
    not_allowed: int
    unknown: int
    first_t: float
    newest_t: float


class SessionSearch:
    """A part of the ledger; safe to use from several threads. Every method may raise LedgerError."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def count(self, wanted: Wanted) -> Counted:
        """All that are wanted."""
        with self._database.reading() as connection:
            return count(connection, wanted)

    def page(self, wanted: Wanted, limit: int, offset: int = 0) -> list[dict[str, Any]]:
        """Sessions: not allowed first, then unknown, then allowed; within these the newest first."""
        with self._database.reading() as connection:
            return page(connection, wanted, limit, offset)

    def groups(self, wanted: Wanted, by: str, limit: int, offset: int = 0) -> tuple[int, list[Group]]:
        """How many groups there are by a field of GROUPS, and some: first those with a session that is not allowed,
        then those on many robots."""
        with self._database.reading() as connection:
            return groups(connection, wanted, by, limit, offset)

    def one(self, identity: str) -> dict[str, Any] | None:
        """One session; None when there is none of that id."""
        with self._database.reading() as connection:
            body = connection.execute(select(sessions.c.body).where(sessions.c.id == identity)).scalar()
        return None if body is None else dict(json.loads(body))

    def known_since(self) -> float | None:
        """When the first evidence came of which something is kept; None before any."""
        with self._database.reading() as connection:
            return connection.execute(select(func.min(chains.c.first_received_t))).scalar()

    def erased_from(self, from_t: float, to_t: float) -> int:
        """Of how many robots something was erased that was seen in that span."""
        touched = (erasures.c.to_t >= from_t) & (erasures.c.from_t.is_(None) | (erasures.c.from_t <= to_t))
        with self._database.reading() as connection:
            return connection.execute(select(func.count(distinct(erasures.c.robot))).where(touched)).scalar() or 0


def count(connection: Connection, wanted: Wanted) -> Counted:
    """The same of a moment of the ledger."""
    found = matching(wanted)
    counted = select(found.c.verdict, func.count().label("number")).group_by(found.c.verdict)
    verdicts = {row.verdict: row.number for row in connection.execute(counted)}
    robots = connection.execute(select(func.count(distinct(found.c.robot)))).scalar() or 0
    return Counted(sum(verdicts.values()), robots, verdicts)


def page(connection: Connection, wanted: Wanted, limit: int, offset: int) -> list[dict[str, Any]]:
    """The same of a moment of the ledger."""
    found = matching(wanted)
    query = select(found.c.id).order_by(found.c.verdict, found.c.first_t.desc(), found.c.id)
    ids = list(connection.execute(query.limit(limit).offset(offset)).scalars())
    bodies = connection.execute(select(sessions.c.id, sessions.c.body).where(sessions.c.id.in_(ids)))
    told = {row.id: json.loads(row.body) for row in bodies}
    return [told[name] for name in ids]


def groups(connection: Connection, wanted: Wanted, by: str, limit: int, offset: int) -> tuple[int, list[Group]]:
    """The same of a moment of the ledger."""
    found = matching(wanted)
    value = found.c[FIELDS[by]]
    number = connection.execute(select(func.count(distinct(value)))).scalar() or 0
    robots = func.count(distinct(found.c.robot)).label("robots")
    not_allowed, unknown = (
        func.sum(case((found.c.verdict == verdict, 1), else_=0)) for verdict in (NOT_ALLOWED, UNKNOWN)
    )
    query = select(
        value.label("value"), func.count().label("sessions"), robots, not_allowed.label("not_allowed"),
        unknown.label("unknown"), func.min(found.c.first_t).label("first_t"),
        func.max(found.c.first_t).label("newest_t"),
    ).group_by(value)  # fmt: skip
    ordered = query.order_by(func.min(found.c.verdict), robots.desc(), func.count().desc(), value)
    rows = connection.execute(ordered.limit(limit).offset(offset)).mappings()
    return number, [Group(**row) for row in rows]


def matching(wanted: Wanted) -> Subquery:
    """Keys of all that are wanted, for who asks further."""
    open_now = sessions.c.last_t.is_(None)
    if wanted.from_t is None or wanted.to_t is None:
        return _part(wanted, open_now).subquery()
    from_t, to_t = wanted.from_t, wanted.to_t
    parts = [_part(wanted, open_now, sessions.c.first_t <= to_t)]
    for kind in range(CLASSES):
        of_class = sessions.c.last_t.is_not(None), sessions.c.length_class == kind
        began = sessions.c.first_t.between(from_t - 2.0**kind, to_t)
        parts.append(_part(wanted, *of_class, began, sessions.c.last_t >= from_t))
    return union_all(*parts).subquery()


def _part(wanted: Wanted, *conditions: ColumnElement[bool]) -> Select[Any]:
    return select(*(sessions.c[name] for name in _KEYS)).where(*conditions, *_filters(wanted))


def _filters(wanted: Wanted) -> list[ColumnElement[bool]]:
    made: list[ColumnElement[bool]] = []
    for name, values in wanted.only.items():
        made.append(sessions.c[FIELDS[name]].in_(values))
    for name, values in wanted.but.items():
        column = sessions.c[FIELDS[name]]
        made.append(or_(column.is_(None), column.not_in(values)))
    return made
