"""The tables of silences, and the step that makes them (migrations.STEPS). Acts are append-only."""

from sqlalchemy import Column, Connection, Float, Table, Text

from wachhund.ledger.schema import Whole, metadata

silence_acts = Table(
    "silence_acts",
    metadata,
    Column("number", Whole, primary_key=True),
    Column("silence", Text, nullable=False),
    Column("act", Text, nullable=False),
    Column("t", Float, nullable=False),
    Column("by_whom", Text, nullable=False),
    Column("why", Text, nullable=False),
    Column("body", Text, nullable=False),  # the silence as it is then, JSON
)

silence_matches = Table(
    "silence_matches",
    metadata,
    Column("silence", Text, primary_key=True),
    Column("last_t", Float, nullable=False),
)

# How the host's clock stood to one that nobody sets, when somebody last looked.
host_clock = Table(
    "host_clock",
    metadata,
    Column("id", Whole, primary_key=True),
    Column("boot", Text, nullable=False),
    Column("offset_s", Float, nullable=False),
)


def silencing(connection: Connection) -> None:
    """What people are not told of for a while: each act stays as it was written."""
    for statement in (
        """CREATE TABLE silence_acts (number INTEGER PRIMARY KEY, silence TEXT NOT NULL, act TEXT NOT NULL,
            t REAL NOT NULL, by_whom TEXT NOT NULL, why TEXT NOT NULL, body TEXT NOT NULL)""",
        "CREATE INDEX silence_acts_by_silence ON silence_acts (silence, number)",
        "CREATE TABLE silence_matches (silence TEXT PRIMARY KEY, last_t REAL NOT NULL) WITHOUT ROWID",
        """CREATE TABLE host_clock (id INTEGER PRIMARY KEY CHECK (id = 1), boot TEXT NOT NULL,
            offset_s REAL NOT NULL)""",
    ):
        connection.exec_driver_sql(statement)
    for act in ("UPDATE", "DELETE"):
        connection.exec_driver_sql(
            f"CREATE TRIGGER silence_acts_no_{act.lower()} BEFORE {act} ON silence_acts "
            "BEGIN SELECT RAISE(ABORT, 'what was silenced stays on record'); END"
        )
