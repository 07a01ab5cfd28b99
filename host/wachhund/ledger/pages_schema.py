"""The tables of what pages hold for minutes, whichever process is asked next, and the step that makes them
(migrations.STEPS). None of it is evidence, and nothing is told by its numbers: a row is found by its key."""

from sqlalchemy import Column, Connection, Float, Table, Text

from wachhund.ledger.schema import Whole, metadata

held_once = Table(
    "held_once",
    metadata,
    Column("kind", Text, primary_key=True),
    Column("holder", Text, primary_key=True),
    Column("until_t", Float, nullable=False),
    Column("body", Text, nullable=False),
)
attempts = Table(
    "attempts",
    metadata,
    Column("kind", Text, primary_key=True),
    Column("holder", Text, primary_key=True),  # empty: all of that kind together
    Column("times", Text, nullable=False),  # JSON list of host times, the oldest first
    Column("last_t", Float, nullable=False),
)
hunts = Table(
    "hunts",
    metadata,
    Column("id", Text, primary_key=True),
    Column("started_t", Float, nullable=False),
    Column("told_t", Float, nullable=False),  # when the process that runs it last wrote here
    Column("cancelled", Whole, nullable=False),
    Column("body", Text, nullable=False),  # JSON
)


def pages_of_many(connection: Connection) -> None:
    """What one process of the pages begins, and another may be asked to end."""
    for statement in (
        """CREATE TABLE held_once (kind TEXT NOT NULL, holder TEXT NOT NULL, until_t REAL NOT NULL, body TEXT NOT NULL,
            PRIMARY KEY (kind, holder)) WITHOUT ROWID""",
        """CREATE TABLE attempts (kind TEXT NOT NULL, holder TEXT NOT NULL, times TEXT NOT NULL, last_t REAL NOT NULL,
            PRIMARY KEY (kind, holder)) WITHOUT ROWID""",
        """CREATE TABLE hunts (id TEXT PRIMARY KEY, started_t REAL NOT NULL, told_t REAL NOT NULL,
            cancelled INTEGER NOT NULL, body TEXT NOT NULL)""",
    ):
        connection.exec_driver_sql(statement)
