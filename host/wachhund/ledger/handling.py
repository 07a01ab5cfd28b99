"""What people do about incidents: each act is a row that stays, and what they left the incident at is drawn from it."""

import json
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from sqlalchemy import Connection, func, insert, select

from wachhund.ledger import acts, incident_rows, verdicts
from wachhund.ledger.bell import Bell
from wachhund.ledger.database import Database
from wachhund.ledger.dialects import upsert
from wachhund.ledger.handling_records import ASSIGN, COMMENT, IncidentAct, Life, life_of
from wachhund.ledger.handling_schema import incident_acts, incident_lives
from wachhund.ledger.incident_rows import NEWEST, Chosen, IncidentRow
from wachhund.ledger.schema import incidents

_ACTS, _LIVES = incident_acts.c, incident_lives.c
_AT_ONCE = 500  # names in one question

# Says what an act makes of an incident (as the judge told it) and of what people left it at; None for no incident of
# that id. It runs while nobody else can write, and refuses by raising: then nothing is kept.
Decide = Callable[[Mapping[str, Any] | None, Life], tuple[IncidentAct, Life]]


class Handling:
    """A part of the ledger; safe to use from several threads. Every method may raise LedgerError."""

    def __init__(self, database: Database, changes: Bell) -> None:
        self._database, self._changes = database, changes

    def act(self, incident: str, decide: Decide) -> Life:
        """Do an act to an incident (its id), in one transaction. What people left it at."""
        with self._database.writing() as connection:
            act, left_at = decide(verdicts.incident(connection, incident), life(connection, incident))
            done = _keep(connection, act, left_at)
        self._changes.ring()
        return done

    def life(self, incident: str) -> Life:
        """What people left an incident at."""
        with self._database.reading() as connection:
            return life(connection, incident)

    def lives(self, incidents: Sequence[str]) -> dict[str, Life]:
        """The same of several; those that nobody did anything about are left out."""
        with self._database.reading() as connection:
            return lives(connection, incidents)

    def acts(self, incident: str) -> list[IncidentAct]:
        """What was done about an incident, the oldest first."""
        with self._database.reading() as connection:
            query = select(incident_acts).where(_ACTS.incident == incident).order_by(_ACTS.number)
            names = {name: name for name in ("incident", "act", "t", "text", "detail", "number")}
            rows = connection.execute(query).mappings()
            return [
                IncidentAct(**{name: row[column] for name, column in {**names, "by": "by_whom"}.items()})
                for row in rows
            ]

    def unsettled(self, chosen: Chosen, sort: str = NEWEST) -> list[IncidentRow]:
        """The incidents that may need somebody; where each stands is for alerts.life to say."""
        with self._database.reading() as connection:
            return incident_rows.unsettled(connection, chosen, sort)

    def settled(self, chosen: Chosen, sort: str, limit: int) -> tuple[list[IncidentRow], int]:
        """The first of those that are over and have not changed since, and how many there are."""
        with self._database.reading() as connection:
            counted = incident_rows.count_settled(connection, chosen)
            return (incident_rows.settled(connection, chosen, sort, limit) if limit else []), counted

    def every(self, chosen: Chosen, limit: int) -> list[IncidentRow]:
        """All incidents, the newest first."""
        with self._database.reading() as connection:
            return incident_rows.every(connection, chosen, limit)


def life(connection: Connection, incident: str) -> Life:
    """What people left an incident at, in a moment of the ledger."""
    return lives(connection, [incident]).get(incident, Life(incident))


def lives(connection: Connection, incidents: Sequence[str]) -> dict[str, Life]:
    """The same of several."""
    found = {}
    for at in range(0, len(incidents), _AT_ONCE):
        names = incidents[at : at + _AT_ONCE]
        rows = connection.execute(select(_LIVES.incident, _LIVES.body).where(_LIVES.incident.in_(names)))
        found.update({row.incident: life_of(json.loads(row.body)) for row in rows})
    return found


def _keep(connection: Connection, act: IncidentAct, left_at: Life) -> Life:
    number = (connection.execute(select(func.max(_ACTS.number))).scalar() or 0) + 1
    robot = connection.execute(select(incidents.c.robot).where(incidents.c.id == act.incident)).scalar() or ""
    acts.record(
        connection, t=act.t, who=act.by, act=f"incident {act.act}", subject=f"incident {act.incident}", robot=robot,
        why=act.text, detail={"to": act.detail} if act.detail else None,
    )  # fmt: skip
    connection.execute(
        insert(incident_acts).values(
            number=number, incident=act.incident, act=act.act, by_whom=act.by, t=act.t, text=act.text, detail=act.detail
        )
    )
    if act.act == COMMENT:
        return left_at  # comments do not get into each other's way
    told = Life(**{**vars(left_at), "version": number})
    row = {
        "version": number, "state": told.state, "assignee": told.assignee,
        "seen_t": None if told.seen is None else told.seen.last_t, "body": json.dumps(told.to_json()),
        "seen_mark": connection.execute(select(incidents.c.glance_mark).where(incidents.c.id == act.incident)).scalar(),
    }  # fmt: skip
    if act.act == ASSIGN:
        del row["seen_mark"]  # who assigns decides nothing about what is to be seen
    made = upsert(incident_lives).values(incident=act.incident, **row)
    connection.execute(made.on_conflict_do_update(index_elements=["incident"], set_=row))
    return told
