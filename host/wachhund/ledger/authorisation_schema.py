"""The tables of what was allowed, append-only, and of ends that were told, with their steps (migrations.STEPS)."""

from sqlalchemy import Column, Connection, Float, Table, Text

from wachhund.ledger.schema import Whole, metadata

authorisation_acts = Table(
    "authorisation_acts",
    metadata,
    Column("number", Whole, primary_key=True),
    Column("authorisation", Text, nullable=False),
    Column("act", Text, nullable=False),
    Column("t", Float, nullable=False),
    Column("by_whom", Text, nullable=False),
    Column("why", Text, nullable=False),
    Column("after", Whole, nullable=False),
    Column("after_fault", Whole, nullable=False),
    Column("body", Text, nullable=False),  # the authorisation as it is then, JSON
)

authorisation_tellings = Table(
    "authorisation_tellings",
    metadata,
    Column("authorisation", Text, primary_key=True, nullable=False),
    Column("told_t", Float, nullable=False),
)


def authorisations(connection: Connection) -> None:
    """What operators allow: each act stays as it was written, and the judge counts them."""
    connection.exec_driver_sql(
        """CREATE TABLE authorisation_acts (number INTEGER PRIMARY KEY, authorisation TEXT NOT NULL, act TEXT NOT NULL,
            t REAL NOT NULL, by_whom TEXT NOT NULL, why TEXT NOT NULL, after INTEGER NOT NULL,
            after_fault INTEGER NOT NULL, body TEXT NOT NULL, UNIQUE (authorisation, act))"""
    )
    for act in ("UPDATE", "DELETE"):
        connection.exec_driver_sql(
            f"CREATE TRIGGER authorisation_acts_no_{act.lower()} BEFORE {act} ON authorisation_acts "
            "BEGIN SELECT RAISE(ABORT, 'what was allowed stays on record'); END"
        )
    for column in ("acts", "minded_acts"):
        connection.exec_driver_sql(f"ALTER TABLE judgements ADD COLUMN {column} INTEGER NOT NULL DEFAULT 0")


def authorisations_told(connection: Connection) -> None:
    """Of which authorisations somebody was told that they end soon."""
    connection.exec_driver_sql(
        "CREATE TABLE authorisation_tellings (authorisation TEXT PRIMARY KEY, told_t REAL NOT NULL) WITHOUT ROWID"
    )
