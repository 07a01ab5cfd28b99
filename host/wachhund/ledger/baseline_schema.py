"""The table of what was accepted as usual, and the step that makes it (migrations.STEPS). Append-only."""

from sqlalchemy import Column, Connection, Float, Table, Text

from wachhund.ledger.schema import Whole, metadata

baseline_acts = Table(
    "baseline_acts",
    metadata,
    Column("number", Whole, primary_key=True, autoincrement=False),
    Column("baseline", Text, nullable=False),
    Column("robot", Text, nullable=False),
    Column("act", Text, nullable=False),
    Column("t", Float, nullable=False),
    Column("by_whom", Text, nullable=False),
    Column("why", Text, nullable=False),
    Column("after", Whole, nullable=False),
    Column("after_fault", Whole, nullable=False),
    Column("body", Text, nullable=False),  # the baseline as it was accepted, JSON; of an end: empty
)


def baselines(connection: Connection) -> None:
    """What people accepted as usual: each act stays as it was written."""
    connection.exec_driver_sql(
        """CREATE TABLE baseline_acts (number INTEGER PRIMARY KEY, baseline TEXT NOT NULL, robot TEXT NOT NULL,
            act TEXT NOT NULL, t REAL NOT NULL, by_whom TEXT NOT NULL, why TEXT NOT NULL, after INTEGER NOT NULL,
            after_fault INTEGER NOT NULL, body TEXT NOT NULL, UNIQUE (baseline, act))"""
    )
    for act in ("UPDATE", "DELETE"):
        connection.exec_driver_sql(
            f"CREATE TRIGGER baseline_acts_no_{act.lower()} BEFORE {act} ON baseline_acts "
            "BEGIN SELECT RAISE(ABORT, 'what was accepted stays on record'); END"
        )
