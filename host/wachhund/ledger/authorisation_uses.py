"""How authorisations are used: which sessions each covers now, and when it was used last.

A session that goes on when its authorisation ends is covered by none any more. That it was stays known here.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, func, select

from wachhund.ledger.database import Database
from wachhund.ledger.dialects import greater_of, json_number, lesser_of, upsert
from wachhund.ledger.schema import sessions
from wachhund.ledger.session_schema import authorisation_uses

_USES = authorisation_uses.c
_AT_ONCE = 500  # ids in one question


@dataclass(frozen=True)
class Use:
    """`covers`: how many sessions that are open now. `last_t`: until when a covered one went on, host time; with open
    ones, and after a session that outlived its authorisation, no more than a lower or an upper bound."""

    covers: int
    first_t: float
    last_t: float


def note(connection: Connection, seen: Sequence[Mapping[str, Any]]) -> None:
    """Take what is about to be kept of sessions, before it is."""
    spans: list[tuple[str, float, float]] = []
    for session in seen:
        covering = session.get("authorisation")
        if covering is not None:
            last_t = session["first_t"] if session["last_t"] is None else session["last_t"]
            spans.append((str(covering["id"]), session["first_t"], last_t))
    spans += _left(connection, {str(session["id"]): session for session in seen})
    made = upsert(authorisation_uses)
    changed = {
        "first_t": lesser_of(_USES.first_t, made.excluded.first_t),
        "last_t": greater_of(_USES.last_t, made.excluded.last_t),
    }
    # In one order: judges of several lanes write the same rows side by side.
    for name, first_t, last_t in sorted(spans):
        row = {"authorisation": name, "first_t": first_t, "last_t": last_t}
        connection.execute(made.values(**row).on_conflict_do_update(index_elements=["authorisation"], set_=changed))


def _left(connection: Connection, seen: Mapping[str, Mapping[str, Any]]) -> list[tuple[str, float, float]]:
    """Of sessions that are covered by another one now, or by none: until when they were, at the latest."""
    names, found = list(seen), []
    for start in range(0, len(names), _AT_ONCE):
        wanted = sessions.c.id.in_(names[start : start + _AT_ONCE]), sessions.c.authorisation.is_not(None)
        until_t = json_number(sessions.c.body, "$.authorisation.until_t")
        query = select(sessions.c.id, sessions.c.authorisation, sessions.c.first_t, until_t.label("until_t"))
        for row in connection.execute(query.where(*wanted)):
            covering = seen[row.id].get("authorisation")
            if covering is None or str(covering["id"]) != row.authorisation:
                found.append((row.authorisation, row.first_t, row.until_t))
    return found


class AuthorisationUses:
    """A part of the ledger; safe to use from several threads. Every method may raise LedgerError."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def all(self) -> dict[str, Use]:
        """By authorisation, of those that were ever used."""
        mine = sessions.c.authorisation
        counted = (
            select(mine, func.count().label("number"))
            .where(mine.is_not(None), sessions.c.last_t.is_(None))
            .group_by(mine)
        )
        with self._database.reading() as connection:
            covers = {row.authorisation: row.number for row in connection.execute(counted)}
            return {
                row.authorisation: Use(covers.get(row.authorisation, 0), row.first_t, row.last_t)
                for row in connection.execute(select(authorisation_uses))
            }
