"""The tables of what people did about incidents, and the step that makes them (migrations.STEPS).

`incident_acts` is append-only; `incident_lives` is drawn from it, for quick lists.
"""

import json

from sqlalchemy import Column, Connection, Float, Table, Text

from wachhund.ledger.glances import glance_of
from wachhund.ledger.schema import Whole, metadata

incident_acts = Table(
    "incident_acts",
    metadata,
    Column("number", Whole, primary_key=True),
    Column("incident", Text, nullable=False),
    Column("act", Text, nullable=False),
    Column("by_whom", Text, nullable=False),
    Column("t", Float, nullable=False),
    Column("text", Text, nullable=False),
    Column("detail", Text, nullable=False),
)

incident_lives = Table(
    "incident_lives",
    metadata,
    Column("incident", Text, primary_key=True),
    Column("version", Whole, nullable=False),
    Column("state", Text, nullable=False),
    Column("assignee", Text),
    Column("seen_t", Float),  # the incident's last sign when somebody decided
    Column("seen_mark", Text),  # and the mark of its glance
    Column("body", Text, nullable=False),  # a Life, JSON
)


def handling(connection: Connection) -> None:
    """What people do about incidents: each act stays as it was written."""
    for statement in (
        """CREATE TABLE incident_acts (number INTEGER PRIMARY KEY, incident TEXT NOT NULL, act TEXT NOT NULL,
            by_whom TEXT NOT NULL, t REAL NOT NULL, text TEXT NOT NULL, detail TEXT NOT NULL)""",
        "CREATE INDEX incident_acts_by_incident ON incident_acts (incident, number)",
        """CREATE TABLE incident_lives (incident TEXT PRIMARY KEY, version INTEGER NOT NULL, state TEXT NOT NULL,
            assignee TEXT, seen_t REAL, seen_mark TEXT, body TEXT NOT NULL) WITHOUT ROWID""",
    ):
        connection.exec_driver_sql(statement)
    for column in ("glance", "glance_mark"):
        connection.exec_driver_sql(f"ALTER TABLE incidents ADD COLUMN {column} TEXT")
    for identity, body in connection.exec_driver_sql("SELECT id, body FROM incidents").all():
        told = glance_of(json.loads(body))
        values = (told["glance"], told["glance_mark"], identity)
        connection.exec_driver_sql("UPDATE incidents SET glance = ?, glance_mark = ? WHERE id = ?", values)
    for act in ("UPDATE", "DELETE"):
        connection.exec_driver_sql(
            f"CREATE TRIGGER incident_acts_no_{act.lower()} BEFORE {act} ON incident_acts "
            "BEGIN SELECT RAISE(ABORT, 'what was done stays on record'); END"
        )
