"""Incidents as lists show them: a glance of each, with what people left it at. Chosen by one query.

Where an incident stands is not asked here but computed (alerts.life). So there are two sorts: those that may need
somebody, which are all read, and those that are over and have not changed since, which are counted and paged.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import ColumnElement, Connection, Select, and_, case, false, func, or_, select

from wachhund.ledger.dialects import json_text
from wachhund.ledger.handling_records import CLOSED, Life, life_of
from wachhund.ledger.handling_schema import incident_lives
from wachhund.ledger.schema import incidents

NOBODY = "nobody"  # as an assignee: it has none
MAX_OPEN = 20_000  # rows of the first sort; more of them are beyond any list

_I, _L = incidents.c, incident_lives.c
_LEVELS = ("critical", "high", "medium", "low", "informational")
GRAVEST, NEWEST, OLDEST = "gravest", "newest", "oldest"


@dataclass(frozen=True)
class Choice:
    """Which values of a field are wanted (empty: any), and which are not."""

    wanted: tuple[str, ...] = ()
    unwanted: tuple[str, ...] = ()

    @property
    def is_any(self) -> bool:
        return not self.wanted and not self.unwanted


@dataclass(frozen=True)
class Chosen:
    """Which incidents. `robots`: ids. `assignees`: names, or NOBODY. `words`: all of the title.
    `since_t`: with a sign at or after that."""

    levels: Choice = field(default_factory=Choice)
    robots: Choice = field(default_factory=Choice)
    surfaces: Choice = field(default_factory=Choice)
    kinds: Choice = field(default_factory=Choice)
    assignees: Choice = field(default_factory=Choice)
    words: Choice = field(default_factory=Choice)
    since_t: float | None = None


@dataclass(frozen=True)
class IncidentRow:
    """An incident at a glance, as `glances` writes it, and what people left it at."""

    incident: dict[str, Any]
    life: Life


def unsettled(connection: Connection, chosen: Chosen, sort: str = GRAVEST) -> list[IncidentRow]:
    """Those that may need somebody."""
    return [_row(row) for row in connection.execute(_select(chosen, sort).where(~_settled()).limit(MAX_OPEN))]


def settled(connection: Connection, chosen: Chosen, sort: str, limit: int) -> list[IncidentRow]:
    """The first of those that are over and have not changed since."""
    return [_row(row) for row in connection.execute(_select(chosen, sort).where(_settled()).limit(limit))]


def count_settled(connection: Connection, chosen: Chosen) -> int:
    """How many those are."""
    there = incidents.outerjoin(incident_lives, _L.incident == _I.id)
    query = select(func.count()).select_from(there).where(_settled(), _which(chosen))
    return connection.execute(query).scalar_one()


def every(connection: Connection, chosen: Chosen, limit: int) -> list[IncidentRow]:
    """All of both sorts, the newest first."""
    return [_row(row) for row in connection.execute(_select(chosen, NEWEST).limit(limit))]


def _settled() -> ColumnElement[bool]:
    by_judge = and_(_I.state == "closed", or_(_L.incident.is_(None), _L.state == CLOSED, _L.seen_t.is_(None)))
    unchanged = and_(_L.state == CLOSED, _L.seen_mark == _I.glance_mark, _I.last_t <= _L.seen_t)
    return or_(by_judge, func.coalesce(unchanged, false()))


def _select(chosen: Chosen, sort: str) -> Select[Any]:
    there = incidents.outerjoin(incident_lives, _L.incident == _I.id)
    rank = case({level: place for place, level in enumerate(_LEVELS)}, value=_I.level, else_=len(_LEVELS))
    order: dict[str, Sequence[Any]] = {
        GRAVEST: (rank, _I.last_t.desc(), _I.id), NEWEST: (_I.last_t.desc(), _I.id), OLDEST: (_I.first_t, _I.id),
    }  # fmt: skip
    columns = (_I.id, _I.glance, _I.first_t, _I.last_t, _L.body)
    return select(*columns).select_from(there).where(_which(chosen)).order_by(*order[sort])


def _which(chosen: Chosen) -> ColumnElement[bool]:
    fields: tuple[tuple[Choice, Any], ...] = (
        (chosen.levels, _I.level), (chosen.robots, func.coalesce(_I.robot, "")),
        (chosen.surfaces, func.coalesce(json_text(_I.glance, "$.surface"), "")),
        (chosen.kinds, func.coalesce(json_text(_I.glance, "$.kind"), "")),
        (chosen.assignees, func.coalesce(_L.assignee, NOBODY)),
    )  # fmt: skip
    parts: list[ColumnElement[bool]] = [_I.glance.is_not(None)]
    for choice, column in fields:
        if choice.wanted:
            parts.append(column.in_(choice.wanted))
        if choice.unwanted:
            parts.append(column.not_in(choice.unwanted))
    title = func.coalesce(json_text(_I.glance, "$.title"), "")
    parts += [title.icontains(word, autoescape=True) for word in chosen.words.wanted]
    parts += [~title.icontains(word, autoescape=True) for word in chosen.words.unwanted]
    if chosen.since_t is not None:
        parts.append(_I.last_t >= chosen.since_t)
    return and_(*parts)


def _row(row: Any) -> IncidentRow:
    told = json.loads(row.glance)
    life = Life(row.id) if row.body is None else life_of(json.loads(row.body))
    return IncidentRow({**told, "first_t": row.first_t, "last_t": row.last_t}, life)
